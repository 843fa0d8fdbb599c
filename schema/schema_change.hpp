// One step in a table's life: what ALTER says, and the schema that comes of it.
#pragma once
#include <string>
#include <string_view>

#include "schema/table_schema.hpp"

namespace firn {

/// A value; build one with the functions below or from text.
struct SchemaChange {
  enum class Kind : std::uint8_t { add = 1, drop = 2, rename = 3, widen = 4 };
  Kind kind = Kind::add;
  std::string column;
  std::string new_name;           ///< rename
  TypeId type = TypeId::invalid;  ///< add, widen
  bool nullable = true;           ///< add
  Value default_value;            ///< add: what rows that are there already hold; fixed by the ALTER

  static SchemaChange add(std::string column, TypeId type, Value default_value = {}, bool nullable = true);
  static SchemaChange drop(std::string column);
  static SchemaChange rename(std::string column, std::string new_name);
  static SchemaChange widen(std::string column, TypeId type);
  /// The text that parse_alter() reads back.
  std::string to_string() const;
  bool operator==(const SchemaChange&) const = default;
};

struct AlterStatement {
  std::string table;  ///< of `ALTER TABLE name ...`; "" if the text begins with the change
  SchemaChange change;
  /// {invalid_argument} if it names another table than this one.
  Result<void> check_addressee(std::string_view this_table) const;
};

/// [ALTER TABLE name] ADD [COLUMN] x i64 [NOT NULL] [DEFAULT literal] | DROP [COLUMN] x | RENAME [COLUMN] a TO b |
/// ALTER [COLUMN] x [SET DATA] TYPE i64. Errors {parse} with position and caret.
Result<AlterStatement> parse_alter(std::string_view text);

/// The schema after the change. Ids stay, that of a dropped column is not given again. Refused, each with what can be
/// done: {not_found} an unknown column; {already_exists} a name that is taken; {invalid_argument} dropping or widening a
/// key column, dropping the event-time column, a type that does not hold every value of the old one, NOT NULL without
/// a default, more than 4,096 columns, the name `_row`.
Result<Schema> apply_change(const Schema& schema, const SchemaChange& change);

/// True if every value of `from` is one of `to`: i8 < i16 < i32 < i64, u8 < u16 < u32 < u64, unsigned to a wider signed
/// type, f32 < f64, integers of at most 32 bits to f64. (Not date to timestamp: the
/// calendar of dates is longer by far.)
bool is_widening(TypeId from, TypeId to) noexcept;

}  // namespace firn
