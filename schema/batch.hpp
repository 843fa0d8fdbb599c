// Rows as columns, in Arrow's memory layout (https://arrow.apache.org/docs/format/Columnar.html): the form in which
// batches are written, blocks are stored, scans deliver and results are returned.
#pragma once
#include <concepts>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "schema/ascii.hpp"
#include "schema/buffer.hpp"
#include "schema/table_schema.hpp"
#include "schema/value.hpp"

namespace firn {

/// One column of `length` values. Immutable and shared; safe to read from any thread.
///
/// Plain form (dictionary == nullptr):
///   fixed width  values: length x width_of(type) bytes
///   boolean      values: bitmap of length bits
///   utf8/binary  offsets: length + 1 i32, starting at any value; values: the bytes they point into
///   null         no buffers
/// Dictionary form (dictionary != nullptr): values are length u32 codes into `dictionary`, a plain column of the same
/// type with unique, non-NULL values (in any order). Any type may come so from a scan; to_plain() undoes it.
/// validity: bitmap, 1 = present; an empty buffer means no NULLs. Values under NULL are unspecified but in bounds.
/// All buffers start at element 0 (no Arrow "offset").
struct Column {
  TypeId type = TypeId::null;
  std::int64_t length = 0;
  std::int64_t null_count = 0;
  Buffer validity;
  Buffer values;
  Buffer offsets;
  std::shared_ptr<const Column> dictionary;

  bool is_null(std::size_t i) const noexcept {
    if (type == TypeId::null) return true;
    return !validity.empty() && !bit_at(validity.data(), i);
  }
  /// Fixed-width values of the plain form. T must have width_of(type) bytes.
  template <class T>
  std::span<const T> as() const noexcept {
    return {reinterpret_cast<const T*>(values.data()), static_cast<std::size_t>(length)};  // NOLINT
  }
  std::span<const std::uint32_t> codes() const noexcept { return as<std::uint32_t>(); }
  bool bool_at(std::size_t i) const noexcept { return bit_at(values.data(), i); }
  /// utf8/binary, plain or dictionary form.
  std::string_view bytes_at(std::size_t i) const noexcept {
    if (dictionary) return dictionary->bytes_at(codes()[i]);
    const std::int32_t* o = reinterpret_cast<const std::int32_t*>(offsets.data());  // NOLINT
    return {reinterpret_cast<const char*>(values.data()) + o[i],
            static_cast<std::size_t>(o[i + 1] - o[i])};  // NOLINT
  }
  /// Any type, any form. Slow: for edges only.
  Value value_at(std::size_t i) const;
  /// The same values in plain form.
  Column to_plain() const;
  /// Rows [offset, offset + count) copied or shared as the layout allows; offset 0 based buffers as everywhere.
  Column slice(std::size_t offset, std::size_t count) const;
  /// Rows rows[0], rows[1], ... (gather). Keeps the dictionary form.
  Column take(std::span<const std::uint32_t> rows) const;
  /// Bytes held by the buffers (dictionary included).
  std::size_t byte_size() const noexcept;
};

/// Builds one plain column, value by value. Owned by one thread.
class ColumnBuilder {
 public:
  explicit ColumnBuilder(TypeId type);
  TypeId type() const noexcept { return type_; }
  std::int64_t length() const noexcept { return length_; }
  /// Bytes collected so far.
  std::size_t byte_size() const noexcept;
  /// The bytes of the last value, none where it is NULL; valid until the next call. Requires a type of variable length
  /// and length() > 0.
  std::string_view last_bytes() const;
  /// Requires length() > 0.
  bool last_is_null() const;
  void append_null();
  /// T must be the storage of the type: bool, (u)intN_t, float, double; i64 for timestamp, i32 for date.
  template <class T>
  void append_fixed(T v) {
    values_.push(v);
    if (has_nulls_) grow_validity(true);
    ++length_;
  }
  void append_bool(bool v);
  /// Requires that the column stays below 2 GiB of bytes: append() checks, this does not.
  void append_bytes(std::string_view v) {
    values_.append(v.data(), v.size());
    offsets_.push(static_cast<std::int32_t>(values_.size()));
    if (has_nulls_) grow_validity(true);
    ++length_;
  }
  /// Appends v if that takes no more than a look at it, as nearly always. False: nothing is appended, append(Value(v))
  /// decides.
  bool put(std::string_view v) {
    if (type_ != TypeId::utf8 || v.size() > kBytesMax - values_.size() || !is_ascii(v)) return false;
    append_bytes(v);
    return true;
  }
  bool put(std::int64_t v) { return put_integer(v); }
  bool put(std::uint64_t v) { return put_integer(v); }
  bool put(double v) { return type_ == TypeId::f64 && put_fixed(v); }
  bool put(Timestamp v) { return type_ == TypeId::timestamp && put_fixed(v.us); }
  bool put(Date v) { return type_ == TypeId::date && put_fixed(v.days); }
  /// Any Value, converted where that loses nothing (integers that fit, integers to floats, text to temporal types).
  /// Error: {type_mismatch} or {out_of_range}; nothing is appended then.
  Result<void> append(const Value& v);
  /// As append(Value(v)), without the Value where the types allow it.
  Result<void> append_text(std::string_view v);
  Result<void> append_integer(std::int64_t v);
  Result<void> append_double(double v);
  /// Takes values from `from` (same type, any form).
  void append_from(const Column& from, std::size_t i);
  /// All of `from` (same type, any form) behind what is here.
  void append_column(const Column& from);
  /// Removes the rows from `length` on.
  void truncate(std::int64_t length);
  /// Makes room for as much as the column finished before had: a batch is likely as large as the one before.
  void expect_as_much();
  /// The column; the builder is empty afterwards.
  Column finish();

 private:
  static constexpr auto kBytesMax = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max());

  template <class T>
  bool put_fixed(T v) {
    append_fixed(v);
    return true;
  }
  template <class T, class V>
  bool put_if_it_fits(V v) {
    return std::in_range<T>(v) && put_fixed(static_cast<T>(v));
  }
  template <class V>
  bool put_integer(V v) {
    switch (type_) {
      case TypeId::i64:
        return put_if_it_fits<std::int64_t>(v);
      case TypeId::u64:
        return put_if_it_fits<std::uint64_t>(v);
      case TypeId::i32:
        return put_if_it_fits<std::int32_t>(v);
      case TypeId::u32:
        return put_if_it_fits<std::uint32_t>(v);
      default:
        return false;
    }
  }
  void grow_validity(bool valid);
  Result<void> append_same(const Value& c);
  TypeId type_;
  std::int64_t length_ = 0, null_count_ = 0;
  bool has_nulls_ = false;
  std::size_t last_values_ = 0, last_offsets_ = 0;  ///< bytes of the column finished before
  MutableBuffer validity_, values_, offsets_;
};

/// Some rows of one schema. A cheap value (shared buffers); safe to read from any thread.
class Batch {
 public:
  Batch() = default;
  /// Requires columns to match the schema's types and to have `rows` values each (make() checks).
  Batch(Schema schema, std::int64_t rows, std::vector<Column> columns)
      : schema_(std::move(schema)), rows_(rows), columns_(std::move(columns)) {}
  /// Checks types, lengths, buffer sizes, offsets, UTF-8, and NULLs in `not null` columns; says which column.
  static Result<Batch> make(Schema schema, std::vector<Column> columns);

  const Schema& schema() const noexcept { return schema_; }
  std::int64_t rows() const noexcept { return rows_; }
  const std::vector<Column>& columns() const noexcept { return columns_; }
  const Column& operator[](std::size_t i) const { return columns_[i]; }
  std::size_t byte_size() const noexcept;
  Batch slice(std::size_t offset, std::size_t count) const;
  Batch take(std::span<const std::uint32_t> rows) const;

 private:
  Schema schema_;
  std::int64_t rows_ = 0;
  std::vector<Column> columns_;
};

/// Rows one behind another (same schema) as one batch.
Batch concat(std::span<const Batch> batches);

/// Collects rows for a write. Owned by one thread. The first error sticks and is returned by finish().
class BatchBuilder {
 public:
  explicit BatchBuilder(Schema schema);
  /// One row: a value for each column in schema order (without `_row`, which is assigned at commit).
  template <class... Ts>
  BatchBuilder& append(const Ts&... values) {
    if (!begin_row(sizeof...(Ts))) return *this;
    std::size_t i = 0;
    (void)(... && append_value(i++, values));
    return end_row();
  }
  BatchBuilder& append_row(std::initializer_list<Value> values) {
    return append_row(std::span<const Value>(values.begin(), values.size()));
  }
  /// As above. A wrong count or an unconvertible value is an error that names row and column; the row is left out.
  BatchBuilder& append_row(std::span<const Value> values);
  std::int64_t rows() const noexcept { return rows_; }
  std::size_t byte_size() const noexcept;
  /// The batch, and a builder ready for the next one. Errors: the first one that append met.
  Result<Batch> finish();
  const Schema& schema() const noexcept { return schema_; }

 private:
  bool begin_row(std::size_t values) {
    if (rows_ != 0 && !error_ && values == columns_.size()) return true;
    return begin_first_row(values);
  }
  bool begin_first_row(std::size_t values);
  BatchBuilder& end_row() {
    if (!error_) ++rows_;
    return *this;
  }
  bool refuse(std::size_t column, const Error& error);
  template <class T>
  bool append_value(std::size_t i, const T& v) {
    if constexpr (std::is_null_pointer_v<T> || std::is_same_v<T, bool>) {
      return append_value(i, Value(v));
    } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      const std::string_view text(v);
      return columns_[i].put(text) || append_text(i, text);
    } else if constexpr (std::is_integral_v<T>) {
      using Wide = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
      return columns_[i].put(static_cast<Wide>(v)) || append_value(i, Value(v));
    } else if constexpr (std::is_same_v<T, double> || std::is_same_v<T, Timestamp> ||
                         std::is_same_v<T, Date>) {
      return columns_[i].put(v) || append_value(i, Value(v));
    } else {
      return append_value(i, Value(v));
    }
  }
  bool append_value(std::size_t i, const Value& v);
  bool append_text(std::size_t i, std::string_view v);

  Schema schema_;
  std::vector<ColumnBuilder> columns_;
  std::int64_t rows_ = 0;
  std::optional<Error> error_;
};

}  // namespace firn
