// CSV (RFC 4180): a streaming reader that is fed bytes and gives batches, and a writer.
//
// Reading: a header line; fields split by commas; quotes with "" inside; LF or CRLF; a byte order mark is
// passed over; lines may be quoted across line ends. An empty field is NULL, "" is the empty string. Blank
// lines are passed over where there is more than one column. Columns are matched to a given schema by name,
// in any order; unknown names are an error, columns that are missing hold their default, or NULL. Without a
// schema types are inferred from the first rows. Where the schema has a key, a row whose key is too long does not fit.
// Owned by one thread.
#pragma once
#include <deque>
#include <optional>
#include <vector>

#include "schema/text/field.hpp"

namespace firn::text {

struct CsvOptions {
  std::optional<Schema> schema;  ///< else inferred: Schema::for_result with nullable columns
  std::size_t batch_rows = 50'000;
  std::size_t infer_rows = 10'000;
  std::size_t row_bytes_max = 16U << 20;  ///< a longer row is an error: a quote that is never closed, mostly
  BadRowSink bad_rows;  ///< takes rows that do not fit; without it the first one is an error
  char separator = ',';
};

class CsvReader {
 public:
  explicit CsvReader(CsvOptions options = {});
  /// Takes the next bytes. Errors: {type_mismatch}, {out_of_range} naming line and column of a misfit;
  /// {corrupt} for broken quotes or a wrong number of fields; {not_found}, {already_exists} for header names;
  /// the sink's.
  Result<void> feed(std::span<const std::uint8_t> bytes);
  /// The input ended: the last line may lack its line end. Makes the last batch available.
  Result<void> finish();
  /// The next full batch (after finish() also the last, shorter one), or nothing for now.
  std::optional<Batch> next();
  /// Known once the header and, without a given schema, enough rows were seen, at the latest after finish().
  const std::optional<Schema>& schema() const noexcept { return schema_; }
  std::uint64_t rows() const noexcept { return rows_; }
  std::uint64_t bad_rows() const noexcept { return bad_; }

 private:
  struct Field {
    const char* begin = nullptr;
    std::size_t length = 0;
    bool quoted = false;
    bool escaped = false;  ///< has "" inside
  };
  enum class Scan : std::uint8_t { row, incomplete, broken };

  Scan scan_row(const char*& at, const char* end, bool last);
  Scan scan_quoted(const char*& at, const char* end, bool last);
  std::string_view text_of(const Field& f);
  Result<void> parse(bool last);
  Result<void> parse_header();
  Result<void> match_columns(const std::vector<std::string>& names);
  Result<void> infer(bool last);
  Result<void> take_row(std::string_view raw);
  Result<void> append_fields();
  Result<void> refuse(std::string_view raw, const Error& why);
  void flush();

  CsvOptions options_;
  std::optional<Schema> schema_;
  std::vector<std::string> names_;    ///< of the header
  std::vector<std::size_t> target_;   ///< header position -> column
  std::vector<std::size_t> missing_;  ///< columns that the file does not have
  std::vector<ColumnBuilder> columns_;
  KeyLength key_length_;
  std::vector<Field> fields_;
  std::string pending_, scratch_;
  std::string_view broken_why_;
  std::deque<Batch> ready_;
  std::size_t row_newlines_ = 0;
  std::uint64_t line_ = 1, rows_ = 0, bad_ = 0;
  std::int64_t in_batch_ = 0;
  bool header_done_ = false, bom_done_ = false;
};

/// The header line.
std::string csv_header(const Schema& schema);
/// Appends all rows of the batch: shortest floats, timestamps as "2001-01-01T00:00:00.000000Z", LF as line
/// end.
void append_csv(const Batch& batch, std::string& out);
/// One value as CSV writes it, quoted where needed; NULL is nothing, the empty string is "".
void append_csv_value(const Column& column, std::size_t row, std::string& out);

}  // namespace firn::text
