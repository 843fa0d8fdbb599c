#include "storage/versioned_rows.hpp"

#include "storage/column_conversion.hpp"

namespace firn::storage {

Result<const VersionedRows::Source*> VersionedRows::source_of(std::string_view row) {
  const auto version = hot::version_of_row(row);
  if (!version) return Error(ErrorCode::corrupt, "a hot row is too short for a schema version");
  auto known = sources_.find(*version);
  if (known == sources_.end()) {
    const SchemaHistory::Entry* entry = history_->find(*version);
    if (entry == nullptr)
      return Error(ErrorCode::corrupt,
                   "a hot row has the unknown schema version " + std::to_string(*version));
    const Schema& stored = entry->version.schema;
    const ColumnMapping mapping =
        columns_ ? ColumnMapping(stored, wanted_, *columns_) : ColumnMapping(stored, wanted_);
    known = sources_.emplace(*version, Source{&entry->layout, mapping}).first;
  }
  FIRN_TRY(known->second.layout->check(row));
  return &known->second;
}

Result<void> VersionedRows::append_to(std::string_view row, std::span<ColumnBuilder> out) {
  FIRN_ASSIGN(const Source* source, source_of(row));
  const auto& targets = source->mapping.targets();
  const auto& stored = source->mapping.stored();
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const ColumnMapping::Target& t = targets[i];
    if (t.read && !t.converted) {
      source->layout->append_to(row, stored[*t.read], out[i]);
      continue;
    }
    const Value v = t.read ? convert(source->layout->value(row, stored[*t.read]), t.type) : t.missing;
    if (v.is_null())
      out[i].append_null();
    else
      FIRN_TRY(out[i].append(v));
  }
  return {};
}

Result<std::vector<Value>> VersionedRows::values(std::string_view row) {
  FIRN_ASSIGN(const Source* source, source_of(row));
  std::vector<Value> read;
  for (const std::size_t column : source->mapping.stored())
    read.push_back(source->layout->value(row, column));
  return source->mapping.values(std::move(read));
}

}  // namespace firn::storage
