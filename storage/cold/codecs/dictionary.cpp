// dictionary: u32 entries, child entries (distinct, ascending), child codes (integers below entries).
#include <algorithm>
#include <mutex>
#include <unordered_map>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/cold/bit_packing.hpp"
#include "storage/cold/codecs/codecs.hpp"
#include "storage/cold/codecs/dictionary_reader.hpp"

namespace firn::storage::cold {
namespace {

/// A bounded set of integers: open addressing over twice the bound.
class DistinctInts {
 public:
  explicit DistinctInts(std::size_t max)
      : max_(max), bits_(bit_width_of(2 * max + 2)), slots_(std::size_t{1} << bits_, 0) {}
  /// False once there are more than the bound.
  bool insert(std::uint64_t v) {
    if (v == 0) {
      if (!zero_) values_.push_back(0);
      zero_ = true;
    } else {
      const std::size_t mask = slots_.size() - 1;
      std::size_t i =
          v * 0x9E37'79B9'7F4A'7C15ULL >> (64 - bits_);  // round floats differ in their high bits alone
      while (slots_[i] != 0 && slots_[i] != v) i = (i + 1) & mask;
      if (slots_[i] == 0) {
        slots_[i] = v;
        values_.push_back(v);
      }
    }
    return values_.size() <= max_;
  }
  std::vector<std::uint64_t> sorted() && {
    std::sort(values_.begin(), values_.end(),
              [](auto a, auto b) { return static_cast<std::int64_t>(a) < static_cast<std::int64_t>(b); });
    return std::move(values_);
  }

 private:
  std::size_t max_;
  unsigned bits_;
  bool zero_ = false;
  std::vector<std::uint64_t> slots_, values_;
};

/// The distinct values ascending; empty if they are too many for a dictionary to pay.
std::vector<std::uint64_t> distinct_of(Ints v) {
  DistinctInts set(std::max<std::size_t>(v.size() / 4, 16));
  for (const std::uint64_t x : v) {
    if (!set.insert(x)) return {};
  }
  return std::move(set).sorted();
}

std::vector<std::uint64_t> codes_of(Ints v, const std::vector<std::uint64_t>& entries) {
  std::unordered_map<std::uint64_t, std::uint64_t> code;
  code.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) code.emplace(entries[i], i);
  std::vector<std::uint64_t> codes(v.size());
  for (std::size_t i = 0; i < v.size(); ++i)
    codes[i] = i > 0 && v[i] == v[i - 1] ? codes[i - 1] : code.find(v[i])->second;
  return codes;
}

void write(std::size_t entries, const Encoded& entry_node, const Encoded& code_node, Encoded& out) {
  out.bytes.push_back(static_cast<char>(Encoding::dictionary));
  put(out.bytes, static_cast<std::uint32_t>(entries));
  put_child(out.bytes, entry_node.bytes);
  put_child(out.bytes, code_node.bytes);
  out.tree = "dict[" + std::to_string(entries) + "](" + entry_node.tree + "," + code_node.tree + ")";
}

struct Head {
  std::uint32_t entries;
  Bytes entry_node, code_node;
};
Result<Head> parse(Bytes body, std::size_t count) {
  NodeParser in(body);
  Head h{};
  h.entries = in.take<std::uint32_t>();
  h.entry_node = in.child();
  h.code_node = in.child();
  FIRN_TRY(in.check());
  if (h.entries == 0 || h.entries > count) return damaged("more dictionary entries than values");
  return h;
}

}  // namespace

double dictionary::estimate(Ints values, const IntProfile& profile, const EncodeContext& context) {
  if (profile.range() < 2) return kNoFit;
  const std::vector<std::uint64_t> entries = distinct_of(values);
  if (entries.empty() || profile.range() == entries.size() - 1) return kNoFit;  // codes would be the values
  const EncodeContext child = context.below(Encoding::dictionary);
  const double codes = static_cast<double>(packed_bytes(values.size(), bit_width_of(entries.size() - 1)));
  return 20 + estimate_ints(entries, child) + codes;
}

void dictionary::encode(Ints values, const EncodeContext& context, Encoded& out) {
  const std::vector<std::uint64_t> entries = distinct_of(values);
  const EncodeContext child = context.below(Encoding::dictionary);
  write(entries.size(), encode_ints(entries, child), encode_ints(codes_of(values, entries), child), out);
}

Result<IntReaderPtr> dictionary::open(Bytes body, std::size_t count, int depth) {
  FIRN_ASSIGN(const Head h, parse(body, count));
  FIRN_ASSIGN(auto entries, open_ints(h.entry_node, h.entries, depth + 1));
  FIRN_ASSIGN(auto codes, open_ints(h.code_node, count, depth + 1));
  return IntReaderPtr(std::make_unique<IntDictionaryReader>(h.entries, std::move(entries), std::move(codes)));
}

bool dictionary::encode(Strings values, const EncodeContext& context, Encoded& out) {
  struct Hash {
    std::size_t operator()(std::string_view s) const noexcept { return XXH3_64bits(s.data(), s.size()); }
  };
  std::unordered_map<std::string_view, std::uint64_t, Hash> codes;
  const std::size_t max = std::max<std::size_t>(values.size() / 2, 1);
  for (const std::string_view s : values) {
    codes.emplace(s, 0);
    if (codes.size() > max) return false;
  }
  std::vector<std::string_view> entries;
  entries.reserve(codes.size());
  for (const auto& [s, code] : codes) entries.push_back(s);
  std::sort(entries.begin(), entries.end());
  for (std::size_t i = 0; i < entries.size(); ++i) codes[entries[i]] = i;
  std::vector<std::uint64_t> code_of(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) code_of[i] = codes.find(values[i])->second;
  const EncodeContext child = context.below(Encoding::dictionary);
  write(entries.size(), encode_strings(entries, child), encode_ints(code_of, child), out);
  return true;
}

Result<StringReaderPtr> dictionary::open_strings(Bytes body, std::size_t count, int depth) {
  FIRN_ASSIGN(const Head h, parse(body, count));
  FIRN_ASSIGN(auto entries, cold::open_strings(h.entry_node, h.entries, depth + 1));
  FIRN_ASSIGN(auto codes, open_ints(h.code_node, count, depth + 1));
  return StringReaderPtr(
      std::make_unique<StringDictionaryReader>(h.entries, std::move(entries), std::move(codes)));
}

}  // namespace firn::storage::cold
