// A query as text again: few parentheses, names quoted only where they must be. The inverse of the parser.
#include <algorithm>
#include <cmath>
#include <limits>

#include "schema/query.hpp"
#include "schema/sql/expression_shape.hpp"
#include "schema/sql/keywords.hpp"
#include "schema/sql/lexer.hpp"

namespace firn {

namespace {

using sql::Binding;

std::string quote(std::string_view text, char mark) {
  std::string out(1, mark);
  for (const char c : text) {
    out += c;
    if (c == mark) out += mark;
  }
  return out + mark;
}

std::string name_text(std::string_view name) {
  const bool plain = sql::is_plain_name(name) && !sql::is_reserved(name);
  return plain ? std::string(name) : quote(name, '"');
}

std::string function_text(std::string_view name) {
  return sql::is_special_form(name) ? quote(name, '"') : name_text(name);
}

std::string double_text(double v) {
  if (std::isnan(v)) return "CAST('nan' AS f64)";
  if (std::isinf(v)) return v > 0 ? "CAST('inf' AS f64)" : "CAST('-inf' AS f64)";
  std::string text = format_double(v);
  if (text.find_first_of(".eE") == std::string::npos) text += ".0";
  return text;
}

std::string blob_text(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "x'";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15u];
  }
  return out + "'";
}

// Years of four digits are written as such; times beyond as the number that they are.
constexpr std::int64_t kYear1Us = -62'135'596'800'000'000;
constexpr std::int64_t kYear10000Us = 253'402'300'800'000'000;

bool has_plain_year(std::int64_t us) { return us >= kYear1Us && us < kYear10000Us; }

std::string timestamp_text(std::int64_t us) {
  return "TIMESTAMP '" + (has_plain_year(us) ? format_timestamp(us) : std::to_string(us)) + "'";
}

std::string literal_text(const Value& v) {
  switch (v.type()) {
    case TypeId::invalid:
    case TypeId::null:
      return "NULL";
    case TypeId::boolean:
      return v.as_bool() ? "TRUE" : "FALSE";
    case TypeId::i8:
    case TypeId::i16:
    case TypeId::i32:
    case TypeId::i64:
      return std::to_string(v.as_signed());
    case TypeId::u8:
    case TypeId::u16:
    case TypeId::u32:
    case TypeId::u64:
      return std::to_string(v.as_unsigned());
    case TypeId::f32:
    case TypeId::f64:
      return double_text(v.as_double());
    case TypeId::utf8:
      return quote(v.as_bytes(), '\'');
    case TypeId::binary:
      return blob_text(v.as_bytes());
    case TypeId::timestamp:
      return timestamp_text(v.as_signed());
    case TypeId::date:
      return "DATE '" + format_date(static_cast<std::int32_t>(v.as_signed())) + "'";
  }
  return "NULL";
}

struct Fragment {
  std::string text;
  Binding binding = Binding::primary;
};

// Writes postfix as infix with a stack of fragments. A chain grows the text of its left end in place: linear.
class ExpressionWriter {
 public:
  explicit ExpressionWriter(const Query& query) : query_(query) {}

  std::string write(const Expr& expr) {
    for (const ExprNode& node : expr.nodes) {
      FIRN_CHECK(node.argc <= stack_.size());
      first_ = stack_.size() - node.argc;
      Fragment f{text_of(node), binding_of(node)};
      stack_.resize(first_);
      stack_.push_back(std::move(f));
    }
    FIRN_CHECK(stack_.size() == 1);
    std::string text = std::move(stack_.back().text);
    stack_.pop_back();
    return text;
  }

 private:
  Binding binding_of(const ExprNode& node) const {
    if (node.op != ExprOp::literal) return sql::binding_of(node.op);
    return literal_text(query_.literals[node.index]).starts_with('-') ? Binding::sign : Binding::primary;
  }

  std::string& plain(std::size_t i) {
    FIRN_CHECK(first_ + i < stack_.size());
    return stack_[first_ + i].text;
  }

  // The operand, in parentheses if it binds looser than `loosest`.
  std::string operand(std::size_t i, Binding loosest) {
    std::string text = std::move(plain(i));
    return stack_[first_ + i].binding < loosest ? "(" + text + ")" : text;
  }

  std::string list(std::size_t from, std::size_t to) {
    std::string out;
    for (std::size_t i = from; i < to; ++i) (out += i == from ? "" : ", ") += plain(i);
    return out;
  }

  std::string infix(Binding own, std::string_view symbol) {
    std::string out = operand(0, own);
    return ((out += ' ') += symbol) += ' ' + operand(1, tighter(own));
  }

  static Binding tighter(Binding b) { return static_cast<Binding>(static_cast<int>(b) + 1); }

  std::string binary(const ExprNode& node, std::string_view symbol) {
    return infix(sql::binding_of(node.op), symbol);
  }

  // The sign of a bare number would be read as part of it, and two of them as a comment.
  std::string negation() {
    const std::string& text = plain(0);
    const bool is_number = !text.empty() && ((text[0] >= '0' && text[0] <= '9') || text[0] == '-');
    return is_number ? "-(" + text + ")" : "-" + operand(0, Binding::sign);
  }

  std::string between(std::string_view words) {
    std::string out = infix(Binding::equality, words);
    return (out += " AND ") += operand(2, Binding::relation);
  }

  std::string like(const ExprNode& node, std::string_view words) {
    std::string out = infix(Binding::equality, words);
    if (node.argc == 3) (out += " ESCAPE ") += operand(2, Binding::relation);
    return out;
  }

  std::string in(const ExprNode& node, std::string_view words) {
    std::string out = operand(0, Binding::equality);
    return ((out += words) += list(1, node.argc)) += ")";
  }

  std::string case_when(const ExprNode& node) {
    std::string out = "CASE";
    for (std::size_t i = 0; i + 1 < node.argc; i += 2)
      (((out += " WHEN ") += plain(i)) += " THEN ") += plain(i + 1);
    if (node.argc % 2 != 0) (out += " ELSE ") += plain(node.argc - 1);
    return out += " END";
  }

  std::string call(const ExprNode& node) {
    const std::string& name = query_.names[node.index];
    if (node.op == ExprOp::aggregate && node.argc == 0) return function_text(name) + "(*)";
    return function_text(name) + (node.distinct ? "(DISTINCT " : "(") + list(0, node.argc) + ")";
  }

  std::string text_of(const ExprNode& node) {
    switch (node.op) {
      case ExprOp::column:
        return name_text(query_.names[node.index]);
      case ExprOp::literal:
        return literal_text(query_.literals[node.index]);
      case ExprOp::now:
        return "NOW()";
      case ExprOp::negate:
        return negation();
      case ExprOp::logical_not:
        return "NOT " + operand(0, Binding::logical_not);
      case ExprOp::add:
        return binary(node, "+");
      case ExprOp::subtract:
        return binary(node, "-");
      case ExprOp::multiply:
        return binary(node, "*");
      case ExprOp::divide:
        return binary(node, "/");
      case ExprOp::modulo:
        return binary(node, "%");
      case ExprOp::concat:
        return binary(node, "||");
      case ExprOp::eq:
        return binary(node, "=");
      case ExprOp::ne:
        return binary(node, "<>");
      case ExprOp::lt:
        return binary(node, "<");
      case ExprOp::le:
        return binary(node, "<=");
      case ExprOp::gt:
        return binary(node, ">");
      case ExprOp::ge:
        return binary(node, ">=");
      case ExprOp::logical_and:
        return binary(node, "AND");
      case ExprOp::logical_or:
        return binary(node, "OR");
      case ExprOp::is_null:
        return operand(0, Binding::equality) += " IS NULL";
      case ExprOp::is_not_null:
        return operand(0, Binding::equality) += " IS NOT NULL";
      case ExprOp::in_list:
        return in(node, " IN (");
      case ExprOp::not_in_list:
        return in(node, " NOT IN (");
      case ExprOp::between:
        return between("BETWEEN");
      case ExprOp::not_between:
        return between("NOT BETWEEN");
      case ExprOp::like:
        return like(node, "LIKE");
      case ExprOp::not_like:
        return like(node, "NOT LIKE");
      case ExprOp::case_when:
        return case_when(node);
      case ExprOp::cast:
        return "CAST(" + plain(0) + " AS " + std::string(name_of(node.type)) + ")";
      case ExprOp::call:
      case ExprOp::aggregate:
        return call(node);
      case ExprOp::invalid:
        break;
    }
    FIRN_CHECK(!"an expression holds only known operators");
    return {};
  }

  const Query& query_;
  std::vector<Fragment> stack_;
  std::size_t first_ = 0;  // of the current node's operands
};

std::string item_text(const Query& query, const SelectItem& item) {
  if (item.expr.empty()) return "*";
  std::string text = to_sql(query, item.expr);
  const ExprNode& last = item.expr.nodes.back();
  const std::string& implied = last.op == ExprOp::column ? query.names[last.index] : text;
  if (item.name.empty() || item.name == implied) return text;
  return text + " AS " + name_text(item.name);
}

// The largest unit that divides it.
std::string duration_text(std::int64_t us) {
  struct Unit {
    std::int64_t us;
    const char* name;
  };
  static constexpr Unit kUnits[] = {
      {86'400'000'000, "d"}, {3'600'000'000, "h"}, {60'000'000, "m"}, {1'000'000, "s"}, {1'000, "ms"}};
  for (const Unit& u : kUnits)
    if (us % u.us == 0) return std::to_string(us / u.us) + u.name;
  return std::to_string(us) + "us";
}

std::string ago_text(std::int64_t us) {
  if (us == 0) return "NOW()";
  us = std::max(us, -std::numeric_limits<std::int64_t>::max());
  return us > 0 ? "NOW() - " + duration_text(us) : "NOW() + " + duration_text(-us);
}

std::string times_text(const Query& q) {
  std::string out;
  if (q.since_ago_us) {
    out += " SINCE " + ago_text(*q.since_ago_us);
  } else if (q.since_us) {
    out += " SINCE " + timestamp_text(*q.since_us);
  }
  if (q.changes == ChangesSince::csn) out += " CHANGES SINCE " + std::to_string(q.changes_csn);
  if (q.changes == ChangesSince::time)
    out +=
        " CHANGES SINCE " + (q.changes_ago_us ? ago_text(*q.changes_ago_us) : timestamp_text(q.changes_us));
  if (q.changes_before) out += " WITH BEFORE";
  if (q.travel == TimeTravel::as_of_csn) out += " AS OF CSN " + std::to_string(q.as_of_csn);
  if (q.travel == TimeTravel::as_of_time)
    out += " AS OF " + (q.as_of_ago_us ? ago_text(*q.as_of_ago_us) : timestamp_text(q.as_of_us));
  return out;
}

std::string order_text(const Query& query, const OrderItem& item) {
  std::string out = to_sql(query, item.expr);
  if (item.descending) out += " DESC";
  if (item.nulls_first) out += *item.nulls_first ? " NULLS FIRST" : " NULLS LAST";
  return out;
}

template <class Items, class Text>
std::string joined(const Items& items, Text text) {
  std::string out;
  for (const auto& item : items) (out += out.empty() ? "" : ", ") += text(item);
  return out;
}

}  // namespace

std::string to_sql(const Query& query, const Expr& expr) {
  return expr.empty() ? std::string() : ExpressionWriter(query).write(expr);
}

std::string to_sql(const Query& q) {
  std::string out = q.distinct ? "SELECT DISTINCT " : "SELECT ";
  out += joined(q.select, [&](const SelectItem& item) { return item_text(q, item); });
  out += " FROM " + (q.from_file ? quote(q.table, '\'') : name_text(q.table)) + times_text(q);
  if (!q.where.empty()) out += " WHERE " + to_sql(q, q.where);
  if (!q.group_by.empty())
    out += " GROUP BY " + joined(q.group_by, [&](const Expr& e) { return to_sql(q, e); });
  if (!q.having.empty()) out += " HAVING " + to_sql(q, q.having);
  if (!q.order_by.empty())
    out += " ORDER BY " + joined(q.order_by, [&](const OrderItem& item) { return order_text(q, item); });
  if (q.limit) out += " LIMIT " + std::to_string(*q.limit);
  if (q.offset != 0) out += " OFFSET " + std::to_string(q.offset);
  return out;
}

}  // namespace firn
