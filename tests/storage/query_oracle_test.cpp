// Random queries over random rows in memory, against SQLite and against themselves: however rows are cut into batches,
// put into dictionaries and spread over executions, the answer is the same.
#include "query_fixture.hpp"
#include "tests/scale.hpp"
#include "tests/storage/query_data.hpp"

namespace firn::storage::oracle {
namespace {

TEST(QueryOracle, HoweverRowsAreCutTheAnswerIsSqlites) {
  const auto one = testing::number_from("FIRN_SEED");
  std::uint64_t seed = one.value_or(1);
  for (int round = 0; round < (one ? 1 : testing::scaled(10)); ++round, ++seed) {
    std::mt19937_64 random(seed);
    const Data data = random_data(random);
    QueryGenerator generator(random, data.columns, data.words, data.time_min, data.time_max);
    Sqlite sqlite;
    create_table(sqlite, data, "t");
    std::vector<Row> rows;
    for (const auto& row : data.steps.front().rows) rows.push_back(cells_of(data, row));
    sqlite.insert("t", rows);
    MemoryTable table(data.schema);
    table.fill(data.steps.front().rows);
    for (int n = 0; n < 150; ++n) {
      const RandomQuery q = generator.query(1);
      std::vector<Kind> kinds;
      for (const Expr& e : q.items) kinds.push_back(e.kind);
      const std::string sql = q.text(Dialect::firn, "t");
      const std::vector<Row> expected = sqlite.run(q.text(Dialect::sqlite, "t"));
      for (const auto& answer : {table.run(sql), table.run_split(sql, random)}) {
        ASSERT_TRUE(answer.ok()) << sql << "\n" << answer.error().message();
        ASSERT_EQ(difference(q, cells_of(*answer, kinds), expected), "")
            << sql << "\nFIRN_SEED=" << seed << ", query " << n;
      }
    }
  }
}

}  // namespace
}  // namespace firn::storage::oracle
