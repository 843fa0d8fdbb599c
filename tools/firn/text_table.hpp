// Aligned columns of text, for listings.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace firn::cli {

class TextTable {
 public:
  /// Column names; one that begins with '>' is aligned to the right (the sign is not shown).
  explicit TextTable(std::vector<std::string> columns);
  /// Requires a cell for each column.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  /// Header line and rows, two blanks between columns, no blanks at a line's end.
  std::string text() const;

 private:
  std::vector<std::string> columns_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

/// Characters of UTF-8 text as a terminal counts them (one each).
std::size_t display_width(std::string_view text);

}  // namespace firn::cli
