// NDJSON: a streaming reader (an object a line) that is fed bytes and gives batches; writers of NDJSON and
// JSON.
//
// Reading: members are matched to columns by name; null is NULL, missing members are the column's default or NULL; without a schema the
// columns are the members of the first rows, and later unknown ones make a row a misfit. Integers stay exact;
// timestamps are ISO text or numbers (time_from_number); nested values become their JSON text in a utf8
// column. Where the schema has a key, a row whose key is too long does not fit. Owned by one thread.
#pragma once
#include <deque>
#include <memory>

#include "schema/text/field.hpp"

namespace firn::text {

struct NdjsonOptions {
  std::optional<Schema> schema;  ///< else inferred: Schema::for_result with nullable columns
  std::size_t batch_rows = 50'000;
  std::size_t infer_rows = 10'000;
  std::size_t row_bytes_max = 16U << 20;
  bool ignore_unknown = false;  ///< members that no column has are passed over
  BadRowSink bad_rows;          ///< takes lines that do not fit; without it the first one is an error
};

class NdjsonReader {
 public:
  explicit NdjsonReader(NdjsonOptions options = {});
  ~NdjsonReader();
  /// Takes the next bytes. Errors name the line: {parse} for text that is no JSON object, {type_mismatch} and
  /// {out_of_range} with the column; the sink's.
  Result<void> feed(std::span<const std::uint8_t> bytes);
  Result<void> finish();
  std::optional<Batch> next();
  const std::optional<Schema>& schema() const noexcept;
  std::uint64_t rows() const noexcept;
  std::uint64_t bad_rows() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Appends the value as JSON: numbers, true, false, null, strings; times as ISO text; binary as hexadecimal
/// text; NaN and infinities, which JSON lacks, as null.
void append_json_value(const Column& column, std::size_t row, std::string& out);
/// Appends a quoted JSON string.
void append_json_string(std::string_view text, std::string& out);
/// An object a line.
void append_ndjson(const Batch& batch, std::string& out);
/// Objects separated by commas, as the inside of an array; `first` says whether none went before, and is
/// cleared.
void append_json_rows(const Batch& batch, std::string& out, bool& first);

}  // namespace firn::text
