// Batches: sharing, gathering and joining rows; collecting rows for a write. Validation is in
// batch_check.cpp.
#include "schema/batch.hpp"

#include <algorithm>

#include "schema/coerce.hpp"

namespace firn {
namespace {

/// Columns of one dictionary keep it: their codes are joined as plain u32 values.
Column concat_codes(std::span<const Batch> batches, std::size_t i) {
  ColumnBuilder codes(TypeId::u32);
  for (const Batch& b : batches) {
    Column c = b[i];
    c.type = TypeId::u32;
    c.dictionary.reset();
    codes.append_column(c);
  }
  Column out = codes.finish();
  out.type = batches[0][i].type;
  out.dictionary = batches[0][i].dictionary;
  return out;
}

Column concat_column(std::span<const Batch> batches, std::size_t i) {
  const auto& dictionary = batches[0][i].dictionary;
  const bool shared = std::all_of(batches.begin(), batches.end(),
                                  [&](const Batch& b) { return b[i].dictionary == dictionary; });
  if (dictionary && shared) return concat_codes(batches, i);
  ColumnBuilder out(batches[0][i].type);
  for (const Batch& b : batches) out.append_column(b[i]);
  return out.finish();
}

}  // namespace

std::size_t Batch::byte_size() const noexcept {
  std::size_t bytes = 0;
  for (const Column& c : columns_) bytes += c.byte_size();
  return bytes;
}

Batch Batch::slice(std::size_t offset, std::size_t count) const {
  std::vector<Column> out;
  out.reserve(columns_.size());
  for (const Column& c : columns_) out.push_back(c.slice(offset, count));
  return {schema_, static_cast<std::int64_t>(count), std::move(out)};
}

Batch Batch::take(std::span<const std::uint32_t> rows) const {
  std::vector<Column> out;
  out.reserve(columns_.size());
  for (const Column& c : columns_) out.push_back(c.take(rows));
  return {schema_, static_cast<std::int64_t>(rows.size()), std::move(out)};
}

Batch concat(std::span<const Batch> batches) {
  if (batches.empty()) return {};
  if (batches.size() == 1) return batches[0];
  std::int64_t rows = 0;
  for (const Batch& b : batches) {
    FIRN_CHECK(b.columns().size() == batches[0].columns().size());
    rows += b.rows();
  }
  std::vector<Column> out;
  for (std::size_t i = 0; i < batches[0].columns().size(); ++i) out.push_back(concat_column(batches, i));
  return {batches[0].schema(), rows, std::move(out)};
}

BatchBuilder::BatchBuilder(Schema schema) : schema_(std::move(schema)) {
  for (const ColumnSchema& c : schema_.columns()) columns_.emplace_back(c.type);
  if (schema_.has_row_key()) columns_.pop_back();
}

bool BatchBuilder::begin_first_row(std::size_t values) {
  if (error_) return false;
  if (values == columns_.size()) {
    for (ColumnBuilder& c : columns_) c.expect_as_much();
    return true;
  }
  error_.emplace(ErrorCode::invalid_argument, "row " + std::to_string(rows_) + " has " +
                                                  std::to_string(values) + " values for " +
                                                  std::to_string(columns_.size()) + " columns");
  return false;
}

/// Takes the row out again; false.
bool BatchBuilder::refuse(std::size_t column, const Error& error) {
  error_ = error.within("row " + std::to_string(rows_) + ", column \"" + schema_[column].name + "\"");
  for (std::size_t j = 0; j < column; ++j) columns_[j].truncate(rows_);
  return false;
}

bool BatchBuilder::append_value(std::size_t i, const Value& v) {
  const Result<void> done = v.is_null() && !schema_[i].nullable
                                ? Error(ErrorCode::invalid_argument, "NULL in a column that is not null")
                                : columns_[i].append(v);
  return done.ok() || refuse(i, done.error());
}

bool BatchBuilder::append_text(std::size_t i, std::string_view v) {
  const Result<void> done = columns_[i].append_text(v);
  return done.ok() || refuse(i, done.error());
}

BatchBuilder& BatchBuilder::append_row(std::span<const Value> values) {
  if (!begin_row(values.size())) return *this;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!append_value(i, values[i])) break;
  return end_row();
}

std::size_t BatchBuilder::byte_size() const noexcept {
  std::size_t bytes = 0;
  for (const ColumnBuilder& c : columns_) bytes += c.byte_size();
  return bytes;
}

Result<Batch> BatchBuilder::finish() {
  std::vector<Column> out;
  for (ColumnBuilder& c : columns_) out.push_back(c.finish());
  const std::int64_t rows = std::exchange(rows_, 0);
  if (schema_.has_row_key()) {
    Column c;
    c.type = TypeId::u64;
    c.length = rows;
    c.values = MutableBuffer(static_cast<std::size_t>(rows) * sizeof(std::uint64_t)).freeze();
    out.push_back(std::move(c));
  }
  if (error_) {
    const Error e = *std::exchange(error_, std::nullopt);
    return e;
  }
  return Batch(schema_, rows, std::move(out));
}

}  // namespace firn
