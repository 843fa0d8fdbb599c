// Every schema that a table has had, and since which commit: a row version of commit c holds the columns of the schema in
// force at c, and a read as of c answers in that schema.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "storage/hot/row_codec.hpp"

namespace firn::storage {

struct SchemaVersion {
  std::uint32_t version = 0;
  Schema schema;
  std::uint64_t csn = 0;  ///< the commit that brought it; 0 in tables from before ALTER
};

/// Immutable; thread-safe. A table has at most 65,535 versions: hot rows name theirs in two bytes.
class SchemaHistory {
 public:
  static constexpr std::uint32_t kVersionsMax = 65'535;
  /// One version and how its rows lie in the hot tier.
  struct Entry {
    SchemaVersion version;
    hot::RowLayout layout;
  };

  SchemaHistory() = default;
  /// With a version more; versions come in ascending order.
  SchemaHistory with(SchemaVersion version) const;

  bool empty() const noexcept { return entries_.empty(); }
  /// Requires that there is one.
  const Entry& newest() const { return *entries_.back(); }
  /// The one in force at this CSN.
  const Entry& at(std::uint64_t csn) const;
  /// nullptr if there is none.
  const Entry* find(std::uint32_t version) const;
  /// The newest version with exactly these columns; nullptr if no version has them.
  const Entry* find(const Schema& schema) const;
  /// Position in the newest schema of the column that had this name in some version, the newest such version first.
  std::optional<std::size_t> find_former_name(std::string_view name) const;

  /// The commit that dropped the column; nullopt if the newest version has it, or none ever had.
  std::optional<std::uint64_t> dropped_at(std::uint32_t column_id) const;

  /// What files are written with: the newest columns, and dropped ones that a readable state still has, in their widest
  /// type, nullable, under another name where theirs is taken. `needed(begin, end)`: a CSN in [begin, end) can be read.
  /// Error {invalid_argument} if these are more columns than a table may have.
  Result<Schema> storage_schema(const std::function<bool(std::uint64_t, std::uint64_t)>& needed) const;

 private:
  std::vector<std::shared_ptr<const Entry>> entries_;
};

}  // namespace firn::storage
