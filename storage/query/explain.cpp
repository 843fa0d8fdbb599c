#include <algorithm>

#include "storage/query/binder.hpp"

namespace firn::storage::query {
namespace {

std::string list(const Query& q, const std::vector<Expr>& exprs) {
  std::string out;
  for (const Expr& e : exprs) out += (out.empty() ? "" : ", ") + to_sql(q, e);
  return out;
}

std::string quoted(const Value& v) {
  return is_variable(v.type()) || is_temporal(v.type()) ? "'" + v.to_string() + "'" : v.to_string();
}

std::string bounds(const ColumnRange& r, const std::string& name) {
  if (r.is_point()) return name + " = " + quoted(r.min);
  std::string out;
  if (!r.min.is_null()) out += name + (r.min_open ? " > " : " >= ") + quoted(r.min);
  if (!r.max.is_null())
    out += (out.empty() ? "" : " and ") + name + (r.max_open ? " < " : " <= ") + quoted(r.max);
  return out;
}

/// The aggregates as written, each once.
std::string aggregates(const Query& q) {
  std::vector<std::string> seen;
  const auto scan = [&](const Expr& e) {
    std::vector<std::size_t> begins;
    for (std::size_t i = 0; i < e.nodes.size(); ++i) {
      const std::uint32_t argc = e.nodes[i].argc;
      const std::size_t begin = argc == 0 ? i : begins[begins.size() - argc];
      begins.resize(begins.size() - argc);
      begins.push_back(begin);
      if (!is_aggregate(q, e.nodes[i])) continue;
      const auto at = [&](std::size_t k) { return e.nodes.begin() + static_cast<std::ptrdiff_t>(k); };
      const std::string text = to_sql(q, Expr{{at(begin), at(i + 1)}});
      if (std::find(seen.begin(), seen.end(), text) == seen.end()) seen.push_back(text);
    }
  };
  for (const SelectItem& s : q.select) scan(s.expr);
  scan(q.having);
  for (const OrderItem& o : q.order_by) scan(o.expr);
  std::string out;
  for (const std::string& s : seen) out += (out.empty() ? "" : ", ") + s;
  return out;
}

std::string order(const Query& q) {
  std::string out;
  for (const OrderItem& o : q.order_by) {
    out += (out.empty() ? "" : ", ") + to_sql(q, o.expr) + (o.descending ? " desc" : "");
    if (o.nulls_first && *o.nulls_first == o.descending)
      out += *o.nulls_first ? " nulls first" : " nulls last";
  }
  return out;
}

}  // namespace

std::vector<std::string> describe(const PreparedQuery::Impl& plan) {
  const Query& q = plan.query;
  std::vector<std::string> lines;
  std::string scan = "scan " + q.table;
  for (std::size_t i = 0; i < plan.columns.size(); ++i)
    scan += (i == 0 ? ": " : ", ") + plan.schema[plan.columns[i]].name;
  lines.push_back(scan);
  for (const ColumnRange& r : plan.ranges) lines.push_back("prune " + bounds(r, plan.schema[r.column].name));
  if ((q.since_us || q.since_ago_us) && plan.schema.time())
    lines.push_back("filter since " + plan.schema[*plan.schema.time()].name);
  if (!q.where.empty()) lines.push_back("filter " + to_sql(q, q.where));
  if (plan.aggregated) {
    std::string line = "aggregate " + aggregates(q);
    if (!q.group_by.empty()) line += (plan.aggregates.empty() ? "by " : " by ") + list(q, q.group_by);
    lines.push_back(line);
  }
  if (!q.having.empty()) lines.push_back("having " + to_sql(q, q.having));
  if (q.distinct) lines.push_back("distinct");
  if (!plan.output.order.empty())
    lines.push_back((q.limit ? "top " + std::to_string(*q.limit) + " by " : "sort by ") + order(q));
  else if (q.limit)
    lines.push_back("limit " + std::to_string(*q.limit));
  if (q.offset > 0) lines.push_back("offset " + std::to_string(q.offset));
  return lines;
}

}  // namespace firn::storage::query
