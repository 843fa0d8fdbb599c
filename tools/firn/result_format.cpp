#include "result_format.hpp"

#include <algorithm>
#include <functional>
#include <sstream>

#include "output.hpp"
#include "schema/arrow_ipc.hpp"
#include "schema/text/csv.hpp"
#include "schema/text/ndjson.hpp"

namespace firn::cli {
namespace {

constexpr std::size_t kPieceRows = 8'192;  // text of this many rows is made and written at once

void each_piece(const Batch& rows, const std::function<void(const Batch&)>& use) {
  const auto count = static_cast<std::size_t>(rows.rows());
  for (std::size_t at = 0; at < count; at += kPieceRows)
    use(rows.slice(at, std::min(kPieceRows, count - at)));
}

void print_csv(const Batch& rows) {
  std::string header = text::csv_header(rows.schema());
  if (!header.ends_with('\n')) header += '\n';
  print(header);
  each_piece(rows, [](const Batch& piece) {
    std::string out;
    text::append_csv(piece, out);
    print(out);
  });
}

void print_ndjson(const Batch& rows) {
  each_piece(rows, [](const Batch& piece) {
    std::string out;
    text::append_ndjson(piece, out);
    print(out);
  });
}

void print_json(const Batch& rows) {
  bool first = true;
  print("[");
  each_piece(rows, [&](const Batch& piece) {
    std::string out;
    text::append_json_rows(piece, out, first);
    print(out);
  });
  print("]\n");
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
  each_piece(rows, [](const Batch& piece) {
    std::string out;
    for (std::size_t row = 0; row < static_cast<std::size_t>(piece.rows()); ++row) {
      out += "|";
      for (const Column& column : piece.columns())
        out += " " + markdown_cell(column.value_at(row).to_string()) + " |";
      out += "\n";
    }
    print(out);
  });
}

void print_arrow(const Batch& rows) {
  const auto sink = [](std::span<const std::uint8_t> bytes) -> Result<void> {
    print(bytes);
    return {};
  };
  arrow::ArrowStreamWriter writer(rows.schema(), sink);
  if (rows.rows() != 0) writer.write(rows).value();
  writer.close().value();
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
      return print_csv(frame.batch());
    case ResultFormat::json:
      return print_json(frame.batch());
    case ResultFormat::ndjson:
      return print_ndjson(frame.batch());
    case ResultFormat::markdown:
      return print_markdown(frame.batch());
    case ResultFormat::arrow:
      return print_arrow(frame.batch());
  }
}

}  // namespace firn::cli
