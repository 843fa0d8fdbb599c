// The last operator of a query: projection, DISTINCT, ORDER BY with LIMIT (top-k), OFFSET. Fed either with
// scanned rows that passed the filter or with finished groups.
#pragma once
#include <optional>

#include "storage/query/execution.hpp"
#include "storage/query/expression.hpp"
#include "storage/query/group_table.hpp"
#include "storage/query/sort_keys.hpp"

namespace firn::storage::query {

struct OutputPlan {
  std::vector<NodePtr> select;  ///< one a result column
  std::vector<NodePtr> order;
  std::vector<SortOrder> directions;
  bool distinct = false;
  std::optional<std::uint64_t> limit;
  std::uint64_t offset = 0;
  /// Rows that can matter: limit + offset, if there is a limit.
  std::optional<std::uint64_t> wanted() const {
    if (!limit) return std::nullopt;
    return *limit > ~std::uint64_t{0} - offset ? ~std::uint64_t{0} : *limit + offset;
  }
};

/// Collects answer rows. With ORDER BY and LIMIT it keeps a bounded candidate set: rows that sort behind the
/// worst candidate are dropped before anything but their sort keys is computed.
class Output {
 public:
  explicit Output(const OutputPlan& plan);
  /// Takes `rows` of the evaluator's columns.
  Result<void> add(const Evaluator& evaluator, const Rows& rows);
  /// True if no further row can change the answer.
  bool full() const;
  void merge(Output&& other);
  /// The columns of the answer; {cancelled} or {timeout} in the midst of a long sort.
  Result<std::vector<Column>> finish(const ExecutionLimits& limits);
  std::size_t byte_size() const;

 private:
  struct Candidate {
    std::uint64_t prefix;
    std::size_t offset;
    std::uint32_t length, row;
  };
  std::string_view key_of(const Candidate& c) const {
    return std::string_view(keys_).substr(c.offset, c.length);
  }
  bool before(const Candidate& a, const Candidate& b) const {
    return a.prefix != b.prefix ? a.prefix < b.prefix : key_of(a) < key_of(b);
  }
  /// Brings the first `wanted` candidates into order.
  Result<void> sort(std::size_t wanted, const ExecutionLimits& limits);
  Result<void> add_chunk(const Evaluator& evaluator, const Rows& rows);
  /// Leaves out rows whose first sort column alone places them behind the worst candidate.
  template <class F>
  void drop_beyond_worst(std::vector<Vector>& columns, const Rows& rows, F narrow) const;
  void add_key(std::string_view key, std::uint32_t row);
  bool beyond_worst(std::string_view key) const;
  /// Drops candidates that cannot be among the first wanted() rows.
  void prune();
  void keep(const std::vector<Candidate>& kept);
  std::size_t stored() const { return static_cast<std::size_t>(rows_); }

  const OutputPlan& plan_;
  std::vector<ColumnBuilder> columns_;
  std::uint64_t rows_ = 0;
  std::string keys_;                   // encoded sort keys of the stored rows
  std::vector<Candidate> candidates_;  // one a stored row, if there is an order
  std::string worst_;                  // key of the last row that matters so far; empty: none known
  std::optional<GroupTable> seen_;     // DISTINCT
};

}  // namespace firn::storage::query
