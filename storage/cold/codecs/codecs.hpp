// The codecs' verbs, for the choosers only. estimate: bytes it would take (kNoFit if it cannot); encode:
// appends the node; open: from the bytes behind the encoding's number.
#pragma once
#include <limits>

#include "storage/cold/encoding.hpp"

namespace firn::storage::cold {

inline constexpr double kNoFit = std::numeric_limits<double>::infinity();

/// What the chooser knows of the values of a node before it asks the codecs.
struct IntProfile {
  std::int64_t min = 0, max = 0;
  std::size_t runs = 1;
  bool constant() const { return min == max; }
  std::uint64_t range() const { return static_cast<std::uint64_t>(max) - static_cast<std::uint64_t>(min); }
};
IntProfile profile_of(Ints values);

/// A node in the making: options, depth, and which codecs its ancestors rule out (bit = number of the
/// encoding).
struct EncodeContext {
  const EncodeOptions& options;
  int depth = 0;
  std::uint32_t banned = 0;
  bool allows(Encoding e) const { return (banned >> static_cast<unsigned>(e) & 1U) == 0; }
  EncodeContext below(Encoding without) const {
    return {options, depth + 1, banned | 1U << static_cast<unsigned>(without)};
  }
  /// For positions that are searched: frames only, whose values can be read one by one.
  EncodeContext searched() const { return {options, depth + 1, ~std::uint32_t{0}}; }
};

/// The chooser for a child node: least estimate, and the node itself.
double estimate_ints(Ints values, const EncodeContext& context);
Encoded encode_ints(Ints values, const EncodeContext& context);
Encoded encode_strings(Strings values, const EncodeContext& context);

namespace constant {
void encode(std::uint64_t value, Encoded& out);
Result<IntReaderPtr> open(Bytes body, std::size_t count);
}  // namespace constant

namespace frame {
double estimate(Ints values, const IntProfile& profile);
void encode(Ints values, const IntProfile& profile, Encoded& out);
Result<IntReaderPtr> open(Bytes body, std::size_t count);
}  // namespace frame

namespace delta {
double estimate(Ints values, const EncodeContext& context);
void encode(Ints values, const EncodeContext& context, Encoded& out);
Result<IntReaderPtr> open(Bytes body, std::size_t count, int depth);
}  // namespace delta

namespace run_length {
double estimate(Ints values, const IntProfile& profile, const EncodeContext& context);
void encode(Ints values, const EncodeContext& context, Encoded& out);
Result<IntReaderPtr> open(Bytes body, std::size_t count, int depth);
}  // namespace run_length

namespace dictionary {
double estimate(Ints values, const IntProfile& profile, const EncodeContext& context);
void encode(Ints values, const EncodeContext& context, Encoded& out);
Result<IntReaderPtr> open(Bytes body, std::size_t count, int depth);
/// Strings: false if there are too many distinct ones.
bool encode(Strings values, const EncodeContext& context, Encoded& out);
Result<StringReaderPtr> open_strings(Bytes body, std::size_t count, int depth);
}  // namespace dictionary

namespace patched {
double estimate(Ints values, const IntProfile& profile);
void encode(Ints values, const EncodeContext& context, Encoded& out);
Result<IntReaderPtr> open(Bytes body, std::size_t count, int depth);
}  // namespace patched

namespace byte_planes {
double estimate(Ints values, const IntProfile& profile, const EncodeContext& context);
void encode(Ints values, const IntProfile& profile, const EncodeContext& context, Encoded& out);
Result<IntReaderPtr> open(Bytes body, std::size_t count, int depth);
}  // namespace byte_planes

namespace decimal {
/// False if the values are not decimals.
bool encode(Ints bits, bool is_f32, const EncodeContext& context, Encoded& out);
Result<IntReaderPtr> open(Bytes body, bool is_f32, std::size_t count, int depth);
}  // namespace decimal

namespace plain {
void encode(Strings values, const EncodeContext& context, Encoded& out);
Result<StringReaderPtr> open(Bytes body, std::size_t count, int depth);
}  // namespace plain

namespace pattern {
/// False if the strings share no structure.
bool encode(Strings values, const EncodeContext& context, Encoded& out);
Result<StringReaderPtr> open(Bytes body, std::size_t count, int depth);
}  // namespace pattern

}  // namespace firn::storage::cold
