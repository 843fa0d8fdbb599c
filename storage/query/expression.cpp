#include "storage/query/expression.hpp"

#include <algorithm>

namespace firn::storage::query {
namespace {

/// Where the rows of `positions` (into `rows`) lie in the columns.
std::shared_ptr<std::uint32_t> locate(const Rows& rows, std::span<const std::uint32_t> positions) {
  auto out = scratch_array<std::uint32_t>(positions.size());
  for (std::size_t i = 0; i < positions.size(); ++i)
    out.get()[i] =
        rows.picked ? rows.picked[positions[i]] : static_cast<std::uint32_t>(rows.begin + positions[i]);
  return out;
}

/// Builds a result from pieces that each give the values of some rows.
class Assembly {
 public:
  Assembly(Lane lane, std::size_t rows) : lane_(lane), rows_(rows) {
    values_ = scratch(rows * width());
    valid_ = scratch_array<std::uint8_t>(rows);
    std::fill_n(valid_.get(), rows, std::uint8_t{0});
    if (lane == Lane::bytes)
      std::fill_n(static_cast<std::string_view*>(values_.get()), rows, std::string_view());
    else
      std::memset(values_.get(), 0, rows * width());
  }
  /// Row positions[i] gets v's row i.
  void place(const Vector& any, std::span<const std::uint32_t> positions) {
    const Vector v = flatten(any);
    switch (lane_) {
      case Lane::boolean:
        put<std::uint8_t>(v, positions);
        break;
      case Lane::bytes:
        put<std::string_view>(v, positions);
        held_.push_back(v);
        break;
      default:
        put<std::uint64_t>(v, positions);
        break;
    }
  }
  Vector finish() {
    Vector v;
    v.lane = lane_;
    v.size = rows_;
    v.values = values_.get();
    v.values_owner = std::move(values_);
    const std::uint8_t* valid = valid_.get();
    if (std::find(valid, valid + rows_, 0) != valid + rows_) {
      v.valid = valid;
      v.valid_owner = std::move(valid_);
    }
    if (!held_.empty()) v.bytes_owner = std::make_shared<std::vector<Vector>>(std::move(held_));
    return v;
  }

 private:
  std::size_t width() const {
    return lane_ == Lane::boolean ? 1 : lane_ == Lane::bytes ? sizeof(std::string_view) : 8;
  }
  template <class T>
  void put(const Vector& v, std::span<const std::uint32_t> positions) {
    auto* out = static_cast<unsigned char*>(values_.get());
    const auto* in = static_cast<const unsigned char*>(v.values);
    for (std::size_t i = 0; i < positions.size(); ++i) {
      std::memcpy(out + positions[i] * sizeof(T), in + i * sizeof(T), sizeof(T));
      valid_.get()[positions[i]] = v.valid ? v.valid[i] : 1;
    }
  }
  Lane lane_;
  std::size_t rows_;
  std::shared_ptr<void> values_;
  std::shared_ptr<std::uint8_t> valid_;
  std::vector<Vector> held_;
};

std::vector<std::uint32_t> all_positions(std::size_t n) {
  std::vector<std::uint32_t> positions(n);
  for (std::size_t i = 0; i < n; ++i) positions[i] = static_cast<std::uint32_t>(i);
  return positions;
}

bool has_nulls(const Vector& v) { return v.codes || v.valid; }

/// Folds `right` into `left` by Kleene's AND or OR, for all rows. Both flat.
Vector combine(bool is_and, const Vector& left, const Vector& right) {
  const std::size_t n = left.size;
  NewVector<std::uint8_t> out(Lane::boolean, n);
  const auto* a = left.as<std::uint8_t>();
  const auto* b = right.as<std::uint8_t>();
  if (!has_nulls(left) && !has_nulls(right)) {
    for (std::size_t i = 0; i < n; ++i) out.data[i] = is_and ? a[i] & b[i] : a[i] | b[i];
    return out.v;
  }
  // The value that decides alone: false for AND, true for OR.
  const std::uint8_t decides = is_and ? 0 : 1;
  std::uint8_t* valid = out.with_nulls();
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint8_t av = left.valid ? left.valid[i] : 1, bv = right.valid ? right.valid[i] : 1;
    const bool decided = (av && a[i] == decides) || (bv && b[i] == decides);
    valid[i] = decided || (av & bv);
    out.data[i] = decided ? decides : static_cast<std::uint8_t>(1 - decides);
  }
  return out.v;
}

}  // namespace

Error error_at(const std::string& text, std::size_t position, ErrorCode code, const std::string& message) {
  if (text.empty()) return {code, message, position};
  return {code, message + "\n" + caret(text, position), position};
}

Error error_at(const Node& node, ErrorCode code, const std::string& message) {
  static const std::string none;
  return error_at(node.text ? *node.text : none, node.position, code, message);
}

std::shared_ptr<const Vector> DictionaryCache::find(const void* node, const Column* dictionary) const {
  for (const Entry& e : entries_)
    if (e.node == node && e.dictionary.get() == dictionary) return e.entries;
  return nullptr;
}

void DictionaryCache::put(const void* node, std::shared_ptr<const Column> dictionary,
                          std::shared_ptr<const Vector> entries) {
  if (entries_.size() >= kEntriesMax) entries_.clear();
  entries_.push_back({node, std::move(dictionary), std::move(entries)});
}

bool Evaluator::pays_over_dictionary(const Node& node) const {
  if (node.only_slot >= columns_.size() || node.can_fail || node.kind == NodeKind::column) return false;
  const Column& c = columns_[node.only_slot];
  return c.dictionary && (c.dictionary->length <= 256 || c.dictionary->length * 2 <= c.length);
}

Result<Vector> Evaluator::evaluate(const Node& node, const Rows& rows) const {
  if (node.is_constant()) return constant_vector(node.constant, node.lane(), rows.count);
  if (node.kind == NodeKind::column) return column(node, rows);
  if (pays_over_dictionary(node)) return over_dictionary(node, rows);
  return dispatch(node, rows);
}

Result<Vector> Evaluator::dispatch(const Node& node, const Rows& rows) const {
  switch (node.kind) {
    case NodeKind::kernel:
      return run_kernel(node, rows);
    case NodeKind::logical_and:
    case NodeKind::logical_or:
      return run_logic(node, rows);
    case NodeKind::case_when:
      return run_case(node, rows);
    case NodeKind::coalesce:
      return run_coalesce(node, rows);
    default:
      return constant_vector(node.constant, node.lane(), rows.count);
  }
}

Vector Evaluator::column(const Node& node, const Rows& rows) const {
  const Column& c = columns_[node.slot];
  if (!c.dictionary) return load(c, rows);
  Vector v;
  v.lane = lane_of(c.type);
  v.entries = cache_.find(&node, c.dictionary.get());
  if (!v.entries) {
    v.entries = load_dictionary(*c.dictionary);
    cache_.put(&node, c.dictionary, v.entries);
  }
  load_codes(c, rows, static_cast<std::uint32_t>(c.dictionary->length), v);
  return v;
}

Result<Vector> Evaluator::over_dictionary(const Node& node, const Rows& rows) const {
  const Column& c = columns_[node.only_slot];
  auto entries = cache_.find(&node, c.dictionary.get());
  if (!entries) {
    std::vector<Column> columns(columns_.size());
    columns[node.only_slot] = *c.dictionary;
    DictionaryCache none;
    FIRN_ASSIGN(const Vector present,
                Evaluator(columns, none)
                    .dispatch(node, Rows{0, static_cast<std::size_t>(c.dictionary->length), nullptr}));
    columns[node.only_slot] = to_column(null_vector(lane_of(c.type), 1), c.type);
    FIRN_ASSIGN(const Vector absent, Evaluator(columns, none).dispatch(node, Rows{0, 1, nullptr}));
    entries = std::make_shared<Vector>(append_vector(present, absent));
    cache_.put(&node, c.dictionary, entries);
  }
  Vector v;
  v.lane = node.lane();
  v.entries = std::move(entries);
  load_codes(c, rows, static_cast<std::uint32_t>(c.dictionary->length), v);
  return v;
}

Result<Vector> Evaluator::run_kernel(const Node& node, const Rows& rows) const {
  std::vector<Vector> args;
  args.reserve(node.args.size());
  for (const NodePtr& arg : node.args) {
    FIRN_ASSIGN(const Vector v, evaluate(*arg, rows));
    args.push_back(decode(v));
  }
  return node.kernel(node, args, rows.count);
}

Result<Vector> Evaluator::run_logic(const Node& node, const Rows& rows) const {
  const bool is_and = node.kind == NodeKind::logical_and;
  FIRN_ASSIGN(const Vector first, evaluate(*node.args[0], rows));
  Vector result = flatten(first);
  for (std::size_t k = 1; k < node.args.size(); ++k) {
    const Node& arg = *node.args[k];
    if (!arg.can_fail) {
      FIRN_ASSIGN(const Vector next, evaluate(arg, rows));
      result = combine(is_and, result, flatten(next));
      continue;
    }
    // Only rows that are not decided yet.
    std::vector<std::uint32_t> open;
    for (std::size_t i = 0; i < rows.count; ++i)
      if (result.is_null(i) || (result.as<std::uint8_t>()[i] != 0) == is_and)
        open.push_back(static_cast<std::uint32_t>(i));
    if (open.empty()) continue;
    const auto picked = locate(rows, open);
    FIRN_ASSIGN(const Vector next, evaluate(arg, Rows{0, open.size(), picked.get()}));
    const Vector folded = combine(is_and, pick(result, open), flatten(next));
    Assembly assembly(Lane::boolean, rows.count);
    assembly.place(result, all_positions(rows.count));
    assembly.place(folded, open);
    result = assembly.finish();
  }
  return result;
}

Result<Vector> Evaluator::run_case(const Node& node, const Rows& rows) const {
  Assembly assembly(node.lane(), rows.count);
  std::vector<std::uint32_t> open = all_positions(rows.count);
  const std::size_t branches = node.args.size() / 2;
  for (std::size_t b = 0; b < branches && !open.empty(); ++b) {
    const auto picked = locate(rows, open);
    FIRN_ASSIGN(const Vector when, evaluate(*node.args[2 * b], Rows{0, open.size(), picked.get()}));
    std::vector<std::uint8_t> mask(open.size());
    to_mask(when, mask.data());
    std::vector<std::uint32_t> taken, left;
    for (std::size_t i = 0; i < open.size(); ++i) (mask[i] ? taken : left).push_back(open[i]);
    if (!taken.empty()) {
      const auto chosen = locate(rows, taken);
      FIRN_ASSIGN(const Vector then, evaluate(*node.args[2 * b + 1], Rows{0, taken.size(), chosen.get()}));
      assembly.place(then, taken);
    }
    open = std::move(left);
  }
  if (node.args.size() % 2 == 1 && !open.empty()) {
    const auto picked = locate(rows, open);
    FIRN_ASSIGN(const Vector otherwise, evaluate(*node.args.back(), Rows{0, open.size(), picked.get()}));
    assembly.place(otherwise, open);
  }
  return assembly.finish();
}

Result<Vector> Evaluator::run_coalesce(const Node& node, const Rows& rows) const {
  Assembly assembly(node.lane(), rows.count);
  std::vector<std::uint32_t> open = all_positions(rows.count);
  for (const NodePtr& arg : node.args) {
    if (open.empty()) break;
    const auto picked = locate(rows, open);
    FIRN_ASSIGN(const Vector v, evaluate(*arg, Rows{0, open.size(), picked.get()}));
    std::vector<std::uint32_t> left;
    for (std::size_t i = 0; i < open.size(); ++i)
      if (v.is_null(i)) left.push_back(open[i]);
    assembly.place(v, open);
    open = std::move(left);
  }
  return assembly.finish();
}

Result<Value> evaluate_constant(const Node& node) {
  DictionaryCache none;
  FIRN_ASSIGN(const Vector v, Evaluator({}, none).evaluate(node, Rows{0, 1, nullptr}));
  return value_of(v, 0, node.type);
}

Result<std::size_t> filter(std::span<const NodePtr> conditions, const Evaluator& evaluator, const Rows& rows,
                           std::uint32_t* out) {
  auto all = scratch_array<std::uint8_t>(rows.count);
  auto next = scratch_array<std::uint8_t>(rows.count);
  Rows current = rows;
  bool masked = false;  // `all` says which of `current` are left
  const auto compact = [&] {
    std::size_t n = 0;
    for (std::size_t i = 0; i < current.count; ++i) {
      out[n] = current.picked ? current.picked[i] : static_cast<std::uint32_t>(current.begin + i);
      n += masked ? all.get()[i] : 1;
    }
    current = Rows{0, n, out};
    masked = false;
  };
  for (const NodePtr& condition : conditions) {
    if (masked) {
      // Gathering pays once few rows are left; conditions that can fail must not see the others at all.
      std::size_t left = 0;
      for (std::size_t i = 0; i < current.count; ++i) left += all.get()[i];
      if (condition->can_fail || left * 8 < current.count) compact();
    }
    if (current.count == 0) break;
    FIRN_ASSIGN(const Vector v, evaluator.evaluate(*condition, current));
    to_mask(v, masked ? next.get() : all.get());
    if (masked)
      for (std::size_t i = 0; i < current.count; ++i) all.get()[i] &= next.get()[i];
    masked = true;
  }
  compact();
  return current.count;
}

}  // namespace firn::storage::query
