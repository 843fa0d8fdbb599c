#include "io/row_source.hpp"

#include <array>
#include <cstring>
#include <fstream>

#include "io/decompress.hpp"
#include "io/row_formats.hpp"
#include "io/sqlite_rows.hpp"
#include "schema/arrow_ipc.hpp"

namespace firn::io {
namespace {

bool drop_ending(std::string_view& name, std::string_view ending) {
  if (!name.ends_with(ending)) return false;
  name.remove_suffix(ending.size());
  return true;
}

std::optional<RowFormat> format_by_name(std::string_view name) {
  if (!drop_ending(name, ".zst")) drop_ending(name, ".gz");
  for (const std::string_view ending : {".arrow", ".arrows", ".ipc", ".feather"})
    if (name.ends_with(ending)) return RowFormat::arrow;
  for (const std::string_view ending : {".ndjson", ".jsonl", ".json"})
    if (name.ends_with(ending)) return RowFormat::ndjson;
  if (name.ends_with(".csv")) return RowFormat::csv;
  return std::nullopt;
}

bool is_sqlite(std::span<const std::uint8_t> head) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  return head.size() >= kMagic.size() && std::memcmp(head.data(), kMagic.data(), kMagic.size()) == 0;
}

/// Uncompressed.
bool begins_as_sqlite(const std::string& path) {
  std::array<char, 16> head{};
  std::ifstream(path, std::ios::binary).read(head.data(), head.size());
  return is_sqlite({reinterpret_cast<const std::uint8_t*>(head.data()), head.size()});  // NOLINT
}

RowFormat format_by_bytes(std::span<const std::uint8_t> head) {
  if (arrow::looks_like_arrow(head)) return RowFormat::arrow;
  for (const std::uint8_t byte : head) {
    if (byte == '{') return RowFormat::ndjson;
    if (byte != ' ' && byte != '\n' && byte != '\r' && byte != '\t') break;
  }
  return RowFormat::csv;
}

}  // namespace

std::optional<RowFormat> row_format_of(std::string_view name) noexcept {
  if (name == "csv") return RowFormat::csv;
  if (name == "ndjson") return RowFormat::ndjson;
  if (name == "arrow") return RowFormat::arrow;
  return std::nullopt;
}

Result<std::span<const std::uint8_t>> ByteInput::next() {
  if (first_) {
    first_ = false;
    return std::span<const std::uint8_t>(head_);
  }
  return source_->next();
}

Result<void> ByteInput::look_ahead() {
  FIRN_ASSIGN(const auto bytes, source_->next());
  head_.assign(bytes.begin(), bytes.end());
  return {};
}

Result<std::unique_ptr<RowSource>> open_rows(const RowSourceOptions& options) {
  FIRN_ASSIGN(auto source, open_source(options.path));
  auto input = std::make_unique<ByteInput>(std::move(source));
  FIRN_TRY(input->look_ahead());
  if (is_sqlite(input->head())) {
    if (options.path == "-" || !begins_as_sqlite(options.path))
      return Error(ErrorCode::unsupported,
                   options.path + ": a SQLite database is read from a file that is not compressed");
    input.reset();  // to close any descriptor of the file would give up the locks that SQLite holds
    return open_sqlite_rows(options);
  }
  if (!options.table.empty())
    return Error(ErrorCode::invalid_argument, options.path + ": this file has no tables to choose from");
  std::optional<RowFormat> format = options.format;
  if (!format) format = format_by_name(options.path);
  if (!format) format = format_by_bytes(input->head());
  if (*format == RowFormat::arrow) return open_arrow_rows(std::move(input), options);
  return open_text_rows(std::move(input), options, *format);
}

}  // namespace firn::io
