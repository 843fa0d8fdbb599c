// Group keys -> dense group ids, in order of first appearance.
//
// Each key column has an interner of its own (typed open addressing; dictionary columns go through one table
// lookup a row, codes -> ids, filled as codes appear). Several columns are combined pair by pair: (id so far,
// id of the next column) is a 64-bit key of a further table. So no key is ever serialised, and every loop is
// over plain integers.
#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "storage/query/vector.hpp"

namespace firn::storage::query {

/// 64-bit words -> dense ids. Open addressing, linear probing, at most half full.
class WordTable {
 public:
  WordTable();
  /// The id of a word, new ones get size().
  std::uint32_t intern(std::uint64_t word) {
    std::size_t at = hash(word) & mask_;
    while (slots_[at] != kFree) {
      if (words_[slots_[at]] == word) return slots_[at];
      at = (at + 1) & mask_;
    }
    return insert(at, word);
  }
  std::size_t size() const noexcept { return words_.size(); }
  std::uint64_t word(std::size_t id) const { return words_[id]; }
  std::size_t byte_size() const noexcept { return slots_.capacity() * 4 + words_.capacity() * 8; }

 private:
  static constexpr std::uint32_t kFree = ~std::uint32_t{0};
  static std::size_t hash(std::uint64_t w) noexcept {
    w *= 0x9E3779B97F4A7C15ULL;  // Fibonacci hashing, folded so that the low bits depend on all of the word
    w ^= w >> 32U;
    w *= 0xD6E8FEB86659FD93ULL;
    return static_cast<std::size_t>(w ^ (w >> 32U));
  }
  std::uint32_t insert(std::size_t at, std::uint64_t word);
  void grow();
  std::vector<std::uint32_t> slots_;
  std::vector<std::uint64_t> words_;
  std::size_t mask_;
};

/// Byte strings -> dense ids; keeps the bytes.
class BytesTable {
 public:
  BytesTable();
  std::uint32_t intern(std::string_view s);
  std::size_t size() const noexcept { return strings_.size(); }
  std::string_view string(std::size_t id) const { return strings_[id]; }
  std::size_t byte_size() const noexcept;

 private:
  std::string_view store(std::string_view s);
  void grow();
  static constexpr std::uint32_t kFree = ~std::uint32_t{0};
  std::vector<std::uint32_t> slots_;
  std::vector<std::uint64_t> hashes_;
  std::vector<std::string_view> strings_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t block_used_ = 0, block_size_ = 0, stored_ = 0;
  std::size_t mask_;
};

/// Values of one lane -> dense ids. NULL is a value like any other; all NaN are one, -0 is 0.
class Interner {
 public:
  explicit Interner(Lane lane) : lane_(lane) {}
  void intern(const Vector& v, std::uint32_t* ids);
  std::size_t size() const noexcept { return words_.size() + bytes_.size() + (null_id_ != kNone ? 1 : 0); }
  /// The values of these ids, as a flat vector that shares bytes with the interner (valid until it is
  /// destroyed).
  Vector values(std::span<const std::uint32_t> ids) const;
  bool is_null(std::uint32_t id) const noexcept { return id == null_id_; }
  std::size_t byte_size() const noexcept;

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  std::uint32_t null_id();
  void intern_codes(const Vector& v, std::uint32_t* ids);
  /// The entries with these codes that are not known yet.
  void intern_entries(const Vector& entries, std::span<const std::uint32_t> codes);
  template <class T>
  void intern_flat(const Vector& v, std::uint32_t* ids);
  template <class T>
  std::uint32_t intern_one(T value);
  /// Ids behind the NULL's id are one above those of the tables.
  std::uint32_t to_id(std::uint32_t table_id) const { return table_id + (table_id >= null_id_ ? 1 : 0); }
  std::uint32_t to_table(std::uint32_t id) const { return id - (id > null_id_ ? 1 : 0); }

  Lane lane_;
  WordTable words_;
  BytesTable bytes_;
  std::uint32_t null_id_ = kNone;
  std::shared_ptr<const Vector> entries_;  // the dictionary that code_ids_ belongs to
  std::vector<std::uint32_t> code_ids_;
};

class GroupTable {
 public:
  explicit GroupTable(const std::vector<Lane>& lanes);
  /// Group ids of `rows` rows. No key columns: group 0.
  void assign(std::span<const Vector> keys, std::size_t rows, std::uint32_t* ids);
  std::size_t groups() const noexcept { return groups_; }
  /// Makes group 0 of a table without key columns, which exists even where no row does.
  void ensure_single() {
    if (columns_.empty()) groups_ = 1;
  }
  /// Key column k of all groups. Valid while this table lives.
  Vector keys(std::size_t k) const;
  std::size_t byte_size() const noexcept;

 private:
  std::vector<Interner> columns_;
  std::vector<WordTable> pairs_;  // level k combines columns 0..k with column k + 1
  std::size_t groups_ = 0;
};

}  // namespace firn::storage::query
