// Column types and the quantities that firn counts in. Names as users type them: see TypeId's comments.
#pragma once
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace firn {

/// Column types. Numbers are stored in files and messages: never renumber.
enum class TypeId : std::uint8_t {
  invalid = 0,
  boolean = 1,  ///< bool; Arrow Bool, one bit a value
  i8 = 2,
  i16 = 3,
  i32 = 4,
  i64 = 5,
  u8 = 6,
  u16 = 7,
  u32 = 8,
  u64 = 9,
  f32 = 10,
  f64 = 11,
  utf8 = 12,       ///< Arrow Utf8: i32 offsets
  binary = 13,     ///< Arrow Binary: i32 offsets
  timestamp = 14,  ///< microseconds since 1970, UTC; Arrow Timestamp(us, "UTC"), i64
  date = 15,       ///< days since 1970; Arrow Date32, i32
  null = 16,       ///< only in expressions and results: a column of nothing but NULL
};

/// "i64", "utf8", "bool" ...
std::string_view name_of(TypeId type) noexcept;
/// The inverse; also the SQL spellings (bigint, double, text, varchar, blob ...), any case.
std::optional<TypeId> type_from_name(std::string_view name) noexcept;

constexpr bool is_variable(TypeId t) noexcept { return t == TypeId::utf8 || t == TypeId::binary; }
constexpr bool is_float(TypeId t) noexcept { return t == TypeId::f32 || t == TypeId::f64; }
constexpr bool is_signed_integer(TypeId t) noexcept { return t >= TypeId::i8 && t <= TypeId::i64; }
constexpr bool is_unsigned_integer(TypeId t) noexcept { return t >= TypeId::u8 && t <= TypeId::u64; }
constexpr bool is_integer(TypeId t) noexcept { return t >= TypeId::i8 && t <= TypeId::u64; }
constexpr bool is_numeric(TypeId t) noexcept { return t >= TypeId::i8 && t <= TypeId::f64; }
constexpr bool is_temporal(TypeId t) noexcept { return t == TypeId::timestamp || t == TypeId::date; }

/// Bytes a value in its Arrow values buffer; 0 for bool (bits) and variable-length types.
constexpr std::size_t width_of(TypeId t) noexcept {
  switch (t) {
    case TypeId::i8:
    case TypeId::u8:
      return 1;
    case TypeId::i16:
    case TypeId::u16:
      return 2;
    case TypeId::i32:
    case TypeId::u32:
    case TypeId::f32:
    case TypeId::date:
      return 4;
    case TypeId::i64:
    case TypeId::u64:
    case TypeId::f64:
    case TypeId::timestamp:
      return 8;
    default:
      return 0;
  }
}

/// Commit sequence number of a table: dense, from 1; 0 is "before the first commit".
struct Csn {
  std::uint64_t value = 0;
  auto operator<=>(const Csn&) const = default;
};
inline constexpr Csn kCsnMax{~std::uint64_t{0}};

/// Microseconds since 1970-01-01T00:00:00Z.
struct Timestamp {
  std::int64_t us = 0;
  auto operator<=>(const Timestamp&) const = default;
  static Timestamp now() noexcept {
    return {std::chrono::duration_cast<std::chrono::microseconds>(
                std::chrono::system_clock::now().time_since_epoch())
                .count()};
  }
};

/// Days since 1970-01-01.
struct Date {
  std::int32_t days = 0;
  auto operator<=>(const Date&) const = default;
};

/// The three tiers.
enum class StorageTier : std::uint8_t { none = 0, hot = 1, warm = 2, cold = 3 };
std::string_view name_of(StorageTier tier) noexcept;
std::optional<StorageTier> tier_from_name(std::string_view name) noexcept;

}  // namespace firn

template <>
struct std::hash<firn::Csn> {
  std::size_t operator()(firn::Csn c) const noexcept { return std::hash<std::uint64_t>{}(c.value); }
};
