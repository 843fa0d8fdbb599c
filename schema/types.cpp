#include "schema/types.hpp"

#include <algorithm>
#include <array>

namespace firn {
namespace {

struct TypeName {
  std::string_view name;
  TypeId type;
};

// The first spelling of each type is its own name; the others are what SQL users type.
constexpr std::array kTypeNames{
    TypeName{"bool", TypeId::boolean},
    TypeName{"i8", TypeId::i8},
    TypeName{"i16", TypeId::i16},
    TypeName{"i32", TypeId::i32},
    TypeName{"i64", TypeId::i64},
    TypeName{"u8", TypeId::u8},
    TypeName{"u16", TypeId::u16},
    TypeName{"u32", TypeId::u32},
    TypeName{"u64", TypeId::u64},
    TypeName{"f32", TypeId::f32},
    TypeName{"f64", TypeId::f64},
    TypeName{"utf8", TypeId::utf8},
    TypeName{"binary", TypeId::binary},
    TypeName{"timestamp", TypeId::timestamp},
    TypeName{"date", TypeId::date},
    TypeName{"boolean", TypeId::boolean},
    TypeName{"tinyint", TypeId::i8},
    TypeName{"smallint", TypeId::i16},
    TypeName{"int", TypeId::i32},
    TypeName{"integer", TypeId::i32},
    TypeName{"bigint", TypeId::i64},
    TypeName{"int8", TypeId::i8},
    TypeName{"int16", TypeId::i16},
    TypeName{"int32", TypeId::i32},
    TypeName{"int64", TypeId::i64},
    TypeName{"uint8", TypeId::u8},
    TypeName{"uint16", TypeId::u16},
    TypeName{"uint32", TypeId::u32},
    TypeName{"uint64", TypeId::u64},
    TypeName{"utinyint", TypeId::u8},
    TypeName{"usmallint", TypeId::u16},
    TypeName{"uinteger", TypeId::u32},
    TypeName{"ubigint", TypeId::u64},
    TypeName{"real", TypeId::f32},
    TypeName{"float", TypeId::f32},
    TypeName{"float32", TypeId::f32},
    TypeName{"double", TypeId::f64},
    TypeName{"float64", TypeId::f64},
    TypeName{"text", TypeId::utf8},
    TypeName{"varchar", TypeId::utf8},
    TypeName{"string", TypeId::utf8},
    TypeName{"char", TypeId::utf8},
    TypeName{"blob", TypeId::binary},
    TypeName{"bytea", TypeId::binary},
    TypeName{"varbinary", TypeId::binary},
    TypeName{"bytes", TypeId::binary},
    TypeName{"datetime", TypeId::timestamp},
    TypeName{"timestamptz", TypeId::timestamp},
    TypeName{"date32", TypeId::date},
};

constexpr char lowered(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_name(std::string_view any_case, std::string_view lower_case) noexcept {
  return std::equal(any_case.begin(), any_case.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return lowered(a) == b; });
}

}  // namespace

std::string_view name_of(TypeId type) noexcept {
  for (const TypeName& t : kTypeNames) {
    if (t.type == type) return t.name;
  }
  return type == TypeId::null ? "null" : "invalid";
}

std::optional<TypeId> type_from_name(std::string_view name) noexcept {
  for (const TypeName& t : kTypeNames) {
    if (is_name(name, t.name)) return t.type;
  }
  return std::nullopt;
}

std::string_view name_of(StorageTier tier) noexcept {
  switch (tier) {
    case StorageTier::none:
      return "none";
    case StorageTier::hot:
      return "hot";
    case StorageTier::warm:
      return "warm";
    case StorageTier::cold:
      return "cold";
  }
  return "invalid";
}

std::optional<StorageTier> tier_from_name(std::string_view name) noexcept {
  for (StorageTier t : {StorageTier::none, StorageTier::hot, StorageTier::warm, StorageTier::cold}) {
    if (is_name(name, name_of(t))) return t;
  }
  return std::nullopt;
}

}  // namespace firn
