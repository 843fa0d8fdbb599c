// What the model checks of CHANGES and cursors: the list of changes against the oracle's versions, replay, net changes.
#pragma once
#include <algorithm>
#include <functional>
#include <tuple>

#include "tests/storage/model_table.hpp"

namespace firn::storage::model {

/// (CSN, key, kind, the row).
using ChangeLine = std::tuple<std::uint64_t, int, std::string, std::int64_t, std::string>;

inline std::vector<ChangeLine> changes_of(const Oracle& oracle, std::uint64_t from) {
  std::vector<ChangeLine> out;
  for (const auto& [k, versions] : oracle.versions()) {
    Cell was;
    for (const auto& [csn, cell] : versions) {
      const Cell& row = cell.live ? cell : was;
      const char* op = !cell.live ? "delete" : was.live ? "update" : "insert";
      if (csn > from && (cell.live || was.live)) out.emplace_back(csn, k, op, row.v, row.tag);
      was = cell;
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

inline std::vector<ChangeLine> lines_of(const Batch& rows) {
  const std::size_t k = *rows.schema().find("k"), v = *rows.schema().find("v"),
                    tag = *rows.schema().find("tag");
  std::vector<ChangeLine> out;
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows.rows()); ++i) {
    const Value t = rows[tag].value_at(i);
    out.emplace_back(rows[0].value_at(i).to_u64(), static_cast<int>(rows[k].value_at(i).to_i64()),
                     rows[2].value_at(i).to_string(), rows[v].value_at(i).to_i64(),
                     t.is_null() ? "" : t.to_string());
  }
  return out;
}

inline std::string text_of(const ChangeLine& c) {
  const auto& [csn, k, op, v, tag] = c;
  return "CSN " + std::to_string(csn) + " " + op + " " + text_of(k, Cell{true, v, tag});
}

inline void replay(State& state, const ChangeLine& change) {
  const auto& [csn, k, op, v, tag] = change;
  if (op == "delete")
    state.erase(k);
  else
    state[k] = Cell{true, v, tag};
}

/// The changes since `from`, page by page, are the oracle's, and turn its state then into its state now; the net changes
/// do so too, and say nothing of keys that are as they were.
inline void expect_changes(TableStore& store, const Oracle& oracle, std::uint64_t from, std::uint64_t now,
                           std::uint64_t max_rows) {
  const std::string where =
      "changes since CSN " + std::to_string(from) + ", pages of " + std::to_string(max_rows) + " rows: ";
  std::vector<ChangeLine> table;
  State replayed = oracle.state(from);
  for (std::uint64_t at = from; at < now;) {
    const ChangePage page = store.changes({Csn{at}, Csn{now}, false, max_rows}).value();
    expect(page.next.value > at, where + "a page does not lead on from CSN " + std::to_string(at));
    std::vector<ChangeLine> lines = lines_of(page.rows);
    for (const ChangeLine& c : lines) replay(replayed, c);
    expect(std::is_sorted(lines.begin(), lines.end(),
                          [](const auto& a, const auto& b) { return std::get<0>(a) < std::get<0>(b); }),
           where + "not in commit order");
    expect(lines.empty() || (std::get<0>(lines.front()) > at && std::get<0>(lines.back()) <= page.next.value),
           where + "a page holds changes of another");
    table.insert(table.end(), lines.begin(), lines.end());
    at = page.next.value;
  }
  std::sort(table.begin(), table.end());  // keys are numbered here, encoded there
  const std::vector<ChangeLine> expected = changes_of(oracle, from);
  for (std::size_t i = 0; i < std::max(table.size(), expected.size()); ++i) {
    const std::string got = i < table.size() ? text_of(table[i]) : "nothing more";
    const std::string want = i < expected.size() ? text_of(expected[i]) : "nothing more";
    expect(got == want, where + "table: " + got + "; oracle: " + want);
  }
  expect_equal(replayed, oracle.state(now), where + "replayed");
  State net = oracle.state(from);
  for (const ChangeLine& c : lines_of(store.net_changes(Csn{from}, Csn{now}).value())) {
    const auto old = net.find(std::get<1>(c));
    const Cell before = old == net.end() ? Cell{} : old->second;
    replay(net, c);
    const auto is = net.find(std::get<1>(c));
    expect(!(before == (is == net.end() ? Cell{} : is->second)), where + "net, yet equal: " + text_of(c));
  }
  expect_equal(net, oracle.state(now), where + "net");
}

/// Named cursors as the test means them: never behind what they were set to, nor ahead of a change.
class CursorOracle {
 public:
  using Dice = std::function<std::uint64_t(std::uint64_t)>;
  /// Makes, moves or drops one; returns the commit.
  CommitInfo act(TableStore& store, std::uint64_t position, const Dice& below) {
    WriteRequest r;
    r.kind = WriteRequest::Kind::cursor;
    r.cursor.name = "c" + std::to_string(below(3));
    const bool known = set_.contains(r.cursor.name);
    using Verb = CursorRequest::Verb;
    r.cursor.verb = !known ? Verb::create : below(4) == 0 ? Verb::drop : Verb::move;
    r.cursor.at = Csn{position};
    if (!known) limits_[r.cursor.name] = static_cast<std::int64_t>(below(4)) * 3'600'000'000;
    r.cursor.limit_us = limits_[r.cursor.name];
    if (r.cursor.verb == Verb::drop)
      set_.erase(r.cursor.name);
    else
      set_[r.cursor.name] = position;
    return store.commit_one(std::move(r)).value();
  }
  void check(TableStore& store, const Oracle& oracle, std::uint64_t now) const {
    const std::vector<CursorView> table = store.cursors().value();
    expect(table.size() == set_.size(),
           std::to_string(table.size()) + " cursors, expected " + std::to_string(set_.size()));
    for (const CursorView& c : table) {
      const auto set = set_.find(c.name);
      expect(set != set_.end(), "a cursor that was not made: " + c.name);
      expect(c.csn.value >= set->second, "cursor " + c.name + " went back");
      if (c.fell_behind) continue;
      expect(c.csn.value == set->second || changes_of(oracle, set->second) == changes_of(oracle, c.csn.value),
             "cursor " + c.name + " passed a change");
      expect_changes(store, oracle, c.csn.value, now, 0);
    }
  }

 private:
  std::map<std::string, std::uint64_t> set_;
  std::map<std::string, std::int64_t> limits_;
};

}  // namespace firn::storage::model
