// A table and its oracle: a std::map that keeps every version of every key by CSN. The verbs change both; the checks
// compare them. A failed expectation throws, so that the caller can print seed, step and history.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/sim_disk.hpp"
#include "storage/table_store.hpp"

namespace firn::storage::model {

enum class KeyKind : std::uint8_t { number, composite, text };
inline constexpr std::uint64_t kKeyKinds = 3;

/// What a key holds at a CSN.
struct Cell {
  bool live = false;
  std::int64_t v = 0;
  std::string tag;  ///< "" is NULL
  bool operator==(const Cell&) const = default;
};
using State = std::map<int, Cell>;  ///< live keys only

/// A write as the test means it: the last cell of a key wins.
using Change = std::vector<std::pair<int, Cell>>;

/// Keys are numbers 0 .. ; how they look in the table depends on the kind.
class TableShape {
 public:
  explicit TableShape(KeyKind kind);
  const Schema& schema() const { return schema_; }
  Schema partial_schema() const;  ///< the key, `k` and `v`
  Key key(int k) const;
  std::string encoded(int k) const { return encode_key(schema_, key(k)).value(); }
  Batch batch(const Change& rows) const;
  Batch partial_batch(const std::vector<std::pair<int, std::int64_t>>& rows) const;

 private:
  KeyKind kind_;
  Schema schema_;
};

class Oracle {
 public:
  void put(int k, std::uint64_t csn, const Cell& cell) { versions_[k][csn] = cell; }
  void apply(const Change& change, std::uint64_t csn) {
    for (const auto& [k, cell] : change) put(k, csn, cell);
  }
  Cell at(int k, std::uint64_t csn) const;
  State state(std::uint64_t csn) const;
  /// CSN of the version that is visible at `csn`; 0 if there is none.
  std::uint64_t version_at(int k, std::uint64_t csn) const;
  /// Of each key its versions by CSN.
  const std::map<int, std::map<std::uint64_t, Cell>>& versions() const { return versions_; }
  /// CSN of the newest version of the key; 0 if there is none.
  std::uint64_t newest(int k) const;

 private:
  std::map<int, std::map<std::uint64_t, Cell>> versions_;
};

[[noreturn]] void mismatch(const std::string& what);
inline void expect(bool ok, const std::string& what) {
  if (!ok) mismatch(what);
}
std::string text_of(int k, const Cell& cell);
void expect_equal(const State& table, const State& oracle, const std::string& where);

/// An upsert of these rows on the way that their number takes: through the log, or as blocks made durable here.
Result<WriteRequest> upsert_of(TableStore& store, const Batch& rows);

/// All rows of the table at a snapshot, or at `as_of` through the query language.
Result<State> read_state(TableStore& store, std::optional<std::uint64_t> as_of = std::nullopt);
Result<State> read_state(TableStore& store, const StoreSnapshot& at);
Result<Cell> read_cell(TableStore& store, const StoreSnapshot& at, const TableShape& shape, int k);

}  // namespace firn::storage::model
