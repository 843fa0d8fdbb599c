// Dictionaries of other writers: they may hold duplicates and NULLs, arrive in pieces, and be replaced.
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "schema/arrow_decode.hpp"

namespace firn::arrow {
namespace {

/// A number that is equal exactly if the values are (NaN equals NaN, -0 equals 0). Not for utf8 and binary.
std::uint64_t identity_of(const Column& c, std::size_t i) {
  if (c.type == TypeId::boolean) return c.bool_at(i) ? 1 : 0;
  if (c.type == TypeId::f64) {
    const double v = c.as<double>()[i];
    return std::bit_cast<std::uint64_t>(std::isnan(v) ? std::numeric_limits<double>::quiet_NaN() : v + 0.0);
  }
  if (c.type == TypeId::f32) {
    const float v = c.as<float>()[i];
    return std::bit_cast<std::uint32_t>(std::isnan(v) ? std::numeric_limits<float>::quiet_NaN() : v + 0.0F);
  }
  std::uint64_t bits = 0;
  std::memcpy(&bits, c.values.data() + i * width_of(c.type), width_of(c.type));
  return bits;
}

/// Fills remap (foreign code -> code among the distinct values) and kept (where those are). True if nothing
/// moves.
template <class Identity>
bool number_values(const Column& c, Identity identity, std::vector<std::uint32_t>& remap,
                   std::vector<std::uint32_t>& kept) {
  const auto n = static_cast<std::size_t>(c.length);
  std::unordered_map<decltype(identity(0)), std::uint32_t> seen;
  remap.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    if (c.is_null(i)) {
      remap[i] = DictionaryState::kNullCode;
      continue;
    }
    const auto [at, added] = seen.try_emplace(identity(i), static_cast<std::uint32_t>(kept.size()));
    remap[i] = at->second;
    if (added) kept.push_back(static_cast<std::uint32_t>(i));
  }
  return kept.size() == n;
}

bool number_values(const Column& c, std::vector<std::uint32_t>& remap, std::vector<std::uint32_t>& kept) {
  if (is_variable(c.type))
    return number_values(
        c, [&c](std::size_t i) { return c.bytes_at(i); }, remap, kept);
  return number_values(
      c, [&c](std::size_t i) { return identity_of(c, i); }, remap, kept);
}

}  // namespace

void DictionaryState::replace(Column values) {
  pieces_.clear();
  pieces_.push_back(std::move(values));
  settled_ = false;
}

void DictionaryState::extend(Column delta) {
  pieces_.push_back(std::move(delta));
  settled_ = false;
}

Result<void> DictionaryState::settle() {
  if (settled_) return {};
  FIRN_CHECK(!pieces_.empty());
  if (pieces_.size() > 1) {
    std::uint64_t bytes = 0;
    for (const Column& p : pieces_) bytes += p.values.size();
    if (is_variable(pieces_[0].type) &&
        bytes > static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max()))
      return Error(ErrorCode::unsupported, "an Arrow dictionary of more than 2 GiB");
    ColumnBuilder all(pieces_[0].type);
    for (const Column& p : pieces_) all.append_column(p);
    Column joined = all.finish();
    pieces_.clear();
    pieces_.push_back(std::move(joined));
  }
  const Column& foreign = pieces_[0];
  foreign_size_ = static_cast<std::size_t>(foreign.length);
  std::vector<std::uint32_t> kept;
  remap_.clear();
  if (number_values(foreign, remap_, kept)) {
    remap_.clear();
    values_ = std::make_shared<const Column>(foreign);
  } else {
    values_ = std::make_shared<const Column>(foreign.take(kept));
  }
  settled_ = true;
  return {};
}

}  // namespace firn::arrow
