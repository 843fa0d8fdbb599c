#include "storage/file_keys.hpp"

#include <algorithm>

namespace firn::storage {

Result<KeyColumn> keys_of(const Schema& schema, std::span<const Column> columns, std::int64_t rows) {
  std::vector<Column> key;
  for (const std::size_t k : schema.key()) key.push_back(columns[k]);
  return KeyColumn::encode(schema, key, rows);
}

Result<KeyColumn> keys_by_row(const RowFile& file) {
  const Schema& schema = file.schema();
  std::vector<ColumnBuilder> builders;
  for (const std::size_t k : schema.key()) builders.emplace_back(schema[k].type);
  ReadCost cost;
  for (std::size_t g = 0; g < file.groups(); ++g) {
    FIRN_ASSIGN(const auto columns, file.read(g, schema.key(), cost));
    for (std::size_t i = 0; i < columns.size(); ++i) builders[i].append_column(columns[i]);
  }
  std::vector<Column> columns;
  for (ColumnBuilder& b : builders) columns.push_back(b.finish());
  return KeyColumn::encode(schema, columns, static_cast<std::int64_t>(file.info().rows));
}

std::vector<std::uint32_t> by_key_and_csn(const KeyColumn& keys, std::span<const std::uint64_t> csns) {
  std::vector<std::uint32_t> order = keys.sort_permutation();
  for (auto first = order.begin(); first != order.end();) {
    auto last = first + 1;
    while (last != order.end() && keys.compare(*first, keys, *last) == 0) ++last;
    std::sort(first, last, [&](std::uint32_t a, std::uint32_t b) { return csns[a] < csns[b]; });
    first = last;
  }
  return order;
}

}  // namespace firn::storage
