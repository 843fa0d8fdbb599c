#include "result_format.hpp"

#include <sstream>

#include "output.hpp"
#include "row_writer.hpp"

namespace firn::cli {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;  // text is written when there is so much of it

void print_rows(const Batch& rows, WriterFormat format) {
  const auto out = [](std::span<const std::uint8_t> bytes) -> Result<void> {
    print(bytes);
    return {};
  };
  const auto writer = make_row_writer(format, rows.schema(), out);
  writer->write(rows).value();
  writer->finish().value();
}

std::string markdown_cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '\\') out += '\\';
    if (c == '\n')
      out += "<br>";
    else if (c != '\r')
      out += c;
  }
  return out;
}

void print_markdown(const Batch& rows) {
  std::string head = "|", rule = "|";
  for (const ColumnSchema& column : rows.schema().columns()) {
    head += " " + markdown_cell(column.name) + " |";
    rule += is_numeric(column.type) ? " ---: |" : " --- |";
  }
  print(head + "\n" + rule + "\n");
  std::string out;
  for (std::size_t row = 0; row < static_cast<std::size_t>(rows.rows()); ++row) {
    out += "|";
    for (const Column& column : rows.columns())
      out += " " + markdown_cell(column.value_at(row).to_string()) + " |";
    out += "\n";
    if (out.size() < kPieceBytes) continue;
    print(out);
    out.clear();
  }
  print(out);
}

void print_table(const DataFrame& frame) {
  std::ostringstream out;
  out << frame;
  std::string text = std::move(out).str();
  if (!text.ends_with('\n')) text += '\n';
  print(text);
}

}  // namespace

std::optional<ResultFormat> result_format_of(std::string_view name) noexcept {
  static constexpr std::pair<std::string_view, ResultFormat> kNames[] = {
      {"table", ResultFormat::table},   {"csv", ResultFormat::csv},           {"json", ResultFormat::json},
      {"ndjson", ResultFormat::ndjson}, {"markdown", ResultFormat::markdown}, {"arrow", ResultFormat::arrow}};
  for (const auto& [known, format] : kNames)
    if (known == name) return format;
  return std::nullopt;
}

void print_result(const DataFrame& frame, ResultFormat format) {
  switch (format) {
    case ResultFormat::table:
      return print_table(frame);
    case ResultFormat::csv:
      return print_rows(frame.batch(), WriterFormat::csv);
    case ResultFormat::json:
      return print_rows(frame.batch(), WriterFormat::json);
    case ResultFormat::ndjson:
      return print_rows(frame.batch(), WriterFormat::ndjson);
    case ResultFormat::markdown:
      return print_markdown(frame.batch());
    case ResultFormat::arrow:
      return print_rows(frame.batch(), WriterFormat::arrow_stream);
  }
}

}  // namespace firn::cli
