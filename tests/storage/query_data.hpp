// What the tests of queries ask about: histories of a table, random and real.
#pragma once
#include <random>
#include <string>
#include <vector>

#include "tests/storage/sqlite_oracle.hpp"

namespace firn::storage::oracle {

/// Rows put and keys removed by one commit.
struct Step {
  std::vector<std::vector<Value>> rows;
  std::vector<Key> removed;
};

struct Data {
  Schema schema;
  std::vector<Kind> kinds;  ///< of the columns
  std::vector<Step> steps;
  Columns columns;
  std::vector<std::string> words;
  std::int64_t time_min = 0, time_max = 0;
};

/// Rows of all types with many NULLs, written, overwritten and removed by a dozen commits. The first puts all keys.
Data random_data(std::mt19937_64& rng);

/// The first flights of a real file, in batches; some are delayed further and some cancelled later.
Data flights(std::mt19937_64& rng, std::size_t rows);

/// A row in SQLite's form, and a table for such rows.
Row cells_of(const Data& data, const std::vector<Value>& row);
void create_table(Sqlite& sqlite, const Data& data, const std::string& name);

}  // namespace firn::storage::oracle
