#include "storage/schema_history.hpp"

#include <algorithm>

namespace firn::storage {
namespace {

bool has_name(const std::vector<ColumnSchema>& columns, std::string_view name) {
  return std::any_of(columns.begin(), columns.end(), [&](const ColumnSchema& c) { return c.name == name; });
}

bool has_id(const std::vector<ColumnSchema>& columns, std::uint32_t id) {
  return std::any_of(columns.begin(), columns.end(), [&](const ColumnSchema& c) { return c.id == id; });
}

std::string free_name(const std::vector<ColumnSchema>& columns, const ColumnSchema& column) {
  if (!has_name(columns, column.name)) return column.name;
  std::string name = "dropped#" + std::to_string(column.id);
  while (has_name(columns, name)) name += '#';
  return name;
}

SchemaOptions options_of(const Schema& schema) {
  SchemaOptions options;
  options.last_column_id = schema.last_column_id();
  for (const std::size_t k : schema.key()) options.key.push_back(schema[k].name);
  if (schema.time()) options.time = schema[*schema.time()].name;
  return options;
}

}  // namespace

SchemaHistory SchemaHistory::with(SchemaVersion version) const {
  SchemaHistory out = *this;
  std::erase_if(out.entries_, [&](const auto& e) { return e->version.version >= version.version; });
  hot::RowLayout layout(version.schema, static_cast<std::uint16_t>(version.version));
  out.entries_.push_back(std::make_shared<const Entry>(Entry{std::move(version), std::move(layout)}));
  return out;
}

const SchemaHistory::Entry& SchemaHistory::at(std::uint64_t csn) const {
  const auto after = std::upper_bound(entries_.begin() + 1, entries_.end(), csn,
                                      [](std::uint64_t c, const auto& e) { return c < e->version.csn; });
  return **std::prev(after);
}

const SchemaHistory::Entry* SchemaHistory::find(std::uint32_t version) const {
  const auto it = std::lower_bound(entries_.begin(), entries_.end(), version,
                                   [](const auto& e, std::uint32_t v) { return e->version.version < v; });
  return it != entries_.end() && (*it)->version.version == version ? it->get() : nullptr;
}

const SchemaHistory::Entry* SchemaHistory::find(const Schema& schema) const {
  for (std::size_t i = entries_.size(); i-- > 0;)
    if (entries_[i]->version.schema == schema) return entries_[i].get();
  return nullptr;
}

std::optional<std::size_t> SchemaHistory::find_former_name(std::string_view name) const {
  for (std::size_t i = entries_.size(); i-- > 0;) {
    const Schema& schema = entries_[i]->version.schema;
    if (const auto at = schema.find(name)) return newest().version.schema.find_id(schema[*at].id);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> SchemaHistory::dropped_at(std::uint32_t column_id) const {
  for (std::size_t i = entries_.size(); i-- > 0;) {
    if (!entries_[i]->version.schema.find_id(column_id)) continue;
    if (i + 1 == entries_.size()) return std::nullopt;
    return entries_[i + 1]->version.csn;
  }
  return std::nullopt;
}

Result<Schema> SchemaHistory::storage_schema(
    const std::function<bool(std::uint64_t, std::uint64_t)>& needed) const {
  const Schema& now = newest().version.schema;
  if (entries_.size() == 1) return now;
  std::vector<ColumnSchema> columns = now.columns();
  const std::size_t current = columns.size();
  std::optional<ColumnSchema> row_column;  // stays the last
  if (now.has_row_key()) {
    row_column = columns.back();
    columns.pop_back();
  }
  std::vector<std::uint32_t> wanted;  // ids of dropped columns that a readable state has
  for (std::size_t i = 0; i + 1 < entries_.size(); ++i) {
    const std::uint64_t begin = i == 0 ? 0 : entries_[i]->version.csn;
    if (!needed(begin, entries_[i + 1]->version.csn)) continue;
    for (const ColumnSchema& c : entries_[i]->version.schema.columns()) wanted.push_back(c.id);
  }
  for (std::size_t i = entries_.size() - 1; i-- > 0;) {  // the last version that had it knows its widest type
    for (const ColumnSchema& c : entries_[i]->version.schema.columns()) {
      if (has_id(now.columns(), c.id) || has_id(columns, c.id)) continue;
      if (std::find(wanted.begin(), wanted.end(), c.id) == wanted.end()) continue;
      ColumnSchema kept = c;
      kept.name = free_name(columns, c);
      kept.nullable = true;
      columns.push_back(std::move(kept));
    }
  }
  if (row_column) columns.push_back(*row_column);
  if (columns.size() == current) return now;
  return Schema::make(std::move(columns), options_of(now));
}

}  // namespace firn::storage
