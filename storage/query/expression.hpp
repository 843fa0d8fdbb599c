// Bound expressions and their evaluation, a chunk of rows at a time.
//
// A node is immutable and shared. Plain operators are kernels: functions from argument vectors to a result
// vector. AND, OR, CASE and COALESCE decide which rows their later operands are evaluated for, so that an
// operand that can fail (overflow, a cast) is never evaluated where SQL would not do so. An expression over
// one dictionary column that cannot fail is evaluated once for each dictionary entry; rows then only look
// their code up.
#pragma once
#include <memory>
#include <vector>

#include "schema/query.hpp"
#include "storage/query/vector.hpp"

namespace firn::storage::query {

struct Node;
using NodePtr = std::shared_ptr<const Node>;
/// `args` have `rows` rows each, flat or constant; at least one is flat unless all operands are constants.
using Kernel = Result<Vector> (*)(const Node& node, std::span<const Vector> args, std::size_t rows);

enum class NodeKind : std::uint8_t { constant, column, kernel, logical_and, logical_or, case_when, coalesce };

struct Node {
  NodeKind kind = NodeKind::constant;
  TypeId type = TypeId::null;
  Value constant;
  std::size_t slot = 0;  ///< column: position in the evaluated columns
  std::vector<NodePtr> args;
  Kernel kernel = nullptr;
  std::shared_ptr<const void> payload;  ///< what the kernel prepared at binding: an IN set, a pattern
  std::int64_t parameter = 0;           ///< a small number for the kernel: operator, unit
  const std::string* text = nullptr;    ///< the query's text, for errors
  std::uint32_t position = 0;
  bool can_fail = false;  ///< this operator or one below it
  std::uint32_t depth = 1;
  /// The only column below, kNoSlot if there is none, kManySlots if there are several.
  std::size_t only_slot = kNoSlot;
  static constexpr std::size_t kNoSlot = ~std::size_t{0}, kManySlots = ~std::size_t{0} - 1;

  Lane lane() const noexcept { return lane_of(type); }
  bool is_constant() const noexcept { return kind == NodeKind::constant; }
  bool is_null_constant() const noexcept { return is_constant() && constant.is_null(); }
};

/// An error at the node's place in the query text, with a caret under it.
Error error_at(const Node& node, ErrorCode code, const std::string& message);
Error error_at(const std::string& text, std::size_t position, ErrorCode code, const std::string& message);

/// Results over dictionaries, kept from chunk to chunk. Bounded: emptied when it holds kEntriesMax results.
class DictionaryCache {
 public:
  std::shared_ptr<const Vector> find(const void* node, const Column* dictionary) const;
  void put(const void* node, std::shared_ptr<const Column> dictionary, std::shared_ptr<const Vector> entries);

 private:
  static constexpr std::size_t kEntriesMax = 64;
  struct Entry {
    const void* node;
    std::shared_ptr<const Column> dictionary;  // held, so that its address is not used again
    std::shared_ptr<const Vector> entries;
  };
  std::vector<Entry> entries_;
};

/// Evaluates nodes over some columns. A cheap view; columns and cache must outlive it. One thread.
class Evaluator {
 public:
  Evaluator(std::span<const Column> columns, DictionaryCache& cache) : columns_(columns), cache_(cache) {}
  /// Any form, rows.count rows.
  Result<Vector> evaluate(const Node& node, const Rows& rows) const;

 private:
  Result<Vector> run_kernel(const Node& node, const Rows& rows) const;
  Result<Vector> run_logic(const Node& node, const Rows& rows) const;
  Result<Vector> run_case(const Node& node, const Rows& rows) const;
  Result<Vector> run_coalesce(const Node& node, const Rows& rows) const;
  Result<Vector> over_dictionary(const Node& node, const Rows& rows) const;
  Result<Vector> dispatch(const Node& node, const Rows& rows) const;
  Vector column(const Node& node, const Rows& rows) const;
  bool pays_over_dictionary(const Node& node) const;
  std::span<const Column> columns_;
  DictionaryCache& cache_;
};

/// Evaluates a node that refers to no column.
Result<Value> evaluate_constant(const Node& node);

/// Keeps of `rows` those where the condition is true. `out` has room for rows.count. Conditions are the
/// conjuncts of an AND, in order.
Result<std::size_t> filter(std::span<const NodePtr> conditions, const Evaluator& evaluator, const Rows& rows,
                           std::uint32_t* out);

}  // namespace firn::storage::query
