#include "schema/query_message.hpp"

#include <cstring>
#include <limits>
#include <unordered_set>

#include "schema/sql/expression_parser.hpp"
#include "schema/sql/expression_shape.hpp"
#include "schema/sql/lexer.hpp"
#include "schema/sql/statement_parser.hpp"

namespace firn {

namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
template <class T>
using Vector = flatbuffers::Vector<T>;
using Nodes = Vector<const fb::ExprNode*>;

// ---- encoding

Offset<Nodes> encode_nodes(FlatBufferBuilder& b, const Expr& expr) {
  std::vector<fb::ExprNode> nodes;
  nodes.reserve(expr.nodes.size());
  for (const ExprNode& n : expr.nodes)
    nodes.emplace_back(static_cast<std::uint8_t>(n.op), static_cast<std::uint8_t>(n.type), n.distinct,
                       n.index, n.argc, n.position);
  return b.CreateVectorOfStructs(nodes);
}

Offset<fb::Expr> encode_expr(FlatBufferBuilder& b, const Expr& expr) {
  if (expr.empty()) return 0;
  return fb::CreateExpr(b, encode_nodes(b, expr));
}

Offset<fb::SelectItem> encode_item(FlatBufferBuilder& b, const SelectItem& item) {
  const auto name = b.CreateString(item.name);
  return fb::CreateSelectItem(b, item.expr.empty() ? 0 : encode_nodes(b, item.expr), name);
}

Offset<fb::OrderItem> encode_item(FlatBufferBuilder& b, const OrderItem& item) {
  fb::NullsOrder nulls = fb::NullsOrder::standard;
  if (item.nulls_first) nulls = *item.nulls_first ? fb::NullsOrder::first : fb::NullsOrder::last;
  return fb::CreateOrderItem(b, encode_nodes(b, item.expr), item.descending, nulls);
}

struct LiteralVectors {
  std::vector<std::uint8_t> types;
  std::vector<std::int64_t> integers;
  std::vector<std::uint64_t> unsigneds;
  std::vector<double> doubles;
  std::vector<std::uint32_t> lengths;
  std::vector<std::uint8_t> bytes;

  void add(const Value& v) {
    switch (v.type()) {
      case TypeId::invalid:
      case TypeId::null:
        return add_type(TypeId::null);
      case TypeId::boolean:
        integers.push_back(v.as_bool() ? 1 : 0);
        return add_type(v.type());
      case TypeId::timestamp:
      case TypeId::date:
        integers.push_back(v.as_signed());
        return add_type(v.type());
      case TypeId::i8:
      case TypeId::i16:
      case TypeId::i32:
      case TypeId::i64:
        integers.push_back(v.as_signed());
        return add_type(TypeId::i64);
      case TypeId::u8:
      case TypeId::u16:
      case TypeId::u32:
      case TypeId::u64:
        return add_unsigned(v.as_unsigned());
      case TypeId::f32:
      case TypeId::f64:
        doubles.push_back(v.as_double());
        return add_type(TypeId::f64);
      case TypeId::utf8:
      case TypeId::binary:
        lengths.push_back(static_cast<std::uint32_t>(v.as_bytes().size()));
        bytes.insert(bytes.end(), v.as_bytes().begin(), v.as_bytes().end());
        return add_type(v.type());
    }
  }

 private:
  void add_type(TypeId type) { types.push_back(static_cast<std::uint8_t>(type)); }
  void add_unsigned(std::uint64_t v) {
    if (v <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      integers.push_back(static_cast<std::int64_t>(v));
      return add_type(TypeId::i64);
    }
    unsigneds.push_back(v);
    add_type(TypeId::u64);
  }
};

Offset<fb::Literals> encode_literals(FlatBufferBuilder& b, const std::vector<Value>& literals) {
  LiteralVectors v;
  for (const Value& literal : literals) v.add(literal);
  return fb::CreateLiteralsDirect(b, &v.types, &v.integers, &v.unsigneds, &v.doubles, &v.lengths, &v.bytes);
}

// ---- decoding

Error bad_message(const std::string& what) { return {ErrorCode::corrupt, "query message: " + what}; }
Error refused(const std::string& what) { return {ErrorCode::invalid_argument, "query message: " + what}; }

template <class V>
std::size_t size_of(const V* vector) {
  return vector == nullptr ? 0 : vector->size();
}

Result<std::string> decode_text(const flatbuffers::String* s, const char* what) {
  if (s == nullptr) return std::string();
  const std::string_view text(s->c_str(), s->size());
  if (text.size() > kQueryTextMax) return refused(std::string(what) + " is longer than a query text may be");
  if (sql::find_bad_utf8(text) != std::string_view::npos) return refused(std::string(what) + " is not UTF-8");
  return std::string(text);
}

// The verifier does not check that 8-byte elements lie aligned, so hostile ones are copied out, not loaded.
template <class T>
T element(const Vector<T>& vector, std::size_t i) {
  T v;
  std::memcpy(&v, vector.Data() + i * sizeof v, sizeof v);
  return flatbuffers::EndianScalar(v);
}

// Takes literals from their typed vectors, each vector from its front.
class LiteralReader {
 public:
  explicit LiteralReader(const fb::Literals& m) : m_(m) {}

  Result<std::vector<Value>> read() {
    if (size_of(m_.types()) > sql::kQueryNodesMax) return refused("too many literals");
    std::vector<Value> out;
    for (std::size_t i = 0; i < size_of(m_.types()); ++i) {
      FIRN_ASSIGN(Value v, next(m_.types()->Get(static_cast<flatbuffers::uoffset_t>(i))));
      out.push_back(std::move(v));
    }
    const bool all_read = integers_ == size_of(m_.integers()) && unsigneds_ == size_of(m_.unsigneds()) &&
                          doubles_ == size_of(m_.doubles()) && lengths_ == size_of(m_.lengths()) &&
                          bytes_ == size_of(m_.bytes());
    if (!all_read) return bad_message("literals are left over");
    return out;
  }

 private:
  using Index = flatbuffers::uoffset_t;

  Result<Value> next(std::uint8_t type) {
    switch (static_cast<TypeId>(type)) {
      case TypeId::null:
        return Value();
      case TypeId::boolean:
      case TypeId::i64:
      case TypeId::timestamp:
      case TypeId::date:
        return next_integer(static_cast<TypeId>(type));
      case TypeId::u64:
        if (unsigneds_ >= size_of(m_.unsigneds())) return bad_message("literals are missing");
        return Value(element(*m_.unsigneds(), unsigneds_++));
      case TypeId::f64:
        if (doubles_ >= size_of(m_.doubles())) return bad_message("literals are missing");
        return Value(element(*m_.doubles(), doubles_++));
      case TypeId::utf8:
      case TypeId::binary:
        return next_bytes(static_cast<TypeId>(type));
      default:
        return bad_message("a literal of type " + std::to_string(type));
    }
  }

  Result<Value> next_integer(TypeId type) {
    if (integers_ >= size_of(m_.integers())) return bad_message("literals are missing");
    const std::int64_t v = element(*m_.integers(), integers_++);
    if (type == TypeId::boolean) {
      if (v != 0 && v != 1) return bad_message("a boolean that is neither 0 nor 1");
      return Value(v == 1);
    }
    const bool is_day =
        v >= std::numeric_limits<std::int32_t>::min() && v <= std::numeric_limits<std::int32_t>::max();
    if (type == TypeId::date && !is_day) return bad_message("a date beyond 32 bits");
    return Value::of_signed(type, v);
  }

  Result<Value> next_bytes(TypeId type) {
    if (lengths_ >= size_of(m_.lengths())) return bad_message("literals are missing");
    const std::size_t length = m_.lengths()->Get(static_cast<Index>(lengths_++));
    if (length > size_of(m_.bytes()) - bytes_) return bad_message("a literal reaches beyond the bytes");
    std::string bytes;
    if (length != 0) bytes.assign(reinterpret_cast<const char*>(m_.bytes()->data()) + bytes_, length);
    bytes_ += length;
    if (type == TypeId::utf8 && sql::find_bad_utf8(bytes) != std::string::npos)
      return refused("a text literal is not UTF-8");
    return Value::of_bytes(type, std::move(bytes));
  }

  const fb::Literals& m_;
  std::size_t integers_ = 0, unsigneds_ = 0, doubles_ = 0, lengths_ = 0, bytes_ = 0;
};

class QueryReader {
 public:
  explicit QueryReader(const fb::Query& m) : m_(m) {}

  Result<Query> read() {
    FIRN_TRY(read_heads());
    FIRN_TRY(read_names());
    if (m_.literals() != nullptr) {
      FIRN_ASSIGN(q_.literals, LiteralReader(*m_.literals()).read());
    }
    FIRN_TRY(read_times());
    FIRN_TRY(read_select());
    FIRN_TRY(read_optional(m_.where(), q_.where));
    FIRN_TRY(read_group_by());
    FIRN_TRY(read_optional(m_.having(), q_.having));
    FIRN_TRY(read_order_by());
    if (m_.limit()) q_.limit = *m_.limit();
    q_.offset = m_.offset();
    return std::move(q_);
  }

 private:
  using Index = flatbuffers::uoffset_t;

  Result<void> read_heads() {
    FIRN_ASSIGN(q_.text, decode_text(m_.text(), "the text"));
    FIRN_ASSIGN(q_.table, decode_text(m_.table(), "the table's name"));
    if (q_.table.empty()) return refused("no table is named");
    q_.from_file = m_.from_file();
    q_.distinct = m_.distinct();
    q_.table_position = m_.table_position();
    if (q_.table_position > q_.text.size()) return bad_message("a position behind the end of the text");
    return {};
  }

  Result<void> read_names() {
    if (size_of(m_.names()) > sql::kQueryNodesMax) return refused("too many names");
    std::unordered_set<std::string> seen;
    for (std::size_t i = 0; i < size_of(m_.names()); ++i) {
      const auto* entry = m_.names()->Get(static_cast<Index>(i));
      FIRN_ASSIGN(std::string name, decode_text(entry, "a name"));
      if (name.empty() || !seen.insert(name).second) return bad_message("a name is empty or given twice");
      q_.names.push_back(std::move(name));
    }
    return {};
  }

  Result<void> read_times() {
    if (m_.since_us()) q_.since_us = *m_.since_us();
    if (m_.since_ago_us()) q_.since_ago_us = *m_.since_ago_us();
    if (m_.as_of_ago_us()) q_.as_of_ago_us = *m_.as_of_ago_us();
    q_.as_of_us = m_.as_of_us();
    q_.as_of_csn = m_.as_of_csn();
    if (m_.travel() > fb::TimeTravel::as_of_csn) return bad_message("an unknown kind of AS OF");
    q_.travel = static_cast<TimeTravel>(m_.travel());
    if (q_.since_us && q_.since_ago_us) return bad_message("SINCE is given twice");
    const bool stray = (q_.as_of_ago_us || q_.as_of_us != 0) && q_.travel != TimeTravel::as_of_time;
    if (stray || (q_.as_of_csn != 0 && q_.travel != TimeTravel::as_of_csn))
      return bad_message("AS OF contradicts itself");
    if (q_.as_of_ago_us && q_.as_of_us != 0) return bad_message("AS OF is given twice");
    return read_changes();
  }

  Result<void> read_changes() {
    if (m_.changes() > fb::ChangesSince::time) return bad_message("an unknown kind of CHANGES SINCE");
    q_.changes = static_cast<ChangesSince>(m_.changes());
    q_.changes_csn = m_.changes_csn();
    q_.changes_us = m_.changes_us();
    if (m_.changes_ago_us()) q_.changes_ago_us = *m_.changes_ago_us();
    q_.changes_before = m_.changes_before();
    const bool by_time = q_.changes == ChangesSince::time, by_csn = q_.changes == ChangesSince::csn;
    const bool stray = ((q_.changes_ago_us || q_.changes_us != 0) && !by_time) ||
                       (q_.changes_csn != 0 && !by_csn) || (q_.changes_before && !by_time && !by_csn);
    if (stray || (q_.changes_ago_us && q_.changes_us != 0))
      return bad_message("CHANGES SINCE contradicts itself");
    if ((by_time || by_csn) && (q_.since_us || q_.since_ago_us))
      return bad_message("SINCE and CHANGES SINCE are both given");
    return {};
  }

  Result<void> read_expr(const Nodes* nodes, Expr& out) {
    if (size_of(nodes) == 0) return bad_message("an expression is empty");
    total_ += nodes->size();
    if (nodes->size() > kExprNodesMax || total_ > sql::kQueryNodesMax)
      return refused("an expression is too long");
    out.nodes.reserve(nodes->size());
    for (const fb::ExprNode* n : *nodes) {
      // A byte other than 0 and 1 is no bool: take it as the number that it is.
      out.nodes.push_back({static_cast<ExprOp>(n->op()), static_cast<TypeId>(n->type()), n->distinct(),
                           n->index(), n->argc(), n->position()});
      if (n->position() > q_.text.size()) return bad_message("a position behind the end of the text");
    }
    const auto fault = sql::find_fault(out, q_.names, q_.literals.size());
    if (fault)
      return bad_message("node " + std::to_string(fault->node) + " of an expression: " + fault->message);
    return {};
  }

  Result<void> read_optional(const fb::Expr* m, Expr& out) {
    return m == nullptr ? Result<void>() : read_expr(m->nodes(), out);
  }

  template <class V>
  Result<void> check_items(const V* items) {
    return size_of(items) > sql::kQueryItemsMax ? Result<void>(refused("too many items")) : Result<void>();
  }

  Result<void> read_select() {
    FIRN_TRY(check_items(m_.select()));
    if (size_of(m_.select()) == 0) return refused("nothing is selected");
    for (const fb::SelectItem* m : *m_.select()) {
      SelectItem item;
      FIRN_ASSIGN(item.name, decode_text(m->name(), "an item's name"));
      if (size_of(m->nodes()) != 0) FIRN_TRY(read_expr(m->nodes(), item.expr));
      if (item.name.empty() && !item.expr.empty()) item.name = implied_name(item.expr);
      q_.select.push_back(std::move(item));
    }
    return {};
  }

  std::string implied_name(const Expr& expr) const {
    const ExprNode& last = expr.nodes.back();
    return last.op == ExprOp::column ? q_.names[last.index] : to_sql(q_, expr);
  }

  Result<void> read_group_by() {
    FIRN_TRY(check_items(m_.group_by()));
    for (std::size_t i = 0; i < size_of(m_.group_by()); ++i) {
      Expr expr;
      FIRN_TRY(read_expr(m_.group_by()->Get(static_cast<Index>(i))->nodes(), expr));
      q_.group_by.push_back(std::move(expr));
    }
    return {};
  }

  Result<void> read_order_by() {
    FIRN_TRY(check_items(m_.order_by()));
    for (std::size_t i = 0; i < size_of(m_.order_by()); ++i) {
      const fb::OrderItem* m = m_.order_by()->Get(static_cast<Index>(i));
      OrderItem item;
      FIRN_TRY(read_expr(m->nodes(), item.expr));
      item.descending = m->descending();
      if (m->nulls() > fb::NullsOrder::last) return bad_message("an unknown order of NULLs");
      if (m->nulls() != fb::NullsOrder::standard) item.nulls_first = m->nulls() == fb::NullsOrder::first;
      q_.order_by.push_back(std::move(item));
    }
    return {};
  }

  const fb::Query& m_;
  Query q_;
  std::size_t total_ = 0;
};

template <class T, class Item>
Offset<Vector<Offset<T>>> encode_all(FlatBufferBuilder& b, const std::vector<Item>& items,
                                     Offset<T> (*encode)(FlatBufferBuilder&, const Item&)) {
  std::vector<Offset<T>> offsets;
  offsets.reserve(items.size());
  for (const Item& item : items) offsets.push_back(encode(b, item));
  return b.CreateVector(offsets);
}

flatbuffers::Optional<std::int64_t> to_message(const std::optional<std::int64_t>& v) {
  return v ? flatbuffers::Optional<std::int64_t>(*v) : flatbuffers::nullopt;
}

}  // namespace

Offset<fb::Query> encode_query(FlatBufferBuilder& b, const Query& q) {
  const auto text = b.CreateString(q.text);
  const auto table = b.CreateString(q.table);
  const auto select = encode_all<fb::SelectItem, SelectItem>(b, q.select, encode_item);
  const auto where = encode_expr(b, q.where);
  const auto group_by = encode_all<fb::Expr, Expr>(b, q.group_by, encode_expr);
  const auto having = encode_expr(b, q.having);
  const auto order_by = encode_all<fb::OrderItem, OrderItem>(b, q.order_by, encode_item);
  const auto names = b.CreateVectorOfStrings(q.names);
  const auto literals = encode_literals(b, q.literals);
  const flatbuffers::Optional<std::uint64_t> limit =
      q.limit ? flatbuffers::Optional<std::uint64_t>(*q.limit) : flatbuffers::nullopt;
  return fb::CreateQuery(b, text, table, q.from_file, q.table_position, q.distinct, select,
                         to_message(q.since_us), to_message(q.since_ago_us),
                         static_cast<fb::TimeTravel>(q.travel), q.as_of_us, to_message(q.as_of_ago_us),
                         q.as_of_csn, where, group_by, having, order_by, limit, q.offset, names, literals,
                         static_cast<fb::ChangesSince>(q.changes), q.changes_csn, q.changes_us,
                         to_message(q.changes_ago_us), q.changes_before);
}

Result<Query> decode_query(const fb::Query& message) { return QueryReader(message).read(); }

}  // namespace firn
