// Prints how long the queries take that the engine is measured by. Asserts nothing: machines differ.
#include <chrono>

#include "query_fixture.hpp"

namespace firn::storage {
namespace {

TEST(QueryTiming, PrintsMilliseconds) {
  MemoryTable t("id u64, type utf8, amount f64, user i64", {.key = {"id"}, .time = ""});
  constexpr std::size_t kRows = 65'536, kBatches = 30;
  std::mt19937_64 random(1);
  ColumnBuilder names(TypeId::utf8), amount(TypeId::f64), user(TypeId::i64), id(TypeId::u64);
  for (int i = 0; i < 12; ++i) names.append_bytes("type" + std::to_string(i));
  MutableBuffer codes;
  for (std::size_t i = 0; i < kRows; ++i) {
    codes.push(static_cast<std::uint32_t>(random() % 12));
    amount.append_fixed(static_cast<double>(random() % 100'000) / 100);
    user.append_fixed(static_cast<std::int64_t>(random() % 50'000));
    id.append_fixed(static_cast<std::uint64_t>(i));
  }
  Column type{TypeId::utf8, kRows, 0, {}, codes.freeze(), {}, std::make_shared<Column>(names.finish())};
  const std::vector<Column> columns{id.finish(), type, amount.finish(), user.finish()};
  for (const char* sql : {"SELECT type, count(*), sum(amount) FROM t GROUP BY type",
                          "SELECT count(*) FROM t WHERE amount > 500 AND type = 'type3'",
                          "SELECT sum(amount) FROM t", "SELECT user, count(*) FROM t GROUP BY user",
                          "SELECT type, user % 10, avg(amount) FROM t GROUP BY type, user % 10",
                          "SELECT id, amount FROM t ORDER BY amount DESC LIMIT 10"}) {
    const auto p = t.prepare(sql).value();
    ScanBatch batch;
    batch.rows = kRows;
    for (const std::size_t c : p.columns()) batch.columns.push_back(columns[c]);
    double best = 1e9;
    for (int run = 0; run < 3; ++run) {
      const auto begin = std::chrono::steady_clock::now();
      QueryExecution e(p, {});
      for (std::size_t b = 0; b < kBatches; ++b) e.consume(batch).value();
      e.finish().value();
      best = std::min(
          best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    }
    std::printf("%7.2f ms for %zu rows: %s\n", best, kRows * kBatches, sql);
  }
}

}  // namespace
}  // namespace firn::storage
