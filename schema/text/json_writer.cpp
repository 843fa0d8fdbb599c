#include <cmath>

#include "schema/text/ndjson.hpp"

namespace firn::text {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void append_row(const Batch& b, std::size_t row, std::string& out) {
  out += '{';
  for (std::size_t c = 0; c < b.columns().size(); ++c) {
    if (c != 0) out += ',';
    append_json_string(b.schema()[c].name, out);
    out += ':';
    append_json_value(b[c], row, out);
  }
  out += '}';
}

void append_hex(std::string_view bytes, std::string& out) {
  out += "\"\\\\x";
  for (char c : bytes) {
    out += kHex[(static_cast<unsigned char>(c) >> 4) & 15];
    out += kHex[static_cast<unsigned char>(c) & 15];
  }
  out += '"';
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kHex[(c >> 4) & 15];
          out += kHex[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void append_json_value(const Column& c, std::size_t row, std::string& out) {
  if (c.is_null(row)) {
    out += "null";
    return;
  }
  if (c.type == TypeId::utf8) return append_json_string(c.bytes_at(row), out);
  if (c.type == TypeId::binary) return append_hex(c.bytes_at(row), out);
  const Value v = c.value_at(row);
  if (is_temporal(c.type)) {
    append_json_string(v.to_string(), out);
  } else if (is_float(c.type) && !std::isfinite(v.as_double())) {
    out += "null";
  } else {
    out += v.to_string();
  }
}

void append_ndjson(const Batch& batch, std::string& out) {
  for (std::size_t row = 0; row < static_cast<std::size_t>(batch.rows()); ++row) {
    append_row(batch, row, out);
    out += '\n';
  }
}

void append_json_rows(const Batch& batch, std::string& out, bool& first) {
  for (std::size_t row = 0; row < static_cast<std::size_t>(batch.rows()); ++row) {
    if (!first) out += ",\n";
    first = false;
    append_row(batch, row, out);
  }
}

}  // namespace firn::text
