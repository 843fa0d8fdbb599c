#include "io/import_schema.hpp"

#include <cstring>

namespace firn::io {

Schema input_columns(const Schema& table) {
  if (!table.has_row_key()) return table;
  std::vector<ColumnSchema> columns = table.columns();
  columns.pop_back();
  return Schema::for_result(std::move(columns));
}

std::vector<std::string> key_names(const Schema& schema) {
  std::vector<std::string> names;
  if (schema.has_row_key()) return names;
  for (const std::size_t column : schema.key()) names.push_back(schema[column].name);
  return names;
}

std::string time_name(const Schema& schema) {
  return schema.time() ? schema[*schema.time()].name : std::string();
}

Result<Schema> table_schema(const Schema& found, SchemaOptions asked) {
  if (asked.key.empty()) asked.key = key_names(found);
  if (asked.time.empty()) asked.time = time_name(found);
  std::vector<ColumnSchema> columns = found.columns();
  for (ColumnSchema& column : columns) column.id = 0;
  return Schema::make(std::move(columns), asked);
}

Batch in_table_schema(const Batch& rows, const Schema& table) {
  std::vector<Column> columns = rows.columns();
  if (table.has_row_key()) {
    Column numbers;
    numbers.type = TypeId::u64;
    numbers.length = rows.rows();
    MutableBuffer zeros(static_cast<std::size_t>(rows.rows()) * sizeof(std::uint64_t));
    std::memset(zeros.data(), 0, zeros.size());
    numbers.values = zeros.freeze();
    columns.push_back(std::move(numbers));
  }
  return {table, rows.rows(), std::move(columns)};
}

}  // namespace firn::io
