// CSV and NDJSON as row sources. Without a given schema the beginning is read twice: a first reader infers the types,
// then the caller chooses (which columns are keys and so never NULL), and a second one reads from the start. So a NULL
// in a key column is a misfit with its line like any other.
#include "io/row_formats.hpp"
#include "schema/text/csv.hpp"
#include "schema/text/ndjson.hpp"

namespace firn::io {
namespace {

template <class Reader, class ReaderOptions>
class TextRows : public RowSource {
 public:
  TextRows(std::unique_ptr<ByteInput> input, const RowSourceOptions& options)
      : input_(std::move(input)), options_(options) {}

  Result<std::optional<Batch>> next() override {
    if (!reader_) FIRN_TRY(begin());
    for (;;) {
      if (std::optional<Batch> batch = reader_->next()) return batch;
      if (failure_) return *failure_;
      if (ended_) return std::optional<Batch>();
      FIRN_ASSIGN(const auto bytes, next_bytes());
      if (bytes.empty()) {
        ended_ = true;
        note_failure(reader_->finish());
      } else {
        note_failure(reader_->feed(bytes));
      }
    }
  }

  const Schema& schema() const override { return *options_.schema; }
  std::uint64_t consumed() const override { return input_->consumed(); }
  std::uint64_t bad_rows() const override { return reader_ ? reader_->bad_rows() : 0; }

 private:
  /// Full batches before the misfit are given out first.
  void note_failure(const Result<void>& done) {
    if (!done) failure_ = done.error();
  }

  Result<void> begin() {
    if (!options_.schema) {
      FIRN_ASSIGN(const Schema found, infer());
      FIRN_ASSIGN(options_.schema, options_.chosen(found, found));
    }
    ReaderOptions settings;
    settings.schema = options_.schema;
    settings.batch_rows = options_.batch_rows;
    settings.bad_rows = options_.bad_rows;
    reader_ = std::make_unique<Reader>(std::move(settings));
    return {};
  }

  /// Reads on until the types are known; what was read is kept for the second reading.
  Result<Schema> infer() {
    ReaderOptions settings;
    settings.bad_rows = [](const text::BadRow&) -> Result<void> {
      return {};
    };  // counted in the second reading
    Reader probe(std::move(settings));
    while (!probe.schema()) {
      FIRN_ASSIGN(const auto bytes, input_->next());
      if (bytes.empty()) {
        input_ended_ = true;
        FIRN_TRY(probe.finish());
        break;
      }
      kept_.emplace_back(bytes.begin(), bytes.end());
      FIRN_TRY(probe.feed(bytes));
    }
    if (!probe.schema()) return Error(ErrorCode::corrupt, "the input is empty: there is no column to read");
    return *probe.schema();
  }

  Result<std::span<const std::uint8_t>> next_bytes() {
    if (kept_at_ < kept_.size()) {
      if (kept_at_ > 0) kept_[kept_at_ - 1] = {};
      return std::span<const std::uint8_t>(kept_[kept_at_++]);
    }
    kept_.clear();
    kept_at_ = 0;
    if (input_ended_) return std::span<const std::uint8_t>();
    return input_->next();
  }

  std::unique_ptr<ByteInput> input_;
  RowSourceOptions options_;
  std::unique_ptr<Reader> reader_;
  std::vector<std::vector<std::uint8_t>> kept_;
  std::size_t kept_at_ = 0;
  std::optional<Error> failure_;
  bool input_ended_ = false, ended_ = false;
};

}  // namespace

std::unique_ptr<RowSource> open_text_rows(std::unique_ptr<ByteInput> input, const RowSourceOptions& options,
                                          RowFormat format) {
  if (format == RowFormat::csv)
    return std::make_unique<TextRows<text::CsvReader, text::CsvOptions>>(std::move(input), options);
  return std::make_unique<TextRows<text::NdjsonReader, text::NdjsonOptions>>(std::move(input), options);
}

}  // namespace firn::io
