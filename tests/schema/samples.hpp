// Values and columns for the tests of this layer: the edges of every type, random ones, dictionary forms.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <vector>

#include "schema/batch.hpp"

namespace firn {

inline const std::vector<TypeId> kColumnTypes = {
    TypeId::boolean, TypeId::i8,   TypeId::i16,    TypeId::i32,       TypeId::i64,
    TypeId::u8,      TypeId::u16,  TypeId::u32,    TypeId::u64,       TypeId::f32,
    TypeId::f64,     TypeId::utf8, TypeId::binary, TypeId::timestamp, TypeId::date};

inline Value signed_value(TypeId type, std::uint64_t bits) {
  const unsigned spare = static_cast<unsigned>(64 - 8 * width_of(type));
  return Value::of_signed(type, static_cast<std::int64_t>(bits << spare) >> spare);
}

inline Value unsigned_value(TypeId type, std::uint64_t bits) {
  return Value::of_unsigned(type, bits >> (64 - 8 * width_of(type)));
}

inline Value float_value(TypeId type, double d) {
  return Value::of_float(type, type == TypeId::f32 ? static_cast<double>(static_cast<float>(d)) : d);
}

inline std::vector<Value> edge_values(TypeId type) {
  using namespace std::string_literals;
  const auto u64 = [](std::int64_t v) { return static_cast<std::uint64_t>(v); };
  std::vector<Value> out;
  if (type == TypeId::boolean) return {false, true};
  if (is_variable(type)) {
    for (const std::string& s : {""s, "\0"s, "\0\0"s, "a"s, "a\0"s, "a\0b"s, "a\1"s, "ab"s, "\x7F"s,
                                 "\xC3\xBC"s, "\xF0\x9F\x98\x80"s}) {
      out.push_back(Value::of_bytes(type, s));
    }
    if (type == TypeId::binary) {
      for (const std::string& s : {"\xFF"s, "\xFF\xFF"s, "\0\xFF"s, "\0\xFF\0"s, "\x80"s})
        out.push_back(Binary{s});
    }
    return out;
  }
  if (is_float(type)) {
    const double max =
        type == TypeId::f32 ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();
    const double min = type == TypeId::f32 ? std::numeric_limits<float>::denorm_min()
                                           : std::numeric_limits<double>::denorm_min();
    for (const double d :
         {0.0, -0.0, 1.0, -1.0, 1.5, -1.5, max, -max, min, -min, HUGE_VAL, -HUGE_VAL, std::nan("")}) {
      out.push_back(Value::of_float(type, d));
    }
    return out;
  }
  if (is_unsigned_integer(type)) {
    for (const std::uint64_t b : {std::uint64_t{0}, u64(-1), u64(1) << 63, (u64(1) << 63) - 1})
      out.push_back(unsigned_value(type, b));
    return out;
  }
  const unsigned bits = static_cast<unsigned>(8 * width_of(type));
  for (const std::uint64_t b : {u64(0), u64(1), u64(-1), u64(1) << (bits - 1), (u64(1) << (bits - 1)) - 1})
    out.push_back(signed_value(type, b));
  return out;
}

inline Value random_value(TypeId type, std::mt19937_64& random) {
  if (type == TypeId::boolean) return random() % 2 == 0;
  if (is_variable(type)) {
    std::string s;
    const std::size_t letters = type == TypeId::utf8 ? 3 : 4;
    for (std::size_t n = random() % 12; n-- > 0;) s += "\0\1b\xFF"[random() % letters];
    return Value::of_bytes(type, std::move(s));
  }
  if (is_float(type))
    return float_value(
        type, std::ldexp(static_cast<double>(random() % 2001) - 1000, static_cast<int>(random() % 60) - 30));
  const std::uint64_t bits = random() >> (random() % 64);
  return is_unsigned_integer(type) ? unsigned_value(type, random() % 2 == 0 ? random() : bits << 40)
                                   : signed_value(type, random() % 2 == 0 ? random() : bits);
}

/// About one value in `null_in` is NULL; 0 for none.
inline std::vector<Value> random_values(TypeId type, std::size_t rows, unsigned null_in,
                                        std::mt19937_64& random) {
  std::vector<Value> out;
  for (std::size_t i = 0; i < rows; ++i) {
    out.push_back(null_in != 0 && random() % null_in == 0 ? Value() : random_value(type, random));
  }
  return out;
}

inline Column column_of(TypeId type, const std::vector<Value>& values) {
  ColumnBuilder b(type);
  for (const Value& v : values) b.append(v).value();
  return b.finish();
}

inline Column random_dictionary_column(TypeId type, std::size_t rows, unsigned null_in,
                                       std::mt19937_64& random) {
  const std::vector<Value> some = random_values(type, 9, 0, random);
  const std::set<Value> unique(some.begin(), some.end());
  ColumnBuilder codes(TypeId::u32);
  for (std::size_t i = 0; i < rows; ++i) {
    if (null_in != 0 && random() % null_in == 0) {
      codes.append_null();
    } else {
      codes.append_fixed(static_cast<std::uint32_t>(random() % unique.size()));
    }
  }
  Column c = codes.finish();
  c.type = type;
  c.dictionary = std::make_shared<const Column>(column_of(type, {unique.begin(), unique.end()}));
  return c;
}

inline std::vector<Value> values_of(const Column& c) {
  std::vector<Value> out;
  for (std::size_t i = 0; i < static_cast<std::size_t>(c.length); ++i) out.push_back(c.value_at(i));
  return out;
}

}  // namespace firn
