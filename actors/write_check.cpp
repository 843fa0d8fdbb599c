#include "write_check.hpp"

#include <algorithm>

#include "name_match.hpp"
#include "schema/key_codec.hpp"

namespace firn::runtime {
namespace {

Error bad_column(const std::string& name, const std::string& what) {
  return {ErrorCode::invalid_argument, "column \"" + name + "\" " + what};
}

Result<Column> defaults_of(const ColumnSchema& column, std::int64_t rows) {
  ColumnBuilder b(column.type);
  for (std::int64_t i = 0; i < rows; ++i) FIRN_TRY(b.append(column.default_value));
  return b.finish();
}

Column zeros_u64(std::int64_t rows) {
  Column c;
  c.type = TypeId::u64;
  c.length = rows;
  c.values = MutableBuffer(static_cast<std::size_t>(rows) * sizeof(std::uint64_t)).freeze();
  return c;
}

Result<Column> cast_column(const Column& from, const ColumnSchema& to) {
  ColumnBuilder b(to.type);
  for (std::int64_t i = 0; i < from.length; ++i) {
    if (auto done = b.append(from.value_at(static_cast<std::size_t>(i))); !done) {
      return done.error().within("row " + std::to_string(i) + ", column \"" + to.name + "\"");
    }
  }
  return b.finish();
}

Result<Column> fit_column(const Column& from, const ColumnSchema& to) {
  if (!to.nullable && from.null_count != 0)
    return bad_column(to.name, "is not null, and the batch has NULLs in it");
  if (from.type != to.type) return cast_column(from, to);
  return from.dictionary ? from.to_plain() : from;
}

/// Position in the batch of each of the table's columns; -1 = not there.
Result<std::vector<int>> match(const Schema& schema, const Schema& given) {
  std::vector<int> at(schema.size(), -1);
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto column = schema.find(given[i].name);
    if (!column) {
      std::vector<std::string> names;
      for (const auto& c : schema.columns()) names.push_back(c.name);
      return bad_column(given[i].name, "is not in the table" + suggest(given[i].name, names));
    }
    if (at[*column] >= 0) return bad_column(given[i].name, "comes twice");
    at[*column] = static_cast<int>(i);
  }
  return at;
}

bool is_key(const Schema& schema, std::size_t column) {
  return std::find(schema.key().begin(), schema.key().end(), column) != schema.key().end();
}

Result<Column> missing_column(const Schema& schema, std::size_t i, std::int64_t rows) {
  if (schema.has_row_key() && i + 1 == schema.size()) return zeros_u64(rows);
  if (!schema[i].nullable && schema[i].default_value.is_null())
    return bad_column(schema[i].name, "is not null, and the batch has no such column");
  return defaults_of(schema[i], rows);
}

Result<Batch> fit_update(const Schema& schema, const Batch& rows, const std::vector<int>& at) {
  std::vector<ColumnSchema> columns;
  std::vector<Column> values;
  SchemaOptions options;
  for (std::size_t i = 0; i < schema.size(); ++i) {
    if (at[i] < 0) {
      if (is_key(schema, i)) return bad_column(schema[i].name, "is part of the key, and the update lacks it");
      continue;
    }
    FIRN_ASSIGN(Column fitted, fit_column(rows[static_cast<std::size_t>(at[i])], schema[i]));
    columns.push_back(schema[i]);
    values.push_back(std::move(fitted));
  }
  for (const std::size_t k : schema.key()) options.key.push_back(schema[k].name);
  FIRN_ASSIGN(Schema partial, Schema::make(std::move(columns), options));
  return Batch(std::move(partial), rows.rows(), std::move(values));
}

}  // namespace

Result<Batch> fit_to_schema(const Schema& schema, const Batch& rows, WriteMode mode) {
  const bool plain = std::none_of(rows.columns().begin(), rows.columns().end(),
                                  [](const Column& c) { return c.dictionary; });
  if (plain && rows.schema() == schema) return rows;
  FIRN_ASSIGN(const std::vector<int> at, match(schema, rows.schema()));
  if (is_update(mode)) return fit_update(schema, rows, at);
  std::vector<Column> columns;
  for (std::size_t i = 0; i < schema.size(); ++i) {
    FIRN_ASSIGN(Column c, at[i] < 0 ? missing_column(schema, i, rows.rows())
                                    : fit_column(rows[static_cast<std::size_t>(at[i])], schema[i]));
    columns.push_back(std::move(c));
  }
  return Batch(schema, rows.rows(), std::move(columns));
}

Result<Batch> fit_to_table(const storage::TableStore& store, const Batch& rows, WriteMode mode) {
  // By name where the names fit: ids that a program's own schema was given by parse() say nothing of the table's columns.
  Result<Batch> fitted = fit_to_schema(store.schema(), rows, mode);
  if (fitted || is_update(mode)) return fitted;
  if (auto recast = store.recast(rows)) return std::move(*recast);
  return fitted;
}

Result<void> check_keys(const Batch& rows) {
  std::string key;
  for (std::int64_t i = 0; i < rows.rows(); ++i) {
    key.clear();
    if (auto done = encode_key(rows.schema(), rows, static_cast<std::size_t>(i), key); !done) {
      return done.error().within("row " + std::to_string(i));
    }
  }
  return {};
}

}  // namespace firn::runtime
