// Running a query: bind once, push scan batches through, finish. Knows nothing of tiers.
//
//   PreparedQuery p = prepare(query, schema, now)      names -> columns, types checked, pruning ranges found
//   QueryExecution e(p, limits)                        one a thread
//   e.consume(batch) ...  e.merge(other)               filter, project or aggregate, top-k
//   Batch b = e.finish()                               having, order, limit; a result schema
#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "schema/batch.hpp"
#include "schema/query.hpp"

namespace firn::storage {

/// Rows as a scan delivers them: the columns that PreparedQuery::columns() asked for, in that order.
struct ScanBatch {
  std::int64_t rows = 0;
  std::vector<Column> columns;  ///< plain or dictionary form
  /// The rows that count, ascending; absent: all of them.
  std::optional<std::vector<std::uint32_t>> selection;
};

/// A condition that every row of the answer meets: min <= column <= max. Open ends are NULL. Used for pruning by zone
/// maps only (the exact filter runs anyway), so bounds may be wider than the query's.
struct ColumnRange {
  std::size_t column = 0;                   ///< position in the table's schema
  Value min, max;                           ///< of the column's type
  bool min_open = false, max_open = false;  ///< exclusive bounds
  bool is_point() const { return !min.is_null() && min == max && !min_open && !max_open; }
};

struct ExecutionLimits {
  std::size_t memory_bytes = std::size_t{1} << 30;  ///< group tables and sort buffers; Error {memory} above
  const std::atomic<bool>* cancelled = nullptr;     ///< polled while rows are worked on; Error {cancelled}
  const std::atomic<bool>* stopped = nullptr;       ///< a second flag of the same meaning: the caller's own
  std::optional<std::chrono::steady_clock::time_point> deadline;  ///< Error {timeout}

  /// {cancelled} or {timeout} once it is time to end. Cheap: operators ask it for every chunk of rows.
  Result<void> check() const;
};

/// A query bound to a schema. Immutable; may be shared by threads.
class PreparedQuery {
 public:
  /// `now` is NOW() for the whole query. SINCE becomes a condition on the event-time column. AS OF is the caller's
  /// business (it chooses the rows). Errors: {parse} or {type_mismatch} with position and caret for unknown columns
  /// and functions, wrong argument counts and types, aggregates in WHERE, columns that are neither grouped nor
  /// aggregated ...
  static Result<PreparedQuery> prepare(const Query& query, const Schema& schema, Timestamp now);
  PreparedQuery(PreparedQuery&&) noexcept;
  PreparedQuery& operator=(PreparedQuery&&) noexcept;
  ~PreparedQuery();

  /// Positions in the table's schema of the columns to deliver. May be empty (count(*)).
  const std::vector<std::size_t>& columns() const;
  const std::vector<ColumnRange>& ranges() const;
  /// Names and types of the answer.
  const Schema& result_schema() const;
  /// One line an operator, for EXPLAIN: "filter delay > 60", "aggregate count(*) by origin", "top 3 by n desc" ...
  std::vector<std::string> explain() const;
  /// True if the answer needs only the row count, i.e. `SELECT count(*)` without condition or group.
  bool counts_only() const;

  struct Impl;
  const Impl& impl() const { return *impl_; }
  /// See the free function below.
  static Result<PreparedQuery> prepare_condition(const Query& condition, const Schema& schema, Timestamp now);

 private:
  explicit PreparedQuery(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The state of one running query on one thread. The PreparedQuery must outlive it.
class QueryExecution {
 public:
  QueryExecution(const PreparedQuery& query, const ExecutionLimits& limits);
  QueryExecution(QueryExecution&&) noexcept;
  ~QueryExecution();
  /// Takes rows in. Returns false when no further rows can change the answer (a LIMIT without ORDER BY is full).
  Result<bool> consume(const ScanBatch& batch);
  /// Counts rows without looking at them. Requires counts_only().
  Result<void> consume_count(std::uint64_t rows);
  /// Adds what another execution of the same PreparedQuery has taken in.
  Result<void> merge(QueryExecution&& other);
  /// The answer. Call once.
  Result<Batch> finish();
  /// Rows taken in, rows that passed the filter.
  std::uint64_t rows_in() const;
  std::uint64_t rows_passed() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Evaluates a condition of a prepared query made from parse_condition() over a batch: the selected rows.
/// (remove_where and update use it.)
Result<std::vector<std::uint32_t>> select_rows(const PreparedQuery& condition, const ScanBatch& batch);
/// Binds a condition alone; columns() and ranges() as for a query.
Result<PreparedQuery> prepare_condition(const Query& condition, const Schema& schema, Timestamp now);

}  // namespace firn::storage
