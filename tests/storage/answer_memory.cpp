#include "tests/storage/answer_memory.hpp"

#include <functional>

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

/// Of the rows, whatever their order.
std::uint64_t fingerprint_of(const Batch& answer) {
  std::uint64_t sum = static_cast<std::uint64_t>(answer.rows());
  for (std::size_t i = 0; i < static_cast<std::size_t>(answer.rows()); ++i) {
    std::uint64_t row = 0;
    for (const Column& c : answer.columns()) {
      const std::uint64_t value =
          c.is_null(i) ? 0x5bd1e995 : std::hash<std::string>{}(c.value_at(i).to_string());
      row = (row ^ value) * 0x9e3779b97f4a7c15U;
      row ^= row >> 32;
    }
    sum += row;
  }
  return sum;
}

Result<std::vector<std::uint64_t>> answers_at(TableStore& store, std::uint64_t csn) {
  std::vector<std::uint64_t> out;
  FIRN_ASSIGN(const StoreSnapshot now, store.snapshot());
  for (const std::string& sql : questions(csn)) {
    FIRN_ASSIGN(const Batch answer, store.query(parse_query(sql).value(), now));
    out.push_back(fingerprint_of(answer));
  }
  return out;
}

}  // namespace

AnswerMemory::Remembered::iterator AnswerMemory::check(TableStore& store, Remembered::iterator at) {
  const std::uint64_t csn = at->first;
  const auto now = answers_at(store, csn);
  if (!now && now.error().code() == ErrorCode::horizon) {
    expect(csn < store.stats().value().horizon.value,
           "CSN " + std::to_string(csn) + " is retained and refused: " + now.error().message());
    return answers_.erase(at);
  }
  for (std::size_t i = 0; i < at->second.size(); ++i)
    expect(now.value()[i] == at->second[i], "maintenance changed the answer of " + questions(csn)[i]);
  return std::next(at);
}

void AnswerMemory::remember(TableStore& store, std::uint64_t csn, std::mt19937_64& chance) {
  if (const auto known = answers_.find(csn); known != answers_.end()) {
    check(store, known);
    return;
  }
  if (answers_.size() >= kCsnsMax)
    answers_.erase(std::next(answers_.begin(), static_cast<std::ptrdiff_t>(chance() % answers_.size())));
  answers_.emplace(csn, answers_at(store, csn).value());
}

void AnswerMemory::check_some(TableStore& store, std::mt19937_64& chance) {
  for (std::size_t i = 0; i < kSome && !answers_.empty(); ++i)
    check(store, std::next(answers_.begin(), static_cast<std::ptrdiff_t>(chance() % answers_.size())));
}

void AnswerMemory::check_all(TableStore& store) {
  for (auto at = answers_.begin(); at != answers_.end();) at = check(store, at);
}

}  // namespace firn::storage::model
