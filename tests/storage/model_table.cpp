#include "tests/storage/model_table.hpp"

namespace firn::storage::model {
namespace {

constexpr int kDevices = 20;

Schema schema_of(KeyKind kind) {
  switch (kind) {
    case KeyKind::number:
      return Schema::parse("id u64, ts timestamp, k i64, v i64, tag utf8", {.key = {"id"}, .time = "ts"})
          .value();
    case KeyKind::composite:
      return Schema::parse("device utf8, n i32, ts timestamp, k i64, v i64, tag utf8",
                           {.key = {"device", "n"}, .time = "ts"})
          .value();
    case KeyKind::text:
      return Schema::parse("name utf8, ts timestamp, k i64, v i64, tag utf8", {.key = {"name"}, .time = "ts"})
          .value();
  }
  mismatch("no such kind of key");
}

}  // namespace

void mismatch(const std::string& what) { throw std::runtime_error(what); }

TableShape::TableShape(KeyKind kind) : kind_(kind), schema_(schema_of(kind)) {}

Schema TableShape::partial_schema() const {
  switch (kind_) {
    case KeyKind::number:
      return Schema::parse("id u64, k i64, v i64", {.key = {"id"}}).value();
    case KeyKind::composite:
      return Schema::parse("device utf8, n i32, k i64, v i64", {.key = {"device", "n"}}).value();
    case KeyKind::text:
      return Schema::parse("name utf8, k i64, v i64", {.key = {"name"}}).value();
  }
  mismatch("no such kind of key");
}

Key TableShape::key(int k) const {
  switch (kind_) {
    case KeyKind::number:
      return {Value(static_cast<std::uint64_t>(k) * 7)};
    case KeyKind::composite:
      return {Value("d" + std::to_string(k % kDevices)), Value(std::int32_t{k / kDevices - 10})};
    case KeyKind::text:  // of very different lengths, with a zero byte now and then
      return {Value(std::string(static_cast<std::size_t>(k % 13), 'x') +
                    (k % 5 == 0 ? std::string(1, '\0') : "") + std::to_string(k))};
  }
  return {};
}

Batch TableShape::batch(const Change& rows) const {
  BatchBuilder builder(schema_);
  for (const auto& [k, cell] : rows) {
    std::vector<Value> values = key(k);
    values.emplace_back(Timestamp{1'600'000'000'000'000 + k * 60'000'000LL});
    values.emplace_back(std::int64_t{k});
    values.emplace_back(cell.v);
    values.push_back(cell.tag.empty() ? Value() : Value(cell.tag));
    builder.append_row(values);
  }
  return builder.finish().value();
}

Batch TableShape::partial_batch(const std::vector<std::pair<int, std::int64_t>>& rows) const {
  BatchBuilder builder(partial_schema());
  for (const auto& [k, v] : rows) {
    std::vector<Value> values = key(k);
    values.emplace_back(std::int64_t{k});
    values.emplace_back(v);
    builder.append_row(values);
  }
  return builder.finish().value();
}

Cell Oracle::at(int k, std::uint64_t csn) const {
  const auto key = versions_.find(k);
  if (key == versions_.end()) return {};
  const auto after = key->second.upper_bound(csn);
  return after == key->second.begin() ? Cell{} : std::prev(after)->second;
}

std::uint64_t Oracle::version_at(int k, std::uint64_t csn) const {
  const auto key = versions_.find(k);
  if (key == versions_.end()) return 0;
  const auto after = key->second.upper_bound(csn);
  return after == key->second.begin() ? 0 : std::prev(after)->first;
}

State Oracle::state(std::uint64_t csn) const {
  State out;
  for (const auto& [k, versions] : versions_) {
    const Cell cell = at(k, csn);
    if (cell.live) out[k] = cell;
  }
  return out;
}

std::uint64_t Oracle::newest(int k) const {
  const auto key = versions_.find(k);
  return key == versions_.end() || key->second.empty() ? 0 : key->second.rbegin()->first;
}

std::string text_of(int k, const Cell& cell) {
  const std::string name = "key " + std::to_string(k) + " ";
  return cell.live ? name + "= (" + std::to_string(cell.v) + ", '" + cell.tag + "')" : name + "absent";
}

void expect_equal(const State& table, const State& oracle, const std::string& where) {
  if (table == oracle) return;
  std::string text =
      where + ": " + std::to_string(table.size()) + " rows, expected " + std::to_string(oracle.size());
  int shown = 0;
  std::set<int> keys;
  for (const auto& [k, cell] : table) keys.insert(k);
  for (const auto& [k, cell] : oracle) keys.insert(k);
  for (const int k : keys) {
    const auto t = table.find(k), o = oracle.find(k);
    const Cell a = t == table.end() ? Cell{} : t->second, b = o == oracle.end() ? Cell{} : o->second;
    if (a == b || ++shown > 10) continue;
    text += "\n  table: " + text_of(k, a) + "; oracle: " + text_of(k, b);
  }
  mismatch(text);
}

namespace {

Result<State> state_of(const Batch& rows) {
  State out;
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows.rows()); ++i) {
    const auto k = static_cast<int>(rows[0].value_at(i).to_i64());
    const Value tag = rows[2].value_at(i);
    const bool fresh =
        out.emplace(k, Cell{true, rows[1].value_at(i).to_i64(), tag.is_null() ? "" : tag.to_string()}).second;
    if (!fresh) return Error(ErrorCode::internal, "key " + std::to_string(k) + " appears twice in an answer");
  }
  return out;
}

}  // namespace

Result<State> read_state(TableStore& store, std::optional<std::uint64_t> as_of) {
  const std::string travel = as_of ? " AS OF CSN " + std::to_string(*as_of) : "";
  FIRN_ASSIGN(const StoreSnapshot now, store.snapshot());
  FIRN_ASSIGN(const Batch rows, store.query(parse_query("SELECT k, v, tag FROM t" + travel).value(), now));
  return state_of(rows);
}

Result<State> read_state(TableStore& store, const StoreSnapshot& at) {
  FIRN_ASSIGN(const Batch rows, store.query(parse_query("SELECT k, v, tag FROM t").value(), at));
  return state_of(rows);
}

Result<WriteRequest> upsert_of(TableStore& store, const Batch& rows) {
  WriteRequest r;
  if (store.is_small(rows)) {
    r.rows = rows;
  } else {
    r.kind = WriteRequest::Kind::blocks;
    FIRN_ASSIGN(r.blocks, store.prepare_blocks(rows));
  }
  return r;
}

Result<Cell> read_cell(TableStore& store, const StoreSnapshot& at, const TableShape& shape, int k) {
  FIRN_ASSIGN(const auto row, store.get(at, shape.key(k)));
  if (!row) return Cell{};
  const std::size_t first = store.schema(at).find("k").value();
  if ((*row)[first].to_i64() != k) return Error(ErrorCode::internal, "another key's row");
  return Cell{true, (*row)[first + 1].to_i64(),
              (*row)[first + 2].is_null() ? "" : (*row)[first + 2].to_string()};
}

}  // namespace firn::storage::model
