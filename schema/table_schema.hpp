// What a table's rows look like: columns with ids, the primary key, the event-time column.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "schema/result.hpp"
#include "schema/types.hpp"
#include "schema/value.hpp"

namespace firn {

struct ColumnSchema {
  std::uint32_t id = 0;  ///< stable for the column's life; never reused within a table
  std::string name;
  TypeId type = TypeId::invalid;
  bool nullable = true;
  /// What rows from before the column's ALTER hold, and rows that are written without it; of the column's type or NULL.
  Value default_value = {};
  /// Says whether values of the one may stand in the other: defaults are not looked at.
  bool operator==(const ColumnSchema& o) const noexcept {
    return id == o.id && name == o.name && type == o.type && nullable == o.nullable;
  }
};

/// Options beside the column list: names of the key columns in key order, and of the event-time column ("" = none).
struct SchemaOptions {
  std::vector<std::string> key = {};  // initialized, so that {.time = "ts"} gives callers no warning
  std::string time = {};
  std::uint32_t last_column_id =
      0;  ///< ids up to here were given away before: new columns are numbered behind
};

/// Immutable once built; cheap to copy (shared). Column names are case-sensitive and unique; lookups by SQL fall back
/// to a case-insensitive match where that is unambiguous (find()).
class Schema {
 public:
  /// Empty schema: no columns.
  Schema();

  /// "event_id u64, ts timestamp, type utf8 not null, amount f64 default 0.5" -> Schema. Names may be quoted ("a b").
  /// Type names are legal column names. Key columns become not null. With an empty key the table gets a u64 `_row`
  /// column as key, assigned at commit. Errors: {parse} with position, {invalid_argument} for unknown key or time
  /// columns, float/bool time columns, more than 4,096 columns, an empty or over-long (255 bytes) name.
  static Result<Schema> parse(std::string_view columns, const SchemaOptions& options = {});
  /// From parts; the same checks. Ids of 0 are numbered 1, 2, 3 ...
  static Result<Schema> make(std::vector<ColumnSchema> columns, const SchemaOptions& options = {});
  /// A schema for a data frame: no key, no `_row`, any names (duplicates allowed).
  static Schema for_result(std::vector<ColumnSchema> columns);

  const std::vector<ColumnSchema>& columns() const noexcept { return d_->columns; }
  std::size_t size() const noexcept { return d_->columns.size(); }
  const ColumnSchema& operator[](std::size_t i) const { return d_->columns[i]; }
  /// Positions of the key columns, in key order; empty only for result schemas.
  const std::vector<std::size_t>& key() const noexcept { return d_->key; }
  /// Position of the event-time column, if there is one.
  std::optional<std::size_t> time() const noexcept { return d_->time; }
  /// True if the key is the generated `_row` column (always the last column then, u64, not null).
  bool has_row_key() const noexcept { return d_->row_key; }
  /// The greatest column id that the table has ever used.
  std::uint32_t last_column_id() const noexcept { return d_->last_column_id; }
  /// Position by name: exact first, else unique case-insensitive.
  std::optional<std::size_t> find(std::string_view name) const noexcept;
  std::optional<std::size_t> find_id(std::uint32_t column_id) const noexcept;

  /// The text that parse() reads back (without options).
  std::string to_string() const;
  /// Equal columns (but for their defaults), key and event time.
  bool operator==(const Schema& o) const noexcept;

 private:
  struct Data {
    std::vector<ColumnSchema> columns;
    std::vector<std::size_t> key;
    std::optional<std::size_t> time;
    bool row_key = false;
    std::uint32_t last_column_id = 0;
  };
  explicit Schema(std::shared_ptr<const Data> d) : d_(std::move(d)) {}
  std::shared_ptr<const Data> d_;
};

}  // namespace firn
