// Hot rows of any schema version, read as rows of one schema.
#pragma once
#include <map>

#include "storage/column_mapping.hpp"
#include "storage/schema_history.hpp"

namespace firn::storage {

/// Owned by one thread.
class VersionedRows {
 public:
  VersionedRows(std::shared_ptr<const SchemaHistory> history, Schema wanted)
      : history_(std::move(history)), wanted_(std::move(wanted)) {}
  /// For the columns at these positions of `wanted` alone.
  VersionedRows(std::shared_ptr<const SchemaHistory> history, Schema wanted, std::vector<std::size_t> columns)
      : history_(std::move(history)), wanted_(std::move(wanted)), columns_(std::move(columns)) {}
  const Schema& schema() const { return wanted_; }
  /// Appends the row to a builder a column. Error {corrupt} if the bytes are no row of any version.
  Result<void> append_to(std::string_view row, std::span<ColumnBuilder> out);
  Result<std::vector<Value>> values(std::string_view row);

 private:
  struct Source {
    const hot::RowLayout* layout;
    ColumnMapping mapping;
  };
  Result<const Source*> source_of(std::string_view row);

  std::shared_ptr<const SchemaHistory> history_;
  Schema wanted_;
  std::optional<std::vector<std::size_t>> columns_;  ///< none: all
  std::map<std::uint16_t, Source> sources_;          ///< by version, as they are met
};

}  // namespace firn::storage
