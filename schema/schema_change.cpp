#include "schema/schema_change.hpp"

#include <algorithm>

#include "schema/coerce.hpp"

namespace firn {
namespace {

constexpr std::string_view kRowKeyName = "_row";

Error not_allowed(std::string message) { return {ErrorCode::invalid_argument, std::move(message)}; }
std::string column_shown(std::string_view column) { return "column \"" + std::string(column) + "\""; }

bool is_key(const Schema& schema, std::size_t at) {
  return std::find(schema.key().begin(), schema.key().end(), at) != schema.key().end();
}

Result<std::size_t> position(const Schema& schema, const std::string& name) {
  if (const auto at = schema.find(name)) return *at;
  std::string names;
  for (const ColumnSchema& c : schema.columns()) names += (names.empty() ? "" : ", ") + c.name;
  return Error(ErrorCode::not_found, "the table has no " + column_shown(name) + "; it has " + names);
}

Result<void> check_new_name(const Schema& schema, const std::string& name) {
  if (name == kRowKeyName) return not_allowed("the name _row is reserved for the key of tables without one");
  for (const ColumnSchema& c : schema.columns())
    if (c.name == name)
      return Error(ErrorCode::already_exists, "the table has a " + column_shown(name) + " already");
  return {};
}

/// A schema of these columns with the key and event time of another, found by id.
Result<Schema> with_columns(const Schema& before, std::vector<ColumnSchema> columns) {
  const auto name_of_id = [&](std::uint32_t id) {
    const auto it = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.id == id; });
    return it == columns.end() ? std::string() : it->name;
  };
  SchemaOptions options;
  options.last_column_id = before.last_column_id();
  for (const std::size_t k : before.key()) options.key.push_back(name_of_id(before[k].id));
  if (before.time()) options.time = name_of_id(before[*before.time()].id);
  return Schema::make(std::move(columns), options);
}

Result<Schema> with_added(const Schema& schema, const SchemaChange& change) {
  FIRN_TRY(check_new_name(schema, change.column));
  Result<Value> value = coerce(change.default_value, change.type);
  if (!value) return value.error().within("the default of " + column_shown(change.column));
  if (!change.nullable && value->is_null())
    return not_allowed(
        column_shown(change.column) +
        " is to be not null, but the rows that are there have no value for it: give a DEFAULT");
  std::vector<ColumnSchema> columns = schema.columns();
  const auto at = schema.has_row_key() ? columns.end() - 1 : columns.end();  // `_row` stays the last
  columns.insert(at, {0, change.column, change.type, change.nullable, std::move(*value)});
  return with_columns(schema, std::move(columns));
}

Result<Schema> with_dropped(const Schema& schema, const SchemaChange& change) {
  FIRN_ASSIGN(const std::size_t at, position(schema, change.column));
  if (is_key(schema, at))
    return not_allowed(column_shown(change.column) + " is part of the key: it can be renamed, not dropped");
  if (schema.time() == at)
    return not_allowed(column_shown(change.column) + " is the event time: it can be renamed, not dropped");
  std::vector<ColumnSchema> columns = schema.columns();
  columns.erase(columns.begin() + static_cast<std::ptrdiff_t>(at));
  if (columns.size() == 1 && schema.has_row_key())
    return not_allowed(column_shown(change.column) + " is the table's only column: drop the table instead");
  return with_columns(schema, std::move(columns));
}

Result<Schema> with_renamed(const Schema& schema, const SchemaChange& change) {
  FIRN_ASSIGN(const std::size_t at, position(schema, change.column));
  if (schema[at].name == kRowKeyName)
    return not_allowed("the key _row of tables without one cannot be renamed");
  FIRN_TRY(check_new_name(schema, change.new_name));
  std::vector<ColumnSchema> columns = schema.columns();
  columns[at].name = change.new_name;
  return with_columns(schema, std::move(columns));
}

constexpr TypeId kTypes[] = {TypeId::i16, TypeId::i32, TypeId::i64, TypeId::u16,      TypeId::u32,
                             TypeId::u64, TypeId::f32, TypeId::f64, TypeId::timestamp};

std::string wider_types(TypeId from) {
  std::string text;
  for (const TypeId to : kTypes)
    if (is_widening(from, to)) text += (text.empty() ? "" : ", ") + std::string(name_of(to));
  return text.empty() ? "nothing is wider than it" : "without loss it can become " + text;
}

Result<Schema> with_widened(const Schema& schema, const SchemaChange& change) {
  FIRN_ASSIGN(const std::size_t at, position(schema, change.column));
  const TypeId from = schema[at].type;
  const std::string types = std::string(name_of(from)) + " to " + std::string(name_of(change.type));
  if (is_key(schema, at))
    return not_allowed(column_shown(change.column) +
                       " is part of the key: its type cannot change, only its name");
  if (from == change.type)
    return not_allowed(column_shown(change.column) + " is " + std::string(name_of(from)) + " already");
  if (!is_widening(from, change.type))
    return not_allowed(column_shown(change.column) + " cannot go from " + types + ": values could be lost; " +
                       wider_types(from));
  std::vector<ColumnSchema> columns = schema.columns();
  columns[at].type = change.type;
  FIRN_ASSIGN(columns[at].default_value, columns[at].default_value.cast(change.type));
  return with_columns(schema, std::move(columns));
}

}  // namespace

bool is_widening(TypeId from, TypeId to) noexcept {
  if (from == TypeId::f32) return to == TypeId::f64;
  if (!is_integer(from)) return false;
  const std::size_t width = width_of(from);
  if (to == TypeId::f64) return width <= 4;
  if (!is_integer(to) || width_of(to) <= width) return false;
  return is_unsigned_integer(from) || is_signed_integer(to);
}

Result<Schema> apply_change(const Schema& schema, const SchemaChange& change) {
  switch (change.kind) {
    case SchemaChange::Kind::add:
      return with_added(schema, change);
    case SchemaChange::Kind::drop:
      return with_dropped(schema, change);
    case SchemaChange::Kind::rename:
      return with_renamed(schema, change);
    case SchemaChange::Kind::widen:
      return with_widened(schema, change);
  }
  return not_allowed("unknown kind of schema change");
}

Result<void> AlterStatement::check_addressee(std::string_view this_table) const {
  if (table.empty() || table == this_table) return {};
  return Error(ErrorCode::invalid_argument,
               "this is table \"" + std::string(this_table) + "\", and the change is for \"" + table + "\"");
}

SchemaChange SchemaChange::add(std::string column, TypeId type, Value default_value, bool nullable) {
  SchemaChange c;
  c.column = std::move(column);
  c.type = type;
  c.default_value = std::move(default_value);
  c.nullable = nullable;
  return c;
}

SchemaChange SchemaChange::drop(std::string column) {
  SchemaChange c;
  c.kind = Kind::drop;
  c.column = std::move(column);
  return c;
}

SchemaChange SchemaChange::rename(std::string column, std::string new_name) {
  SchemaChange c;
  c.kind = Kind::rename;
  c.column = std::move(column);
  c.new_name = std::move(new_name);
  return c;
}

SchemaChange SchemaChange::widen(std::string column, TypeId type) {
  SchemaChange c;
  c.kind = Kind::widen;
  c.column = std::move(column);
  c.type = type;
  return c;
}

}  // namespace firn
