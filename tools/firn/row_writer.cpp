#include "row_writer.hpp"

#include <algorithm>

#include "schema/arrow_ipc.hpp"
#include "schema/text/csv.hpp"
#include "schema/text/ndjson.hpp"

namespace firn::cli {
namespace {

constexpr std::size_t kPieceRows = 8'192;  // text of this many rows is made and written at once

class TextWriter : public RowWriter {
 public:
  explicit TextWriter(BytesOut out) : out_(std::move(out)) {}
  Result<void> write(const Batch& rows) override {
    FIRN_TRY(begin());
    const auto count = static_cast<std::size_t>(rows.rows());
    for (std::size_t at = 0; at < count; at += kPieceRows) {
      std::string text;
      append(rows.slice(at, std::min(kPieceRows, count - at)), text);
      FIRN_TRY(put(text));
    }
    return {};
  }
  Result<void> finish() override {
    FIRN_TRY(begin());
    return put(tail());
  }

 protected:
  virtual std::string head() const { return {}; }
  virtual std::string tail() const { return {}; }
  virtual void append(const Batch& rows, std::string& text) = 0;

 private:
  Result<void> begin() { return std::exchange(begun_, true) ? Result<void>() : put(head()); }
  Result<void> put(const std::string& text) {
    if (text.empty()) return {};
    return out_({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  BytesOut out_;
  bool begun_ = false;
};

class CsvWriter final : public TextWriter {
 public:
  CsvWriter(const Schema& schema, BytesOut out)
      : TextWriter(std::move(out)), header_(text::csv_header(schema)) {
    if (!header_.ends_with('\n')) header_ += '\n';
  }

 private:
  std::string head() const override { return header_; }
  void append(const Batch& rows, std::string& out) override { text::append_csv(rows, out); }
  std::string header_;
};

class NdjsonWriter final : public TextWriter {
 public:
  explicit NdjsonWriter(BytesOut out) : TextWriter(std::move(out)) {}

 private:
  void append(const Batch& rows, std::string& out) override { text::append_ndjson(rows, out); }
};

class JsonWriter final : public TextWriter {
 public:
  explicit JsonWriter(BytesOut out) : TextWriter(std::move(out)) {}

 private:
  std::string head() const override { return "["; }
  std::string tail() const override { return "]\n"; }
  void append(const Batch& rows, std::string& out) override { text::append_json_rows(rows, out, first_); }
  bool first_ = true;
};

template <class Writer>
class ArrowWriter final : public RowWriter {
 public:
  ArrowWriter(const Schema& schema, BytesOut out) : writer_(schema, std::move(out)) {}
  Result<void> write(const Batch& rows) override {
    return rows.rows() == 0 ? Result<void>() : writer_.write(rows);
  }
  Result<void> finish() override { return writer_.close(); }

 private:
  Writer writer_;
};

bool drop_ending(std::string_view& name, std::string_view ending) {
  if (!name.ends_with(ending)) return false;
  name.remove_suffix(ending.size());
  return true;
}

}  // namespace

std::unique_ptr<RowWriter> make_row_writer(WriterFormat format, const Schema& schema, BytesOut out) {
  switch (format) {
    case WriterFormat::csv:
      return std::make_unique<CsvWriter>(schema, std::move(out));
    case WriterFormat::json:
      return std::make_unique<JsonWriter>(std::move(out));
    case WriterFormat::ndjson:
      return std::make_unique<NdjsonWriter>(std::move(out));
    case WriterFormat::arrow_stream:
      return std::make_unique<ArrowWriter<arrow::ArrowStreamWriter>>(schema, std::move(out));
    case WriterFormat::arrow_file:
      break;
  }
  return std::make_unique<ArrowWriter<arrow::ArrowFileWriter>>(schema, std::move(out));
}

std::optional<WriterFormat> writer_format_of(std::string_view file) noexcept {
  if (!drop_ending(file, ".zst")) drop_ending(file, ".gz");
  static constexpr std::pair<std::string_view, WriterFormat> kEndings[] = {
      {".csv", WriterFormat::csv},
      {".json", WriterFormat::json},
      {".ndjson", WriterFormat::ndjson},
      {".jsonl", WriterFormat::ndjson},
      {".arrow", WriterFormat::arrow_file},
      {".feather", WriterFormat::arrow_file},
      {".arrows", WriterFormat::arrow_stream}};
  for (const auto& [ending, format] : kEndings)
    if (file.ends_with(ending)) return format;
  return std::nullopt;
}

}  // namespace firn::cli
