// Verbs for query tests: a table in memory, SQL in, rows as text out.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "storage/query/execution.hpp"

namespace firn::storage {

/// The values of a column in dictionary form.
inline Column to_dictionary(const Column& plain) {
  ColumnBuilder entries(plain.type);
  std::vector<Value> known;
  MutableBuffer codes;
  for (std::int64_t i = 0; i < plain.length; ++i) {
    const Value v = plain.value_at(static_cast<std::size_t>(i));
    if (v.is_null()) {
      codes.push(std::uint32_t{0});
      continue;
    }
    auto at = std::find(known.begin(), known.end(), v);
    if (at == known.end()) {
      entries.append(v).value();
      at = known.insert(known.end(), v);
    }
    codes.push(static_cast<std::uint32_t>(at - known.begin()));
  }
  if (known.empty()) return plain;
  Column c = plain;
  c.values = codes.freeze();
  c.offsets = {};
  c.dictionary = std::make_shared<Column>(entries.finish());
  return c;
}

struct MemoryTable {
  Schema schema;
  Batch rows;
  Timestamp now{1'700'000'000'000'000};

  MemoryTable(std::string_view columns, const SchemaOptions& options)
      : schema(Schema::parse(columns, options).value()) {}
  explicit MemoryTable(Schema s) : schema(std::move(s)) {}
  void fill(std::vector<std::vector<Value>> values) {
    BatchBuilder builder(schema);
    for (const auto& row : values) builder.append_row(row);
    rows = builder.finish().value();
  }

  Result<PreparedQuery> prepare(const std::string& sql) const {
    auto q = parse_query(sql);
    if (!q) return q.error();
    return PreparedQuery::prepare(*q, schema, now);
  }
  ScanBatch scan(const PreparedQuery& p, std::size_t begin, std::size_t count, bool dictionary) const {
    ScanBatch batch;
    batch.rows = static_cast<std::int64_t>(count);
    const Batch part = rows.slice(begin, count);
    for (const std::size_t c : p.columns())
      batch.columns.push_back(dictionary ? to_dictionary(part[c]) : part[c]);
    return batch;
  }
  Result<Batch> run(const std::string& sql, const ExecutionLimits& limits = {}) const {
    auto p = prepare(sql);
    if (!p) return p.error();
    QueryExecution e(*p, limits);
    if (auto r = e.consume(scan(*p, 0, static_cast<std::size_t>(rows.rows()), false)); !r) return r.error();
    return e.finish();
  }
  /// The same with rows cut at random places, given to several executions, some columns as dictionaries.
  Result<Batch> run_split(const std::string& sql, std::mt19937_64& random) const {
    auto p = prepare(sql);
    if (!p) return p.error();
    std::vector<QueryExecution> executions;
    for (std::size_t i = 0; i < 1 + random() % 3; ++i) executions.emplace_back(*p, ExecutionLimits{});
    const auto total = static_cast<std::size_t>(rows.rows());
    for (std::size_t at = 0; at < total;) {
      const std::size_t n = std::min<std::size_t>(total - at, 1 + random() % 40);
      ScanBatch batch = scan(*p, at, n, random() % 2 == 0);
      if (random() % 3 == 0) {  // rows that do not count, before and behind
        batch = scan(*p, at > 0 ? at - 1 : 0, n + (at > 0 ? 1 : 0), random() % 2 == 0);
        batch.selection.emplace();
        for (std::size_t i = 0; i < n; ++i)
          batch.selection->push_back(static_cast<std::uint32_t>(i + (at > 0 ? 1 : 0)));
      }
      if (auto r = executions[random() % executions.size()].consume(batch); !r) return r.error();
      at += n;
    }
    for (std::size_t i = 1; i < executions.size(); ++i)
      if (auto r = executions[0].merge(std::move(executions[i])); !r) return r.error();
    return executions[0].finish();
  }

  /// "1|a;2|NULL": rows in the order of the answer.
  static std::string text(const Batch& b) {
    std::string out;
    for (std::int64_t i = 0; i < b.rows(); ++i) {
      if (i > 0) out += ';';
      for (std::size_t c = 0; c < b.columns().size(); ++c) {
        const Value v = b[c].value_at(static_cast<std::size_t>(i));
        out += (c > 0 ? "|" : "") + (v.is_null() ? "NULL" : v.to_string());
      }
    }
    return out;
  }
  std::string ask(const std::string& sql) const {
    auto r = run(sql);
    return r ? text(*r) : "error " + std::string(name_of(r.error().code())) + ": " + r.error().message();
  }
};

}  // namespace firn::storage
