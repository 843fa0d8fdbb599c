// A vector: the values of one expression for the rows at hand, as the kernels see them.
//
// Types are widened to five lanes, so that a kernel exists once for each lane and not once for each type:
//   boolean  one byte a value, 0 or 1 (also the lane of an untyped NULL)
//   i64      i8..i64, timestamp (us), date (days)
//   u64      u8..u64
//   f64      f32, f64
//   bytes    std::string_view into bytes that the vector keeps alive
// A vector is a cheap value (shared arrays), immutable once built.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "schema/batch.hpp"

namespace firn::storage::query {

enum class Lane : std::uint8_t { boolean, i64, u64, f64, bytes };

constexpr Lane lane_of(TypeId t) noexcept {
  if (is_signed_integer(t) || is_temporal(t)) return Lane::i64;
  if (is_unsigned_integer(t)) return Lane::u64;
  if (is_float(t)) return Lane::f64;
  if (is_variable(t)) return Lane::bytes;
  return Lane::boolean;
}

/// Rows handled at a time: a few vectors of them fit into the second-level cache.
inline constexpr std::size_t kChunkRows = 8192;

/// Bytes for `bytes` bytes of scratch. Chunk-sized blocks are recycled within a thread, since the allocator
/// would give them back to the system between chunks.
std::shared_ptr<void> scratch(std::size_t bytes);

/// An uninitialised array of n trivially copyable values.
template <class T>
std::shared_ptr<T> scratch_array(std::size_t n) {
  return std::static_pointer_cast<T>(scratch(n * sizeof(T)));
}

/// Forms, tested in this order:
///   codes != nullptr  row i has the value of entries at codes[i]; entries is flat
///   constant          element 0 stands for every row
///   else flat         `size` values
struct Vector {
  Lane lane = Lane::boolean;
  bool constant = false;
  std::size_t size = 0;
  const void* values = nullptr;         ///< of the lane's type
  const std::uint8_t* valid = nullptr;  ///< one byte a value, 1 = present; nullptr: no NULLs
  const std::uint32_t* codes = nullptr;
  std::shared_ptr<const Vector> entries;
  std::shared_ptr<const void> values_owner, valid_owner, codes_owner, bytes_owner;

  /// Requires the flat or constant form.
  template <class T>
  const T* as() const noexcept {
    return static_cast<const T*>(values);
  }
  /// Any form.
  bool is_null(std::size_t i) const noexcept {
    if (codes) return entries->is_null(codes[i]);
    return valid && !valid[constant ? 0 : i];
  }
  /// True for a constant NULL.
  bool is_constant_null() const noexcept { return !codes && constant && valid && !valid[0]; }
};

/// A flat vector under construction: `data` and (from with_nulls() on) `valid` are writable until it is given
/// away.
template <class T>
struct NewVector {
  Vector v;
  T* data;
  std::uint8_t* valid = nullptr;
  NewVector(Lane lane, std::size_t n) {
    auto p = scratch_array<T>(n);
    data = p.get();
    v.lane = lane;
    v.size = n;
    v.values = data;
    v.values_owner = std::move(p);
  }
  /// Validity bytes, uninitialised.
  std::uint8_t* with_nulls() {
    auto p = scratch_array<std::uint8_t>(v.size);
    valid = p.get();
    v.valid = valid;
    v.valid_owner = std::move(p);
    return valid;
  }
  /// Shares the validity of `from` (flat, same size).
  void share_nulls(const Vector& from) {
    v.valid = from.valid;
    v.valid_owner = from.valid_owner;
  }
};

/// Which rows of the columns at hand an expression is evaluated for.
struct Rows {
  std::size_t begin = 0, count = 0;
  const std::uint32_t* picked = nullptr;  ///< `count` rows, ascending or not; nullptr: begin .. begin + count
};

/// The rows of a plain or dictionary column; zero-copy where layout allows (the column must outlive the
/// vector then through its buffers, which the vector shares). Dictionary columns come in coded form.
Vector load(const Column& column, const Rows& rows);
/// The entries of a dictionary and behind them one NULL.
std::shared_ptr<const Vector> load_dictionary(const Column& dictionary);
/// Codes of a dictionary column for `rows`; NULL rows get code `null_code`.
void load_codes(const Column& column, const Rows& rows, std::uint32_t null_code, Vector& out);

Vector constant_vector(const Value& value, Lane lane, std::size_t size);
Vector null_vector(Lane lane, std::size_t size);
/// The flat form (constants are repeated).
Vector flatten(const Vector& v);
/// As flatten, but keeps constants.
Vector decode(const Vector& v);
/// v followed by one more flat vector of the same lane.
Vector append_vector(const Vector& v, const Vector& w);
/// Rows of v: flat or coded as v is.
Vector pick(const Vector& v, std::span<const std::uint32_t> rows);

/// 1 where a boolean vector is true (not false, not NULL), for v.size rows.
void to_mask(const Vector& v, std::uint8_t* mask);

/// Appends all values to a builder whose type has v's lane; values fit the type by construction.
void append_to(ColumnBuilder& builder, const Vector& v);
Column to_column(const Vector& v, TypeId type);
/// One value, typed. For messages and folding.
Value value_of(const Vector& v, std::size_t i, TypeId type);

}  // namespace firn::storage::query
