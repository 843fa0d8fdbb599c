// Rows from CSV, NDJSON and Arrow files as batches of equal size, whatever the file's own pieces are, and from tables of
// SQLite files. Compressed files (but SQLite's) are read directly. Owned by one thread at a time; consumed() and the like may be asked between calls only.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "schema/text/field.hpp"

namespace firn::io {

enum class RowFormat { csv, ndjson, arrow };
inline constexpr std::string_view kRowFormats = "csv|ndjson|arrow";
std::optional<RowFormat> row_format_of(std::string_view name) noexcept;

/// Gives the schema that rows are delivered in, from the one that the file was found to have.
using ChooseSchema = std::function<Result<Schema>(const Schema& found)>;

struct RowSourceOptions {
  std::string path;                 ///< "-" is standard input
  std::optional<RowFormat> format;  ///< else by the name's ending, else by the first bytes
  std::string table;                ///< of a SQLite file; default: its only one
  /// Columns to deliver, matched by name; columns of the file that it lacks are an error.
  std::optional<Schema> schema;
  ChooseSchema choose;  ///< asked if there is no `schema`; default: as found
  std::size_t batch_rows = 50'000;
  text::BadRowSink bad_rows;  ///< text formats: takes rows that do not fit; else the first one is an error

  /// What `choose` says to the columns found; without it `otherwise`.
  Result<Schema> chosen(const Schema& found, const Schema& otherwise) const {
    return choose ? choose(found) : otherwise;
  }
};

class RowSource {
 public:
  virtual ~RowSource() = default;
  /// The next batch, full but for the last one, and those of very large values; nothing at the end. Errors name the line (text) or row (Arrow).
  virtual Result<std::optional<Batch>> next() = 0;
  /// Of the batches; known after the first next() that was no error.
  virtual const Schema& schema() const = 0;
  /// Bytes of the (compressed) file taken so far.
  virtual std::uint64_t consumed() const = 0;
  virtual std::uint64_t bad_rows() const = 0;
};

/// Opens the file and finds out its format. Errors: {not_found}, {io}, {corrupt}.
Result<std::unique_ptr<RowSource>> open_rows(const RowSourceOptions& options);

}  // namespace firn::io
