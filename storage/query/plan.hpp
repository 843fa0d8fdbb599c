// What prepare() makes of a query: the operators in the order in which rows pass them.
#pragma once
#include "storage/query/aggregate.hpp"
#include "storage/query/execution.hpp"
#include "storage/query/output.hpp"

namespace firn::storage {

struct PreparedQuery::Impl {
  Query query;                             ///< the nodes point to its text
  Schema schema;                           ///< of the table
  std::vector<std::size_t> columns;        ///< slot of a scan expression -> position in the schema
  std::vector<query::NodePtr> conditions;  ///< conjuncts over scanned columns
  std::vector<ColumnRange> ranges;
  bool aggregated = false;
  // Scan expressions; the expressions behind the aggregation see them as columns: keys first, then
  // aggregates.
  std::vector<query::NodePtr> keys;
  std::vector<query::AggregateCall> aggregates;
  std::vector<query::NodePtr> having;  ///< conjuncts over groups
  query::OutputPlan output;            ///< over groups if aggregated, else over scanned columns
  Schema result;
  std::vector<std::string> explain;
};

}  // namespace firn::storage
