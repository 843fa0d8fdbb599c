#include <algorithm>

#include "storage/query/binder.hpp"

namespace firn::storage {
namespace {

using query::Binder;
using query::NodePtr;

bool has_aggregate(const Query& q, const Expr& e) {
  return std::any_of(e.nodes.begin(), e.nodes.end(),
                     [&q](const ExprNode& n) { return query::is_aggregate(q, n); });
}

bool is_aggregated(const Query& q) {
  bool found = !q.group_by.empty() || !q.having.empty();
  for (const SelectItem& s : q.select) found = found || has_aggregate(q, s.expr);
  for (const OrderItem& o : q.order_by) found = found || has_aggregate(q, o.expr);
  return found;
}

/// One result column: its node, its name, and the item it came from.
struct Item {
  NodePtr node;
  std::string name;
  bool nullable = true;
  const Expr* expr = nullptr;
};

/// Columns that `*` stands for: all but `_row`, unless that is the only one.
std::vector<std::size_t> star_columns(const Schema& schema) {
  std::vector<std::size_t> columns;
  for (std::size_t i = 0; i < schema.size(); ++i)
    if (!(schema.has_row_key() && i + 1 == schema.size() && schema.size() > 1)) columns.push_back(i);
  return columns;
}

class Preparation {
 public:
  Preparation(PreparedQuery::Impl& plan, Timestamp now) : plan_(plan), binder_(plan, now), now_(now) {}

  Result<void> run() {
    const Query& q = plan_.query;
    FIRN_TRY(bind_condition());
    plan_.aggregated = is_aggregated(q);
    FIRN_TRY(binder_.bind_groups());
    FIRN_TRY(bind_select());
    if (!q.having.empty()) {
      FIRN_ASSIGN(NodePtr having, binder_.bind_output(q.having, true));
      FIRN_ASSIGN(having, query::make_condition(having, binder_.place(q.having.nodes.back().position)));
      query::split_conjuncts(having, plan_.having);
    }
    FIRN_TRY(bind_order());
    plan_.output.distinct = q.distinct;
    plan_.output.limit = q.limit;
    plan_.output.offset = q.offset;
    finish();
    return {};
  }

  Result<void> bind_condition() {
    const Query& q = plan_.query;
    if (q.since_us || q.since_ago_us) {
      std::int64_t since = 0;
      if (q.since_us)
        since = *q.since_us;
      else if (__builtin_sub_overflow(now_.us, *q.since_ago_us, &since))
        return Error(ErrorCode::out_of_range, "SINCE lies outside of what a timestamp can hold");
      FIRN_ASSIGN(NodePtr condition, binder_.event_time(Timestamp{since}));
      query::split_conjuncts(condition, plan_.conditions);
    }
    if (!q.where.empty()) {
      FIRN_ASSIGN(NodePtr where, binder_.bind_over_rows(q.where, "WHERE"));
      FIRN_ASSIGN(where, query::make_condition(where, binder_.place(q.where.nodes.back().position)));
      query::split_conjuncts(where, plan_.conditions);
    }
    plan_.ranges = query::find_ranges(plan_.conditions, plan_.schema, plan_.columns);
    return {};
  }

 private:
  Result<void> bind_select() {
    const Query& q = plan_.query;
    if (q.select.empty()) return Error(ErrorCode::invalid_argument, "the query selects nothing");
    for (const SelectItem& s : q.select) {
      if (s.expr.empty()) {
        FIRN_TRY(add_star());
        continue;
      }
      Item item;
      item.expr = &s.expr;
      FIRN_ASSIGN(item.node, binder_.bind_output(s.expr, false));
      item.name = s.name.empty() ? to_sql(q, s.expr) : s.name;
      if (!plan_.aggregated && item.node->kind == query::NodeKind::column)
        item.nullable = plan_.schema[plan_.columns[item.node->slot]].nullable;
      items_.push_back(std::move(item));
    }
    return {};
  }

  Result<void> add_star() {
    if (plan_.aggregated)
      return Error(ErrorCode::parse,
                   "'*' cannot be selected beside GROUP BY or aggregates; name the columns");
    for (const std::size_t c : star_columns(plan_.schema)) {
      Item item;
      FIRN_ASSIGN(item.node, binder_.column(c, binder_.place(0)));
      item.name = plan_.schema[c].name;
      item.nullable = plan_.schema[c].nullable;
      items_.push_back(std::move(item));
    }
    return {};
  }

  Result<void> bind_order() {
    for (const OrderItem& o : plan_.query.order_by) {
      if (o.expr.empty()) return Error(ErrorCode::invalid_argument, "an ORDER BY item is empty");
      FIRN_ASSIGN(const auto item, binder_.select_item(o.expr, true));
      NodePtr node;
      if (item && !plan_.query.select[*item].expr.empty()) {
        node = node_of(plan_.query.select[*item].expr);
      } else if (item) {
        return binder_.place(o.expr.nodes[0].position)
            .error(ErrorCode::parse, "ORDER BY cannot count over '*'");
      } else {
        FIRN_ASSIGN(node, binder_.bind_output(o.expr, true));
        if (plan_.query.distinct && !is_selected(o.expr, *node))
          return binder_.place(o.expr.nodes.back().position)
              .error(ErrorCode::parse, "with DISTINCT, ORDER BY takes selected expressions only");
      }
      if (node->is_constant()) continue;
      plan_.output.order.push_back(std::move(node));
      plan_.output.directions.push_back({o.descending, o.nulls_first.value_or(!o.descending)});
    }
    return {};
  }

  NodePtr node_of(const Expr& expr) const {
    for (const Item& i : items_)
      if (i.expr == &expr) return i.node;
    return nullptr;
  }

  bool is_selected(const Expr& expr, const query::Node& node) const {
    return std::any_of(items_.begin(), items_.end(), [&](const Item& i) {
      if (i.expr) return binder_.same(i.expr->nodes, expr.nodes);
      return node.kind == query::NodeKind::column && i.node->slot == node.slot;
    });
  }

  void finish() {
    std::vector<ColumnSchema> columns;
    for (Item& i : items_) {
      columns.push_back({0, i.name, i.node->type, i.nullable});
      plan_.output.select.push_back(std::move(i.node));
    }
    plan_.result = Schema::for_result(std::move(columns));
  }

  PreparedQuery::Impl& plan_;
  Binder binder_;
  Timestamp now_;
  std::vector<Item> items_;
};

std::unique_ptr<PreparedQuery::Impl> new_plan(const Query& query, const Schema& schema) {
  auto plan = std::make_unique<PreparedQuery::Impl>();
  plan->query = query;
  plan->schema = schema;
  return plan;
}

}  // namespace

Result<PreparedQuery> PreparedQuery::prepare(const Query& query, const Schema& schema, Timestamp now) {
  auto plan = new_plan(query, schema);
  FIRN_TRY(Preparation(*plan, now).run());
  plan->explain = query::describe(*plan);
  return PreparedQuery(std::move(plan));
}

Result<PreparedQuery> prepare_condition(const Query& condition, const Schema& schema, Timestamp now) {
  return PreparedQuery::prepare_condition(condition, schema, now);
}

Result<PreparedQuery> PreparedQuery::prepare_condition(const Query& condition, const Schema& schema,
                                                       Timestamp now) {
  auto plan = new_plan(condition, schema);
  FIRN_TRY(Preparation(*plan, now).bind_condition());
  plan->explain = query::describe(*plan);
  return PreparedQuery(std::move(plan));
}

PreparedQuery::PreparedQuery(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PreparedQuery::PreparedQuery(PreparedQuery&&) noexcept = default;
PreparedQuery& PreparedQuery::operator=(PreparedQuery&&) noexcept = default;
PreparedQuery::~PreparedQuery() = default;

const std::vector<std::size_t>& PreparedQuery::columns() const { return impl_->columns; }
const std::vector<ColumnRange>& PreparedQuery::ranges() const { return impl_->ranges; }
const Schema& PreparedQuery::result_schema() const { return impl_->result; }
std::vector<std::string> PreparedQuery::explain() const { return impl_->explain; }

bool PreparedQuery::counts_only() const {
  return impl_->aggregated && impl_->keys.empty() && impl_->conditions.empty() && impl_->columns.empty() &&
         std::all_of(impl_->aggregates.begin(), impl_->aggregates.end(),
                     [](const auto& a) { return a.counts_rows(); });
}

}  // namespace firn::storage
