// Arrow IPC files and streams as a row source. The bytes lie in memory as a whole: record batches share them.
#include <algorithm>

#include "io/row_formats.hpp"
#include "schema/arrow_ipc.hpp"

namespace firn::io {
namespace {

constexpr std::string_view kRowColumn = "_row";  // of a table without a key; assigned anew at commit

Result<Buffer> read_all(ByteInput& input) {
  MutableBuffer all;
  for (;;) {
    FIRN_ASSIGN(const auto bytes, input.next());
    if (bytes.empty()) return all.freeze();
    const std::size_t end = all.size();
    all.resize(end + bytes.size());
    std::copy(bytes.begin(), bytes.end(), all.data() + end);
  }
}

Result<Schema> without_row_numbers(const Schema& schema) {
  std::vector<ColumnSchema> columns;
  for (const ColumnSchema& column : schema.columns())
    if (column.name != kRowColumn) columns.push_back(column);
  if (columns.size() == schema.size()) return schema;
  return Schema::for_result(std::move(columns));
}

class ArrowRows : public RowSource {
 public:
  ArrowRows(std::unique_ptr<ByteInput> input, const RowSourceOptions& options)
      : input_(std::move(input)), options_(options) {}

  Result<std::optional<Batch>> next() override {
    if (!reader_) FIRN_TRY(begin());
    while (pending_rows_ < options_.batch_rows) {
      FIRN_ASSIGN(std::optional<Batch> batch, reader_->next());
      if (!batch) break;
      if (batch->rows() == 0) continue;
      FIRN_ASSIGN(Batch mine, convert(*batch));
      rows_ += static_cast<std::uint64_t>(mine.rows());
      pending_rows_ += static_cast<std::size_t>(mine.rows());
      pending_.push_back(std::move(mine));
    }
    if (pending_rows_ == 0) return std::optional<Batch>();
    return std::optional<Batch>(take(std::min(pending_rows_, options_.batch_rows)));
  }

  const Schema& schema() const override { return *options_.schema; }
  std::uint64_t consumed() const override { return input_->consumed(); }
  std::uint64_t bad_rows() const override { return 0; }

 private:
  Result<void> begin() {
    FIRN_ASSIGN(Buffer bytes, read_all(*input_));
    FIRN_ASSIGN(arrow::ArrowReader reader, arrow::ArrowReader::open(std::move(bytes)));
    FIRN_ASSIGN(const Schema found, without_row_numbers(reader.schema()));
    if (!options_.schema) {
      FIRN_ASSIGN(options_.schema, options_.chosen(found, found));
    }
    for (const ColumnSchema& column : found.columns())
      if (!options_.schema->find(column.name))
        return Error(
            ErrorCode::invalid_argument,
            "column \"" + column.name + "\" of the input is not in the table; leave it out of the file");
    reader_.emplace(std::move(reader));
    return {};
  }

  Result<Batch> convert(const Batch& from) const {
    const Schema& to = *options_.schema;
    std::vector<Column> columns;
    for (std::size_t i = 0; i < to.size(); ++i) {
      const auto source = from.schema().find(to[i].name);
      Result<Column> column =
          source ? convert_column(from[*source], to[i]) : missing_column(from.rows(), to[i]);
      if (!column) return column.error().within("column \"" + to[i].name + "\"");
      columns.push_back(std::move(*column));
    }
    return Batch(to, from.rows(), std::move(columns));
  }

  static Result<Column> missing_column(std::int64_t rows, const ColumnSchema& to) {
    if (!to.nullable && to.default_value.is_null())
      return Error(ErrorCode::invalid_argument, "the input lacks it, and it takes no NULL");
    ColumnBuilder builder(to.type);
    for (std::int64_t i = 0; i < rows; ++i) FIRN_TRY(builder.append(to.default_value));
    return builder.finish();
  }

  Result<Column> convert_column(const Column& from, const ColumnSchema& to) const {
    const auto length = static_cast<std::size_t>(from.length);
    if (!to.nullable && from.null_count != 0) {
      std::size_t row = 0;
      while (row + 1 < length && !from.is_null(row)) ++row;
      return Error(ErrorCode::invalid_argument,
                   "row " + std::to_string(rows_ + row + 1) + ": NULL where none may be");
    }
    if (from.type == to.type) return from;
    ColumnBuilder builder(to.type);
    for (std::size_t row = 0; row < length; ++row)
      if (Result<void> done = builder.append(from.value_at(row)); !done)
        return done.error().within("row " + std::to_string(rows_ + row + 1));
    return builder.finish();
  }

  /// The first `count` of the pending rows.
  Batch take(std::size_t count) {
    std::vector<Batch> parts;
    pending_rows_ -= count;
    std::size_t used = 0;
    while (count != 0) {
      Batch& first = pending_[used];
      const auto rows = static_cast<std::size_t>(first.rows());
      if (rows <= count) {
        parts.push_back(std::move(first));
        count -= rows;
        ++used;
      } else {
        parts.push_back(first.slice(0, count));
        first = first.slice(count, rows - count);
        count = 0;
      }
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(used));
    return concat(parts);
  }

  std::unique_ptr<ByteInput> input_;
  RowSourceOptions options_;
  std::optional<arrow::ArrowReader> reader_;
  std::vector<Batch> pending_;
  std::size_t pending_rows_ = 0;
  std::uint64_t rows_ = 0;
};

}  // namespace

std::unique_ptr<RowSource> open_arrow_rows(std::unique_ptr<ByteInput> input,
                                           const RowSourceOptions& options) {
  return std::make_unique<ArrowRows>(std::move(input), options);
}

}  // namespace firn::io
