#include <charconv>

#include "schema/text/csv.hpp"

namespace firn::text {
namespace {

void append_quoted(std::string_view v, std::string& out) {
  out += '"';
  for (char c : v) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void append_field(std::string_view v, std::string& out) {
  if (v.empty() || v.find_first_of(",\"\r\n") != std::string_view::npos) {
    append_quoted(v, out);
  } else {
    out += v;
  }
}

template <class T>
void append_integer(T v, std::string& out) {
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, v).ptr;
  out.append(text, end);
}

}  // namespace

void append_csv_value(const Column& c, std::size_t row, std::string& out) {
  if (c.is_null(row)) return;
  if (c.dictionary && !is_variable(c.type)) return append_csv_value(*c.dictionary, c.codes()[row], out);
  switch (c.type) {
    case TypeId::i64:
      return append_integer(c.as<std::int64_t>()[row], out);
    case TypeId::i32:
      return append_integer(c.as<std::int32_t>()[row], out);
    case TypeId::u64:
      return append_integer(c.as<std::uint64_t>()[row], out);
    case TypeId::f64:
      out += format_double(c.as<double>()[row]);
      return;
    case TypeId::utf8:
    case TypeId::binary:
      return append_field(c.bytes_at(row), out);
    default:
      out += c.value_at(row).to_string();
  }
}

std::string csv_header(const Schema& schema) {
  std::string out;
  for (std::size_t i = 0; i < schema.size(); ++i) {
    if (i != 0) out += ',';
    append_field(schema[i].name, out);
  }
  return out + "\n";
}

void append_csv(const Batch& batch, std::string& out) {
  const std::size_t columns = batch.columns().size();
  for (std::size_t row = 0; row < static_cast<std::size_t>(batch.rows()); ++row) {
    // A line of one empty column would read as a blank one; readers with one column take that as NULL.
    for (std::size_t c = 0; c < columns; ++c) {
      if (c != 0) out += ',';
      append_csv_value(batch[c], row, out);
    }
    out += '\n';
  }
}

}  // namespace firn::text
