// What the conjuncts of a condition say about single columns: for zone maps and key ranges. Bounds may be
// wider than the condition (the exact filter runs anyway), never narrower.
#include <cmath>

#include "storage/query/binder.hpp"

namespace firn::storage::query {
namespace {

constexpr std::int64_t kRangeDayUs = 86'400'000'000;

/// The least and the greatest value of an integer type, as its Value.
std::pair<Value, Value> limits_of(TypeId t) {
  switch (t) {
    case TypeId::i8:
      return {Value(std::int8_t{INT8_MIN}), Value(std::int8_t{INT8_MAX})};
    case TypeId::i16:
      return {Value(std::int16_t{INT16_MIN}), Value(std::int16_t{INT16_MAX})};
    case TypeId::i32:
      return {Value(std::int32_t{INT32_MIN}), Value(std::int32_t{INT32_MAX})};
    case TypeId::date:
      return {Value(Date{INT32_MIN}), Value(Date{INT32_MAX})};
    case TypeId::u8:
      return {Value(std::uint8_t{0}), Value(std::uint8_t{UINT8_MAX})};
    case TypeId::u16:
      return {Value(std::uint16_t{0}), Value(std::uint16_t{UINT16_MAX})};
    case TypeId::u32:
      return {Value(std::uint32_t{0}), Value(std::uint32_t{UINT32_MAX})};
    case TypeId::u64:
      return {Value(std::uint64_t{0}), Value(std::uint64_t{UINT64_MAX})};
    default:
      return {Value(std::int64_t{INT64_MIN}), Value(std::int64_t{INT64_MAX})};
  }
}

struct Bound1 {
  Value value;
  bool open;
};

/// A constant as a bound of a column's type. Empty: says nothing.
std::optional<Bound1> to_bound(const Value& v, TypeId type, bool lower, bool open) {
  if (v.is_null()) return std::nullopt;
  if (is_variable(type))
    return is_variable(v.type()) ? std::optional(Bound1{Value::of_bytes(type, v.as_bytes()), open})
                                 : std::nullopt;
  if (type == TypeId::boolean) return v.type() == type ? std::optional(Bound1{v, open}) : std::nullopt;
  if (is_temporal(type)) {
    if (!is_temporal(v.type())) return std::nullopt;
    if (type == v.type()) return Bound1{v, open};
    if (type != TypeId::date) return std::nullopt;
    const std::int64_t us = v.as_signed();  // a date against a moment: the day it lies in, inclusive
    return Bound1{Value(Date{static_cast<std::int32_t>(us / kRangeDayUs - (us % kRangeDayUs < 0 ? 1 : 0))}),
                  false};
  }
  if (type == TypeId::f64 || type == TypeId::f32) {
    if (!is_numeric(v.type())) return std::nullopt;
    double d = v.to_f64();
    if (std::isnan(d)) return std::nullopt;
    const bool exact = is_float(v.type()) || std::fabs(d) < 0x1p53;
    if (!exact) d = std::nextafter(d, lower ? -HUGE_VAL : HUGE_VAL);
    if (type == TypeId::f64) return Bound1{Value(d), open && exact};
    if (std::fabs(d) > 3.4e38) return std::nullopt;
    auto f = static_cast<float>(d);
    if (static_cast<double>(f) == d) return Bound1{Value(f), open && exact};
    if (lower ? static_cast<double>(f) > d : static_cast<double>(f) < d)
      f = std::nextafter(f, lower ? -HUGE_VALF : HUGE_VALF);
    return Bound1{Value(f), false};
  }
  if (is_float(v.type())) {
    const double d = v.as_double();
    if (std::isnan(d) || std::fabs(d) > 0x1p62) return std::nullopt;
    const auto whole = static_cast<std::int64_t>(lower ? std::floor(d) : std::ceil(d));
    return to_bound(Value(whole), type, lower, false);
  }
  if (!is_integer(v.type())) return std::nullopt;
  if (auto fits = v.cast(type)) return Bound1{*fits, open};
  // Beyond the type: the near end of the type says enough, the far end says nothing.
  const bool below = is_signed_integer(v.type()) && v.as_signed() < 0;
  const auto [least, greatest] = limits_of(type);
  if (lower) return below ? std::nullopt : std::optional(Bound1{greatest, false});
  return below ? std::optional(Bound1{least, false}) : std::nullopt;
}

class Ranges {
 public:
  Ranges(const Schema& schema, std::span<const std::size_t> columns) : schema_(schema), columns_(columns) {}

  void add(const Node& n) {
    if (const ExprOp op = comparison_op(n); op != ExprOp::invalid) {
      add_comparison(op, *n.args[0], *n.args[1], false);
      add_comparison(op, *n.args[1], *n.args[0], true);
    } else if (const auto* items = in_list_constants(n)) {
      add_in(*n.args[0], *items);
    } else if (const std::string* prefix = like_prefix(n)) {
      add_prefix(*n.args[0], *prefix);
    }
  }
  std::vector<ColumnRange> take() { return std::move(ranges_); }

 private:
  std::optional<std::size_t> column_of(const Node& n) const {
    if (n.kind == NodeKind::column) return columns_[n.slot];
    if (is_date_to_timestamp(n) && n.args[0]->kind == NodeKind::column) return columns_[n.args[0]->slot];
    return std::nullopt;
  }
  ColumnRange& range_of(std::size_t column) {
    for (ColumnRange& r : ranges_)
      if (r.column == column) return r;
    return ranges_.emplace_back(ColumnRange{column, {}, {}, false, false});
  }
  void add_comparison(ExprOp op, const Node& left, const Node& right, bool swapped) {
    const auto column = column_of(left);
    if (!column || !right.is_constant()) return;
    const bool greater = op == ExprOp::gt || op == ExprOp::ge, less = op == ExprOp::lt || op == ExprOp::le;
    const bool open = op == ExprOp::gt || op == ExprOp::lt;
    if (op == ExprOp::eq || (swapped ? less : greater)) lower(*column, right.constant, open);
    if (op == ExprOp::eq || (swapped ? greater : less)) upper(*column, right.constant, open);
  }
  void add_in(const Node& value, const std::vector<Value>& items) {
    const auto column = column_of(value);
    if (!column || items.empty()) return;
    const auto [least, greatest] = std::minmax_element(items.begin(), items.end());
    lower(*column, *least, false);
    upper(*column, *greatest, false);
  }
  void add_prefix(const Node& value, const std::string& prefix) {
    const auto column = column_of(value);
    if (!column) return;
    lower(*column, Value::of_bytes(schema_[*column].type, prefix), false);
    // The least string above all with this prefix. It need not be valid UTF-8: bounds compare as bytes.
    std::string after = prefix;
    while (!after.empty() && after.back() == static_cast<char>(0xFF)) after.pop_back();
    if (after.empty()) return;
    after.back() = static_cast<char>(static_cast<unsigned char>(after.back()) + 1);
    upper(*column, Value::of_bytes(schema_[*column].type, after), true);
  }
  void lower(std::size_t column, const Value& v, bool open) {
    const auto b = to_bound(v, schema_[column].type, true, open);
    if (!b) return;
    ColumnRange& r = range_of(column);
    if (!r.min.is_null() && (b->value < r.min || (b->value == r.min && !b->open))) return;
    r.min = b->value;
    r.min_open = b->open;
  }
  void upper(std::size_t column, const Value& v, bool open) {
    const auto b = to_bound(v, schema_[column].type, false, open);
    if (!b) return;
    ColumnRange& r = range_of(column);
    if (!r.max.is_null() && (r.max < b->value || (b->value == r.max && !b->open))) return;
    r.max = b->value;
    r.max_open = b->open;
  }
  const Schema& schema_;
  std::span<const std::size_t> columns_;
  std::vector<ColumnRange> ranges_;
};

}  // namespace

std::vector<ColumnRange> find_ranges(std::span<const NodePtr> conjuncts, const Schema& schema,
                                     std::span<const std::size_t> columns) {
  Ranges ranges(schema, columns);
  for (const NodePtr& n : conjuncts) ranges.add(*n);
  return ranges.take();
}

}  // namespace firn::storage::query
