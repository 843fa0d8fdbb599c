#include "tests/storage/answer_memory.hpp"

#include <functional>
#include <numeric>

#include "tests/storage/model_table.hpp"

namespace firn::storage::model {
namespace {

/// What is asked at a CSN. Ranges differ from CSN to CSN.
std::vector<std::string> questions(std::uint64_t csn) {
  const std::string travel = " FROM t AS OF CSN " + std::to_string(csn);
  const auto low = static_cast<int>(csn * 37 % 400);
  return {
      "SELECT k, v, tag, ts" + travel,
      "SELECT tag, count(*), sum(v), min(v), max(k), avg(v), count(DISTINCT v)" + travel + " GROUP BY tag",
      "SELECT count(*), count(tag), min(ts), max(tag), quantile(v, 0.5)" + travel + " WHERE k BETWEEN " +
          std::to_string(low) + " AND " + std::to_string(low + 90) + " AND v > -250000",
  };
}

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15U;
  return hash ^ (hash >> 32);
}

std::uint64_t hash_of(const Column& plain, std::size_t i) {
  if (plain.is_null(i)) return 0x5bd1e995;
  if (!plain.offsets.empty()) return std::hash<std::string_view>{}(plain.bytes_at(i));
  return plain.as<std::uint64_t>()[i];  // all numbers of these questions have eight bytes
}

/// Of the rows, whatever their order.
std::uint64_t fingerprint_of(const Batch& answer) {
  std::vector<std::uint64_t> rows(static_cast<std::size_t>(answer.rows()), 0);
  for (const Column& c : answer.columns()) {
    const Column plain = c.to_plain();
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = mixed(rows[i], hash_of(plain, i));
  }
  return std::accumulate(rows.begin(), rows.end(), static_cast<std::uint64_t>(answer.rows()));
}

Result<std::uint64_t> answer_of(TableStore& store, const std::string& sql) {
  FIRN_ASSIGN(const StoreSnapshot now, store.snapshot());
  FIRN_ASSIGN(const Batch answer, store.query(parse_query(sql).value(), now));
  return fingerprint_of(answer);
}

}  // namespace

AnswerMemory::Remembered::iterator AnswerMemory::any(std::mt19937_64& chance) {
  return std::next(answers_.begin(), static_cast<std::ptrdiff_t>(chance() % answers_.size()));
}

bool AnswerMemory::check(TableStore& store, std::uint64_t csn, std::size_t question) {
  const std::string sql = questions(csn)[question];
  const auto now = answer_of(store, sql);
  if (!now && now.error().code() == ErrorCode::horizon) {
    expect(csn < store.stats().value().horizon.value,
           "CSN " + std::to_string(csn) + " is retained and refused: " + now.error().message());
    answers_.erase(csn);
    return false;
  }
  expect(now.value() == answers_.at(csn)[question], "maintenance changed the answer of " + sql);
  return true;
}

void AnswerMemory::remember(TableStore& store, std::uint64_t csn, std::mt19937_64& chance) {
  if (answers_.contains(csn)) return;
  if (answers_.size() >= kCsnsMax) answers_.erase(any(chance));
  std::vector<std::uint64_t> answers;
  for (const std::string& sql : questions(csn)) answers.push_back(answer_of(store, sql).value());
  answers_.emplace(csn, std::move(answers));
}

void AnswerMemory::check_some(TableStore& store, std::mt19937_64& chance) {
  for (std::size_t i = 0; i < kSome && !answers_.empty(); ++i) {
    const auto at = any(chance);
    check(store, at->first, chance() % at->second.size());
  }
}

void AnswerMemory::check_all(TableStore& store) {
  for (auto at = answers_.begin(); at != answers_.end();) {
    const std::uint64_t csn = at->first;
    const std::size_t count = (at++)->second.size();
    for (std::size_t q = 0; q < count && check(store, csn, q); ++q) continue;
  }
}

}  // namespace firn::storage::model
