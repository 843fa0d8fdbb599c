#include "storage/query/execution.hpp"

#include <algorithm>

#include "storage/query/plan.hpp"

namespace firn::storage {

using query::Evaluator;
using query::kChunkRows;
using query::Rows;
using query::Vector;

namespace {

std::vector<query::Lane> key_lanes(const PreparedQuery::Impl& plan) {
  std::vector<query::Lane> lanes;
  for (const auto& k : plan.keys) lanes.push_back(k->lane());
  return lanes;
}

/// Calls f(Rows) for the batch's rows, a chunk at a time, until f says stop.
template <class F>
Result<void> for_each_chunk(const ScanBatch& batch, F f) {
  const std::size_t total = batch.selection ? batch.selection->size() : static_cast<std::size_t>(batch.rows);
  for (std::size_t begin = 0; begin < total; begin += kChunkRows) {
    const std::size_t n = std::min(kChunkRows, total - begin);
    const Rows rows = batch.selection ? Rows{0, n, batch.selection->data() + begin} : Rows{begin, n, nullptr};
    FIRN_ASSIGN(const bool more, f(rows));
    if (!more) break;
  }
  return {};
}

}  // namespace

struct QueryExecution::Impl {
  Impl(const PreparedQuery::Impl& p, const ExecutionLimits& l)
      : plan(p), limits(l), groups(key_lanes(p)), output(p.output) {
    for (const auto& call : p.aggregates) states.push_back(query::make_states(call));
    picked.resize(p.conditions.empty() ? 0 : kChunkRows);
    ids.resize(p.aggregated && !p.keys.empty() ? kChunkRows : 0);
  }

  Result<void> check_memory() const {
    std::size_t bytes = plan.aggregated ? groups.byte_size() : output.byte_size();
    for (const auto& s : states) bytes += s->byte_size();
    if (bytes <= limits.memory_bytes) return {};
    const char* what = plan.aggregated             ? "the groups and aggregates of GROUP BY hold "
                       : plan.output.distinct      ? "the rows of DISTINCT hold "
                       : plan.output.order.empty() ? "the rows of the answer hold "
                                                   : "the rows to sort for ORDER BY hold ";
    return Error(ErrorCode::memory,
                 what + std::to_string(bytes) + " bytes, more than the limit of " +
                     std::to_string(limits.memory_bytes) +
                     "; select fewer rows or columns, add a LIMIT, or raise the memory limit");
  }

  void resize_states() {
    for (auto& s : states) s->resize(std::max<std::size_t>(groups.groups(), 1));
  }

  /// Rows of the chunk that pass the filter go on. False: the answer is complete.
  Result<bool> take(const Evaluator& evaluator, Rows rows) {
    FIRN_TRY(limits.check());
    if (!plan.conditions.empty()) {
      FIRN_ASSIGN(const std::size_t n, query::filter(plan.conditions, evaluator, rows, picked.data()));
      if (n < rows.count) rows = Rows{0, n, picked.data()};
    }
    passed += rows.count;
    if (rows.count == 0) return true;
    if (plan.aggregated) {
      FIRN_TRY(aggregate(evaluator, rows));
      return true;
    }
    FIRN_TRY(output.add(evaluator, rows));
    return !output.full();
  }

  Result<void> aggregate(const Evaluator& evaluator, const Rows& rows) {
    std::vector<Vector> keys;
    for (const auto& k : plan.keys) {
      FIRN_ASSIGN(keys.emplace_back(), evaluator.evaluate(*k, rows));
    }
    const std::uint32_t* of_row = nullptr;
    if (keys.empty()) {
      groups.ensure_single();
    } else {
      groups.assign(keys, rows.count, ids.data());
      of_row = ids.data();
    }
    resize_states();
    for (std::size_t a = 0; a < states.size(); ++a) {
      const auto& call = plan.aggregates[a];
      Vector arg;
      if (call.arg) {
        FIRN_ASSIGN(arg, evaluator.evaluate(*call.arg, rows));
        if (!call.distinct) arg = query::decode(arg);
      }
      FIRN_TRY(states[a]->update(arg, of_row, rows.count));
    }
    return {};
  }

  /// Keys and aggregates of all groups as columns; then HAVING, and on to the output.
  Result<void> finish_groups() {
    groups.ensure_single();
    resize_states();
    const std::size_t n = groups.groups();
    std::vector<Column> columns;
    for (std::size_t k = 0; k < plan.keys.size(); ++k)
      columns.push_back(query::to_column(groups.keys(k), plan.keys[k]->type));
    for (auto& s : states) {
      FIRN_ASSIGN(columns.emplace_back(), s->finish());
    }
    query::DictionaryCache none;
    const Evaluator evaluator(columns, none);
    std::vector<std::uint32_t> passing(n);
    FIRN_ASSIGN(const std::size_t left,
                query::filter(plan.having, evaluator, Rows{0, n, nullptr}, passing.data()));
    return output.add(evaluator, Rows{0, left, passing.data()});
  }

  const PreparedQuery::Impl& plan;
  ExecutionLimits limits;
  query::GroupTable groups;
  std::vector<std::unique_ptr<query::AggregateStates>> states;
  query::Output output;
  query::DictionaryCache cache;
  std::vector<std::uint32_t> picked, ids;
  std::uint64_t in = 0, passed = 0;
};

QueryExecution::QueryExecution(const PreparedQuery& query, const ExecutionLimits& limits)
    : impl_(std::make_unique<Impl>(query.impl(), limits)) {}
QueryExecution::QueryExecution(QueryExecution&&) noexcept = default;
QueryExecution::~QueryExecution() = default;

std::uint64_t QueryExecution::rows_in() const { return impl_->in; }
std::uint64_t QueryExecution::rows_passed() const { return impl_->passed; }

Result<bool> QueryExecution::consume(const ScanBatch& batch) {
  Impl& e = *impl_;
  FIRN_TRY(e.limits.check());
  FIRN_CHECK(batch.columns.size() == e.plan.columns.size());
  if (!e.plan.aggregated && e.output.full()) return false;
  e.in += batch.selection ? batch.selection->size() : static_cast<std::uint64_t>(batch.rows);
  const Evaluator evaluator(batch.columns, e.cache);
  FIRN_TRY(for_each_chunk(batch, [&](const Rows& rows) { return e.take(evaluator, rows); }));
  FIRN_TRY(e.check_memory());
  return e.plan.aggregated || !e.output.full();
}

Result<void> QueryExecution::consume_count(std::uint64_t rows) {
  Impl& e = *impl_;
  FIRN_TRY(e.limits.check());
  e.in += rows;
  e.passed += rows;
  e.groups.ensure_single();
  e.resize_states();
  for (auto& s : e.states) FIRN_TRY(s->update(Vector{}, nullptr, rows));
  return {};
}

Result<void> QueryExecution::merge(QueryExecution&& other) {
  Impl &e = *impl_, &o = *other.impl_;
  FIRN_CHECK(&e.plan == &o.plan);
  FIRN_TRY(e.limits.check());
  e.in += o.in;
  e.passed += o.passed;
  if (!e.plan.aggregated) {
    e.output.merge(std::move(o.output));
    return e.check_memory();
  }
  const std::size_t n = o.groups.groups();
  std::vector<std::uint32_t> map(n);
  std::vector<Vector> keys;
  for (std::size_t k = 0; k < e.plan.keys.size(); ++k) keys.push_back(o.groups.keys(k));
  e.groups.assign(keys, n, map.data());
  e.resize_states();
  for (std::size_t a = 0; a < e.states.size(); ++a) FIRN_TRY(e.states[a]->merge(*o.states[a], map));
  return e.check_memory();
}

Result<Batch> QueryExecution::finish() {
  Impl& e = *impl_;
  FIRN_TRY(e.limits.check());
  if (e.plan.aggregated) FIRN_TRY(e.finish_groups());
  FIRN_ASSIGN(std::vector<Column> columns, e.output.finish(e.limits));
  const std::int64_t rows = columns.empty() ? 0 : columns[0].length;
  return Batch(e.plan.result, rows, std::move(columns));
}

Result<std::vector<std::uint32_t>> select_rows(const PreparedQuery& condition, const ScanBatch& batch) {
  const PreparedQuery::Impl& plan = condition.impl();
  FIRN_CHECK(batch.columns.size() == plan.columns.size());
  query::DictionaryCache cache;
  const Evaluator evaluator(batch.columns, cache);
  std::vector<std::uint32_t> out, picked(kChunkRows);
  FIRN_TRY(for_each_chunk(batch, [&](const Rows& rows) -> Result<bool> {
    FIRN_ASSIGN(const std::size_t n, query::filter(plan.conditions, evaluator, rows, picked.data()));
    out.insert(out.end(), picked.begin(), picked.begin() + static_cast<std::ptrdiff_t>(n));
    return true;
  }));
  return out;
}

}  // namespace firn::storage
