// Columns that come and go beside those of the model's table, and what they must hold as of every CSN: the part of the
// model test that alters. A row version of commit c has the columns in force at c; later ones read as their default.
#pragma once
#include <algorithm>
#include <array>

#include "schema/schema_change.hpp"
#include "tests/storage/model_table.hpp"

namespace firn::storage::model {

class ExtraColumns {
 public:
  /// A change that can be made now.
  SchemaChange next(std::mt19937_64& rng) {
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(rng() % n); };
    const std::vector<Extra>& now = at(~std::uint64_t{0});
    const bool full = now.size() == kNames.size();
    const std::size_t kind = now.empty() ? 0
                             : full      ? 3 + below(2)
                                         : below(5);  // 0, 1 add, 2 rename, 3 widen, 4 drop
    if (kind < 2) {
      static constexpr TypeId kTypes[] = {TypeId::i8,  TypeId::u8,  TypeId::i16, TypeId::u16,
                                          TypeId::i32, TypeId::u32, TypeId::f64};
      const bool filled = below(3) != 0;
      const Value value = filled ? Value(static_cast<std::int64_t>(below(100))) : Value();
      return SchemaChange::add(free_name(rng), kTypes[below(std::size(kTypes))], value,
                               !filled || below(2) == 0);
    }
    const Extra& one = now[below(now.size())];
    if (kind == 2) return SchemaChange::rename(one.name, free_name(rng));
    for (const TypeId to : {TypeId::i16, TypeId::u16, TypeId::i32, TypeId::u32, TypeId::f64, TypeId::i64})
      if (kind == 3 && is_widening(one.type, to) && below(2) == 0) return SchemaChange::widen(one.name, to);
    return SchemaChange::drop(one.name);
  }

  /// The change is in force from this commit on.
  void took(const SchemaChange& change, std::uint64_t csn) {
    std::vector<Extra> list = at(csn);
    const auto one =
        std::find_if(list.begin(), list.end(), [&](const Extra& e) { return e.name == change.column; });
    switch (change.kind) {
      case SchemaChange::Kind::add:
        list.push_back({++last_serial_, change.column, change.type, number(change.default_value)});
        break;
      case SchemaChange::Kind::drop:
        list.erase(one);
        break;
      case SchemaChange::Kind::rename:
        one->name = change.new_name;
        break;
      case SchemaChange::Kind::widen:
        one->type = change.type;
        break;
    }
    in_force_[csn] = std::move(list);
  }

  /// The batch with values for the extra columns of `now`; filled() says which commit took it.
  Batch widened(const Batch& rows, const Schema& now, const Change& keys, std::mt19937_64& rng) {
    pending_.clear();
    std::vector<Column> columns = rows.columns();
    for (const Extra& e : at(~std::uint64_t{0})) {
      const ColumnSchema& column = now[*now.find(e.name)];
      ColumnBuilder b(column.type);
      for (const auto& [k, cell] : keys) {
        std::optional<std::int64_t> v;
        if (!column.nullable || rng() % 5 != 0) v = static_cast<std::int64_t>(rng() % greatest(column.type));
        b.append(v ? Value(*v) : Value()).value();
        pending_[k][e.serial] = v;
      }
      columns.push_back(b.finish());
    }
    return Batch::make(now, std::move(columns)).value();
  }
  void filled(std::uint64_t csn) {
    for (auto& [k, values] : pending_) values_[{k, csn}] = std::move(values);
  }
  /// An update took the other columns over from the version before.
  void carried(int k, std::uint64_t from, std::uint64_t to) {
    Values values;
    for (const Extra& e : at(to)) values[e.serial] = expected(e, k, from);
    values_[{k, to}] = std::move(values);
  }

  /// Compares the extra columns of every row as of the commit.
  void check(TableStore& store, const Oracle& oracle, std::uint64_t csn) const {
    const std::vector<Extra>& extras = at(csn);
    const std::string where = "extra columns as of CSN " + std::to_string(csn) + ": ";
    std::string sql = "SELECT k";
    for (const Extra& e : extras) sql += ", " + e.name;
    const Query query = parse_query(sql + " FROM t AS OF CSN " + std::to_string(csn)).value();
    const Batch rows = store.query(query, store.snapshot().value()).value();
    for (std::size_t c = 0; c < extras.size(); ++c)
      expect(rows.schema()[c + 1].type == extras[c].type, where + extras[c].name + " is of another type");
    const auto known = store.schema(store.snapshot(Csn{csn}).value());
    for (const std::string_view name : kNames)
      expect(known.find(name).has_value() ==
                 std::any_of(extras.begin(), extras.end(), [&](const Extra& e) { return e.name == name; }),
             where + std::string(name) + (known.find(name) ? " should not be there" : " is missing"));
    if (!extras.empty()) check_filter(store, oracle, csn, extras[csn % extras.size()], where);
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows.rows()); ++i) {
      const auto k = static_cast<int>(rows[0].value_at(i).to_i64());
      for (std::size_t c = 0; c < extras.size(); ++c) {
        const auto table = number(rows[c + 1].value_at(i)),
                   mine = expected(extras[c], k, oracle.version_at(k, csn));
        expect(table == mine, where + extras[c].name + " of key " + std::to_string(k) + " is " +
                                  (table ? std::to_string(*table) : "NULL") + ", expected " +
                                  (mine ? std::to_string(*mine) : "NULL"));
      }
    }
  }

 private:
  struct Extra {
    std::uint32_t serial;  ///< a name may come back as another column
    std::string name;
    TypeId type;
    std::optional<std::int64_t> fallback;
  };
  /// Zone maps must not prune what only a default or a conversion brings in.
  void check_filter(TableStore& store, const Oracle& oracle, std::uint64_t csn, const Extra& e,
                    const std::string& where) const {
    const std::int64_t least = csn % 2 == 0 ? 30 : 120;
    std::int64_t count = 0;
    for (const auto& [k, cell] : oracle.state(csn)) {
      const auto v = expected(e, k, oracle.version_at(k, csn));
      if (v && *v >= least) count += 1;
    }
    const std::string sql = "SELECT count(*) FROM t AS OF CSN " + std::to_string(csn) + " WHERE " + e.name +
                            " >= " + std::to_string(least);
    const Batch answer = store.query(parse_query(sql).value(), store.snapshot().value()).value();
    const std::int64_t table = answer[0].value_at(0).to_i64();
    expect(table == count,
           where + sql + " is " + std::to_string(table) + ", expected " + std::to_string(count));
  }
  using Values = std::map<std::uint32_t, std::optional<std::int64_t>>;
  static constexpr std::array<std::string_view, 4> kNames = {"x0", "x1", "x2", "x3"};

  static std::optional<std::int64_t> number(const Value& v) {
    return v.is_null() ? std::nullopt : std::optional<std::int64_t>(v.to_i64());
  }
  static std::uint64_t greatest(TypeId type) {
    return width_of(type) == 1 ? 127 : width_of(type) == 2 ? 32'767 : 2'000'000'000;
  }
  const std::vector<Extra>& at(std::uint64_t csn) const {
    static const std::vector<Extra> none;
    const auto after = in_force_.upper_bound(csn);
    return after == in_force_.begin() ? none : std::prev(after)->second;
  }
  std::optional<std::int64_t> expected(const Extra& e, int k, std::uint64_t version) const {
    const auto row = values_.find({k, version});
    if (row == values_.end()) return e.fallback;
    const auto value = row->second.find(e.serial);
    return value == row->second.end() ? e.fallback : value->second;
  }
  std::string free_name(std::mt19937_64& rng) const {
    for (;;) {
      const std::string_view name = kNames[rng() % kNames.size()];
      const std::vector<Extra>& now = at(~std::uint64_t{0});
      if (std::none_of(now.begin(), now.end(), [&](const Extra& e) { return e.name == name; }))
        return std::string(name);
    }
  }

  std::map<std::uint64_t, std::vector<Extra>> in_force_;    ///< from which commit on
  std::map<std::pair<int, std::uint64_t>, Values> values_;  ///< by key and commit; not there: the defaults
  std::map<int, Values> pending_;
  std::uint32_t last_serial_ = 0;
};

}  // namespace firn::storage::model
