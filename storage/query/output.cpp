#include "storage/query/output.hpp"

#include <algorithm>

namespace firn::storage::query {
namespace {

/// Above this many wanted rows a bounded candidate set gains nothing over sorting all.
constexpr std::uint64_t kTopMax = 1 << 20;
/// A sort asks so often whether it is time to end: about every ten milliseconds.
constexpr std::size_t kComparisonsPerCheck = 1 << 16;

std::vector<Lane> lanes_of(const std::vector<NodePtr>& nodes) {
  std::vector<Lane> lanes;
  for (const NodePtr& n : nodes) lanes.push_back(n->lane());
  return lanes;
}

}  // namespace

Output::Output(const OutputPlan& plan) : plan_(plan) {
  for (const NodePtr& n : plan.select) columns_.emplace_back(n->type);
  if (plan.distinct) seen_.emplace(lanes_of(plan.select));
}

bool Output::full() const {
  const auto wanted = plan_.wanted();
  return wanted && (*wanted == 0 || *plan_.limit == 0 || (plan_.order.empty() && rows_ >= *wanted));
}

bool Output::beyond_worst(std::string_view key) const {
  return !worst_.empty() && key >= std::string_view(worst_);
}

void Output::add_key(std::string_view key, std::uint32_t row) {
  candidates_.push_back({key_prefix(key), keys_.size(), static_cast<std::uint32_t>(key.size()), row});
  keys_.append(key);
}

Result<void> Output::add(const Evaluator& evaluator, const Rows& rows) {
  for (std::size_t begin = 0; begin < rows.count && !full(); begin += kChunkRows) {
    const std::size_t n = std::min(kChunkRows, rows.count - begin);
    const Rows chunk = rows.picked ? Rows{0, n, rows.picked + begin} : Rows{rows.begin + begin, n, nullptr};
    FIRN_TRY(add_chunk(evaluator, chunk));
  }
  return {};
}

template <class F>
void Output::drop_beyond_worst(std::vector<Vector>& columns, const Rows& rows, F narrow) const {
  auto prefixes = scratch_array<std::uint64_t>(rows.count);
  if (worst_.empty() || !first_prefixes(columns[0], plan_.directions[0], prefixes.get())) return;
  const std::uint64_t worst = key_prefix(worst_);
  std::vector<std::uint32_t> positions(rows.count);
  std::size_t n = 0;
  for (std::size_t i = 0; i < rows.count; ++i) {
    positions[n] = static_cast<std::uint32_t>(i);
    n += prefixes.get()[i] <= worst;
  }
  positions.resize(n);
  if (n == rows.count) return;
  for (Vector& v : columns) v = pick(v, positions);
  narrow(positions);
}

Result<void> Output::add_chunk(const Evaluator& evaluator, const Rows& all) {
  Rows rows = all;
  std::vector<std::uint32_t> picked;
  const auto narrow = [&](const std::vector<std::uint32_t>& positions) {
    std::vector<std::uint32_t> chosen(positions.size());
    for (std::size_t i = 0; i < positions.size(); ++i)
      chosen[i] =
          rows.picked ? rows.picked[positions[i]] : static_cast<std::uint32_t>(rows.begin + positions[i]);
    picked = std::move(chosen);
    rows = Rows{0, picked.size(), picked.data()};
  };
  // Without an order only the first rows are evaluated.
  if (plan_.order.empty() && plan_.limit && !seen_)
    rows.count = std::min<std::size_t>(rows.count, *plan_.wanted() - rows_);

  std::string arena;
  std::vector<std::size_t> ends;
  std::vector<std::string_view> keys;
  if (!plan_.order.empty()) {
    std::vector<Vector> columns;
    for (const NodePtr& n : plan_.order) {
      FIRN_ASSIGN(const Vector v, evaluator.evaluate(*n, rows));
      columns.push_back(decode(v));
    }
    drop_beyond_worst(columns, rows, narrow);
    if (rows.count == 0) return {};
    encode_sort_keys(columns, plan_.directions, rows.count, arena, ends);
    std::vector<std::uint32_t> positions;
    for (std::size_t i = 0; i < rows.count; ++i) {
      const std::size_t begin = i == 0 ? 0 : ends[i - 1];
      const std::string_view key(arena.data() + begin, ends[i] - begin);
      if (beyond_worst(key)) continue;
      positions.push_back(static_cast<std::uint32_t>(i));
      keys.push_back(key);
    }
    if (positions.empty()) return {};
    if (positions.size() < rows.count) narrow(positions);
  }
  std::vector<Vector> values;
  for (const NodePtr& n : plan_.select) {
    FIRN_ASSIGN(values.emplace_back(), evaluator.evaluate(*n, rows));
  }
  if (seen_) {
    std::vector<std::uint32_t> ids(rows.count), fresh;
    std::size_t known = seen_->groups();
    seen_->assign(values, rows.count, ids.data());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] != known) continue;
      ++known;
      fresh.push_back(static_cast<std::uint32_t>(i));
    }
    for (Vector& v : values) v = pick(v, fresh);
    if (!keys.empty())
      for (std::size_t i = 0; i < fresh.size(); ++i) keys[i] = keys[fresh[i]];
    rows.count = fresh.size();
  }
  for (std::size_t c = 0; c < values.size(); ++c) append_to(columns_[c], values[c]);
  if (!plan_.order.empty())
    for (std::size_t i = 0; i < rows.count; ++i) add_key(keys[i], static_cast<std::uint32_t>(rows_ + i));
  rows_ += rows.count;
  prune();
  return {};
}

void Output::prune() {
  const auto wanted = plan_.wanted();
  if (plan_.order.empty() || !wanted || *wanted > kTopMax || *wanted == 0) return;
  if (candidates_.size() < 2 * *wanted + 1024) return;
  std::vector<Candidate> kept = candidates_;
  const auto last = kept.begin() + static_cast<std::ptrdiff_t>(*wanted) - 1;
  std::nth_element(kept.begin(), last, kept.end(),
                   [this](const auto& a, const auto& b) { return before(a, b); });
  worst_ = key_of(*last);
  kept.resize(*wanted);
  keep(kept);
}

void Output::keep(const std::vector<Candidate>& kept) {
  std::vector<std::uint32_t> rows;
  std::string keys;
  candidates_.clear();
  for (const Candidate& c : kept) {
    const std::string_view key = key_of(c);
    candidates_.push_back({c.prefix, keys.size(), c.length, static_cast<std::uint32_t>(rows.size())});
    keys.append(key);
    rows.push_back(c.row);
  }
  keys_ = std::move(keys);
  for (ColumnBuilder& b : columns_) b.append_column(b.finish().take(rows));
  rows_ = rows.size();
}

void Output::merge(Output&& other) {
  std::vector<Column> columns;
  for (ColumnBuilder& b : other.columns_) columns.push_back(b.finish());
  std::vector<std::uint32_t> rows(other.stored());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::uint32_t>(i);
  if (seen_) {
    std::vector<Vector> values;
    for (const Column& c : columns) values.push_back(load(c, Rows{0, rows.size(), nullptr}));
    std::vector<std::uint32_t> ids(rows.size());
    std::size_t known = seen_->groups();
    seen_->assign(values, rows.size(), ids.data());
    std::erase_if(rows, [&](std::uint32_t i) { return ids[i] != known || (++known, false); });
  }
  std::vector<const Candidate*> of_row(other.stored(), nullptr);
  for (const Candidate& c : other.candidates_) of_row[c.row] = &c;
  for (std::size_t c = 0; c < columns.size(); ++c)
    columns_[c].append_column(rows.size() == other.stored() ? columns[c] : columns[c].take(rows));
  if (!plan_.order.empty())
    for (std::size_t i = 0; i < rows.size(); ++i)
      add_key(other.key_of(*of_row[rows[i]]), static_cast<std::uint32_t>(rows_ + i));
  rows_ += rows.size();
  prune();
}

Result<void> Output::sort(std::size_t wanted, const ExecutionLimits& limits) {
  struct Stopped {};
  std::size_t comparisons = 0;
  const auto by_key = [&](const auto& a, const auto& b) {
    if (++comparisons % kComparisonsPerCheck == 0 && !limits.check()) throw Stopped();
    return before(a, b);
  };
  try {
    if (wanted * 4 < candidates_.size())
      std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(wanted),
                        candidates_.end(), by_key);
    else
      std::sort(candidates_.begin(), candidates_.end(), by_key);
  } catch (const Stopped&) {
    return limits.check();
  }
  return {};
}

Result<std::vector<Column>> Output::finish(const ExecutionLimits& limits) {
  std::vector<std::uint32_t> rows;
  const std::uint64_t end = std::min<std::uint64_t>(plan_.wanted().value_or(rows_), rows_);
  const std::uint64_t begin = std::min<std::uint64_t>(plan_.offset, end);
  const bool sorted = !plan_.order.empty();
  if (sorted) {
    FIRN_TRY(sort(end, limits));
    for (std::uint64_t i = begin; i < end; ++i) rows.push_back(candidates_[i].row);
  }
  std::vector<Column> out;
  for (ColumnBuilder& b : columns_) {
    Column c = b.finish();
    if (sorted)
      c = c.take(rows);
    else if (begin > 0 || end < rows_)
      c = c.slice(begin, end - begin);
    out.push_back(std::move(c));
  }
  return out;
}

std::size_t Output::byte_size() const {
  std::size_t bytes = keys_.capacity() + candidates_.capacity() * sizeof(Candidate);
  for (const ColumnBuilder& b : columns_) bytes += b.byte_size();
  return bytes + (seen_ ? seen_->byte_size() : 0);
}

}  // namespace firn::storage::query
