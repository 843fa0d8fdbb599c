#include "tools/bench/firn_rows.hpp"

namespace firn::bench {

Batch batch_of(const Schema& schema, std::span<const Event> rows) {
  BatchBuilder b(schema);
  for (const Event& e : rows)
    b.append(e.id, Timestamp{e.ts}, e.user, e.type, e.country, e.url, e.amount, e.status, e.payload);
  return b.finish().value();
}

std::string sql_of(const Asked& asked) {
  switch (asked.question) {
    case Question::group_by:
      return "SELECT type, count(*), sum(amount) FROM events GROUP BY type";
    case Question::filter_count:
      return "SELECT count(*) FROM events WHERE status >= 400 AND amount > 500";
    case Question::newest:
      return "SELECT * FROM events WHERE ts >= TIMESTAMP '" + format_timestamp(asked.from_ts) + "'";
  }
  return {};
}

Answer answer_of(const Asked& asked, const Batch& result) {
  Answer a;
  a.rows = static_cast<std::uint64_t>(result.rows());
  switch (asked.question) {
    case Question::group_by:
      for (std::size_t i = 0; i < a.rows; ++i) {
        a.count += result[1].value_at(i).to_u64();
        a.sum += result[2].value_at(i).to_f64();
      }
      break;
    case Question::filter_count:
      a.count = result[0].value_at(0).to_u64();
      break;
    case Question::newest:
      a.count = a.rows;
      break;
  }
  return a;
}

}  // namespace firn::bench
