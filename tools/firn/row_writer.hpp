// Rows as bytes in the formats that other programs read, batch by batch: the text of a large answer is never whole in
// memory.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "schema/batch.hpp"

namespace firn::cli {

enum class WriterFormat { csv, json, ndjson, arrow_stream, arrow_file };

using BytesOut = std::function<Result<void>(std::span<const std::uint8_t>)>;

class RowWriter {
 public:
  virtual ~RowWriter() = default;
  /// Rows of the writer's schema.
  virtual Result<void> write(const Batch& rows) = 0;
  /// What belongs behind the last row; also of an answer without rows.
  virtual Result<void> finish() = 0;
};

/// Errors of the writer are those of `out`, which gets the first bytes at once or with the first rows.
std::unique_ptr<RowWriter> make_row_writer(WriterFormat format, const Schema& schema, BytesOut out);

/// By the ending of a file's name, .zst and .gz aside: csv, json, ndjson or jsonl, arrow or feather (a file), arrows (a
/// stream).
std::optional<WriterFormat> writer_format_of(std::string_view file) noexcept;

}  // namespace firn::cli
