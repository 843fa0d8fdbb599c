// SQLite as the oracle of queries: a database in memory, with the few functions that it lacks, and answers as cells.
#pragma once
#include <sqlite3.h>

#include <string>
#include <variant>
#include <vector>

#include "schema/batch.hpp"
#include "tests/storage/query_generator.hpp"

namespace firn::storage::oracle {

/// NULL, an integer, a float, or bytes.
using Cell = std::variant<std::monostate, std::int64_t, double, std::string>;
using Row = std::vector<Cell>;

class Sqlite {
 public:
  Sqlite();
  ~Sqlite() { sqlite3_close(db_); }
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;
  /// Throws std::runtime_error with SQLite's message and the text.
  std::vector<Row> run(const std::string& sql);
  /// INSERT of many rows, as one transaction.
  void insert(const std::string& table, const std::vector<Row>& rows);

 private:
  sqlite3* db_ = nullptr;
};

/// A value in SQLite's form of the kind.
Cell cell_of(const Value& v, bool as_u64);
std::vector<Row> cells_of(const Batch& rows, const std::vector<Kind>& kinds);

/// Why the answers differ, "" if they are the same: rows as a multiset and, where the query orders, the ordered columns
/// in their order. SQLite's rows carry a scale behind the items for each one that may be off by rounding.
std::string difference(const RandomQuery& query, std::vector<Row> firn, std::vector<Row> sqlite);

}  // namespace firn::storage::oracle
