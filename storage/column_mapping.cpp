#include "storage/column_mapping.hpp"

#include <numeric>

#include "storage/column_conversion.hpp"

namespace firn::storage {
namespace {

std::vector<std::size_t> all_columns(const Schema& schema) {
  std::vector<std::size_t> out(schema.size());
  std::iota(out.begin(), out.end(), 0);
  return out;
}

/// Most often a column lies where it lay before.
std::optional<std::size_t> place_by_id(const Schema& stored, std::uint32_t id, std::size_t guess) {
  if (guess < stored.size() && stored[guess].id == id) return guess;
  return stored.find_id(id);
}

}  // namespace

ColumnMapping::ColumnMapping(const Schema& stored, const Schema& wanted,
                             std::span<const std::size_t> columns) {
  targets_.reserve(columns.size());
  stored_.reserve(columns.size());
  for (const std::size_t c : columns) {
    const ColumnSchema& column = wanted[c];
    Target target;
    target.type = column.type;
    if (const auto at = place_by_id(stored, column.id, c)) {
      target.read = stored_.size();
      target.converted = stored[*at].type != column.type;
      stored_.push_back(*at);
    } else {
      target.missing = column.default_value;
    }
    identity_ = identity_ && target.read && !target.converted;
    targets_.push_back(std::move(target));
  }
}

ColumnMapping::ColumnMapping(const Schema& stored, const Schema& wanted)
    : ColumnMapping(stored, wanted, all_columns(wanted)) {}

std::vector<Column> ColumnMapping::columns(std::vector<Column> read, std::size_t rows) const {
  if (identity_) return read;
  std::vector<Column> out;
  for (const Target& t : targets_) {
    if (!t.read)
      out.push_back(constant_column(t.missing, t.type, rows));
    else
      out.push_back(convert(read[*t.read], t.type));
  }
  return out;
}

std::vector<Value> ColumnMapping::values(std::vector<Value> read) const {
  if (identity_) return read;
  std::vector<Value> out;
  for (const Target& t : targets_) {
    if (!t.read)
      out.push_back(t.missing);
    else
      out.push_back(t.converted ? convert(read[*t.read], t.type) : std::move(read[*t.read]));
  }
  return out;
}

}  // namespace firn::storage
