#include "storage/query/group_table.hpp"

#include <cmath>
#include <functional>

namespace firn::storage::query {
namespace {

constexpr std::size_t kFirstSlots = 64;
constexpr std::size_t kBlockBytes = 64 << 10;

std::uint64_t to_word(double d) {
  if (d != d) d = std::numeric_limits<double>::quiet_NaN();
  if (d == 0) d = 0;
  std::uint64_t w = 0;
  std::memcpy(&w, &d, sizeof w);
  return w;
}
std::uint64_t to_word(std::int64_t v) { return static_cast<std::uint64_t>(v); }
std::uint64_t to_word(std::uint64_t v) { return v; }
std::uint64_t to_word(std::uint8_t v) { return v; }

void from_word(std::uint64_t w, double& out) { std::memcpy(&out, &w, sizeof out); }
void from_word(std::uint64_t w, std::int64_t& out) { out = static_cast<std::int64_t>(w); }
void from_word(std::uint64_t w, std::uint64_t& out) { out = w; }
void from_word(std::uint64_t w, std::uint8_t& out) { out = static_cast<std::uint8_t>(w); }

}  // namespace

WordTable::WordTable() : slots_(kFirstSlots, kFree), mask_(kFirstSlots - 1) {}

std::uint32_t WordTable::insert(std::size_t at, std::uint64_t word) {
  const auto id = static_cast<std::uint32_t>(words_.size());
  slots_[at] = id;
  words_.push_back(word);
  if (words_.size() * 2 > slots_.size()) grow();
  return id;
}

void WordTable::grow() {
  slots_.assign(slots_.size() * 2, kFree);
  mask_ = slots_.size() - 1;
  for (std::uint32_t id = 0; id < words_.size(); ++id) {
    std::size_t at = hash(words_[id]) & mask_;
    while (slots_[at] != kFree) at = (at + 1) & mask_;
    slots_[at] = id;
  }
}

BytesTable::BytesTable() : slots_(kFirstSlots, kFree), mask_(kFirstSlots - 1) {}

std::uint32_t BytesTable::intern(std::string_view s) {
  const std::uint64_t h = std::hash<std::string_view>{}(s);
  std::size_t at = h & mask_;
  while (slots_[at] != kFree) {
    const std::uint32_t id = slots_[at];
    if (hashes_[id] == h && strings_[id] == s) return id;
    at = (at + 1) & mask_;
  }
  const auto id = static_cast<std::uint32_t>(strings_.size());
  slots_[at] = id;
  hashes_.push_back(h);
  strings_.push_back(store(s));
  if (strings_.size() * 2 > slots_.size()) grow();
  return id;
}

std::string_view BytesTable::store(std::string_view s) {
  if (s.empty()) return {};
  if (blocks_.empty() || s.size() > block_size_ - block_used_) {
    block_size_ = std::max(kBlockBytes, s.size());
    // The first block is small: most group tables hold a few short strings.
    if (blocks_.empty() && s.size() < 1024) block_size_ = 1024;
    blocks_.push_back(std::make_unique<char[]>(block_size_));
    block_used_ = 0;
    stored_ += block_size_;
  }
  char* at = blocks_.back().get() + block_used_;
  std::memcpy(at, s.data(), s.size());
  block_used_ += s.size();
  return {at, s.size()};
}

void BytesTable::grow() {
  slots_.assign(slots_.size() * 2, kFree);
  mask_ = slots_.size() - 1;
  for (std::uint32_t id = 0; id < strings_.size(); ++id) {
    std::size_t at = hashes_[id] & mask_;
    while (slots_[at] != kFree) at = (at + 1) & mask_;
    slots_[at] = id;
  }
}

std::size_t BytesTable::byte_size() const noexcept {
  return slots_.capacity() * 4 + hashes_.capacity() * 8 + strings_.capacity() * sizeof(std::string_view) +
         stored_;
}

std::uint32_t Interner::null_id() {
  if (null_id_ == kNone) null_id_ = static_cast<std::uint32_t>(words_.size() + bytes_.size());
  return null_id_;
}

template <class T>
std::uint32_t Interner::intern_one(T value) {
  if constexpr (std::is_same_v<T, std::string_view>)
    return to_id(bytes_.intern(value));
  else
    return to_id(words_.intern(to_word(value)));
}

template <class T>
void Interner::intern_flat(const Vector& v, std::uint32_t* ids) {
  const T* in = v.as<T>();
  if (v.constant) {
    std::fill_n(ids, v.size, v.is_null(0) ? null_id() : intern_one(in[0]));
  } else if (!v.valid) {
    for (std::size_t i = 0; i < v.size; ++i) ids[i] = intern_one(in[i]);
  } else {
    for (std::size_t i = 0; i < v.size; ++i) ids[i] = v.valid[i] ? intern_one(in[i]) : null_id();
  }
}

void Interner::intern_codes(const Vector& v, std::uint32_t* ids) {
  if (entries_ != v.entries) {
    entries_ = v.entries;
    code_ids_.assign(v.entries->size, kNone);
  }
  const std::uint32_t* known = code_ids_.data();
  for (std::size_t i = 0; i < v.size; ++i) {
    ids[i] = known[v.codes[i]];
    if (ids[i] != kNone) [[likely]]
      continue;
    intern_entries(*v.entries, {v.codes + i, v.size - i});
    ids[i] = known[v.codes[i]];
  }
}

/// All new ones at once: a dictionary a row group may have few rows.
void Interner::intern_entries(const Vector& entries, std::span<const std::uint32_t> codes) {
  std::vector<std::uint32_t> fresh;
  for (const std::uint32_t code : codes) {
    if (code_ids_[code] != kNone) continue;
    code_ids_[code] = 0;
    fresh.push_back(code);
  }
  std::vector<std::uint32_t> ids(fresh.size());
  intern(pick(entries, fresh), ids.data());
  for (std::size_t i = 0; i < fresh.size(); ++i) code_ids_[fresh[i]] = ids[i];
}

void Interner::intern(const Vector& v, std::uint32_t* ids) {
  if (v.size == 0) return;
  if (v.codes) return intern_codes(v, ids);
  switch (lane_) {
    case Lane::boolean:
      return intern_flat<std::uint8_t>(v, ids);
    case Lane::i64:
      return intern_flat<std::int64_t>(v, ids);
    case Lane::u64:
      return intern_flat<std::uint64_t>(v, ids);
    case Lane::f64:
      return intern_flat<double>(v, ids);
    case Lane::bytes:
      return intern_flat<std::string_view>(v, ids);
  }
}

Vector Interner::values(std::span<const std::uint32_t> ids) const {
  const auto build = [&]<class T>(T*) {
    NewVector<T> out(lane_, ids.size());
    std::uint8_t* valid = null_id_ != kNone ? out.with_nulls() : nullptr;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const bool present = ids[i] != null_id_;
      if (valid) valid[i] = present;
      out.data[i] = T{};
      if (!present) continue;
      if constexpr (std::is_same_v<T, std::string_view>)
        out.data[i] = bytes_.string(to_table(ids[i]));
      else
        from_word(words_.word(to_table(ids[i])), out.data[i]);
    }
    return out.v;
  };
  switch (lane_) {
    case Lane::i64:
      return build(static_cast<std::int64_t*>(nullptr));
    case Lane::u64:
      return build(static_cast<std::uint64_t*>(nullptr));
    case Lane::f64:
      return build(static_cast<double*>(nullptr));
    case Lane::bytes:
      return build(static_cast<std::string_view*>(nullptr));
    default:
      return build(static_cast<std::uint8_t*>(nullptr));
  }
}

std::size_t Interner::byte_size() const noexcept {
  return words_.byte_size() + bytes_.byte_size() + code_ids_.capacity() * 4;
}

GroupTable::GroupTable(const std::vector<Lane>& lanes) {
  for (const Lane lane : lanes) columns_.emplace_back(lane);
  if (columns_.size() > 1) pairs_.resize(columns_.size() - 1);
}

void GroupTable::assign(std::span<const Vector> keys, std::size_t rows, std::uint32_t* ids) {
  if (columns_.empty()) {
    std::fill_n(ids, rows, 0U);
    if (rows > 0) groups_ = 1;
    return;
  }
  columns_[0].intern(keys[0], ids);
  if (columns_.size() > 1) {
    auto next = scratch_array<std::uint32_t>(rows);
    for (std::size_t k = 1; k < columns_.size(); ++k) {
      columns_[k].intern(keys[k], next.get());
      WordTable& pairs = pairs_[k - 1];
      for (std::size_t i = 0; i < rows; ++i)
        ids[i] = pairs.intern((std::uint64_t{ids[i]} << 32U) | next.get()[i]);
    }
  }
  groups_ = pairs_.empty() ? columns_[0].size() : pairs_.back().size();
}

Vector GroupTable::keys(std::size_t k) const {
  std::vector<std::uint32_t> ids(groups_);
  for (std::uint32_t g = 0; g < groups_; ++g) {
    // Unwinds the pairs from the last column down to column k.
    std::uint32_t id = g;
    for (std::size_t level = pairs_.size(); level > k; --level)
      id = static_cast<std::uint32_t>(pairs_[level - 1].word(id) >> 32U);
    if (k > 0) id = static_cast<std::uint32_t>(pairs_[k - 1].word(id));
    ids[g] = id;
  }
  return columns_[k].values(ids);
}

std::size_t GroupTable::byte_size() const noexcept {
  std::size_t bytes = 0;
  for (const Interner& c : columns_) bytes += c.byte_size();
  for (const WordTable& p : pairs_) bytes += p.byte_size();
  return bytes;
}

}  // namespace firn::storage::query
