// A data frame as text: a table for people, CSV and JSON for programs.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "firn/firn.hpp"

namespace firn {
namespace {

constexpr std::int64_t kRowsShown = 40;
constexpr std::size_t kCellWidthMax = 60;

/// Columns that a terminal gives the character: 0 for combining marks, 2 for East Asian wide ones and emoji.
std::size_t width_of_char(char32_t c) {
  if ((c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200f) || (c >= 0xfe00 && c <= 0xfe0f)) return 0;
  const bool wide =
      (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
      (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
      (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);
  return wide ? 2 : 1;
}

/// The code point at s[i]; moves i behind it. Text in columns is UTF-8; a stray byte counts as one character.
char32_t next_char(std::string_view s, std::size_t& i) {
  const auto lead = static_cast<unsigned char>(s[i++]);
  if (lead < 0xc0) return lead;
  const std::size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
  char32_t c = lead & (0x3fU >> more);
  for (std::size_t k = 0; k < more && i < s.size(); ++k)
    c = (c << 6) | (static_cast<unsigned char>(s[i++]) & 0x3fU);
  return c;
}

std::size_t display_width(std::string_view s) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < s.size();) width += width_of_char(next_char(s, i));
  return width;
}

std::string hex(std::string_view bytes) {
  std::string out = "\\x";
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

/// One line, no control characters, at most kCellWidthMax wide.
std::string cell_text(const Value& v) {
  if (v.is_null()) return "NULL";
  const std::string raw = v.type() == TypeId::binary ? hex(v.as_bytes()) : v.to_string();
  std::string out;
  std::size_t width = 0;
  for (std::size_t i = 0; i < raw.size();) {
    const std::size_t begin = i;
    const char32_t c = next_char(raw, i);
    const std::string piece = c == '\n'               ? "\\n"
                              : c == '\t'             ? "\\t"
                              : c < 0x20 || c == 0x7f ? fmt::format("\\x{:02x}", static_cast<unsigned>(c))
                                                      : raw.substr(begin, i - begin);
    width += display_width(piece);
    if (width > kCellWidthMax) return out + "…";
    out += piece;
  }
  return out;
}

bool right_aligned(TypeId t) { return is_numeric(t); }

struct TextTable {
  std::vector<std::vector<std::string>> lines;  ///< the header first
  std::vector<std::size_t> widths;
  std::vector<bool> right;
};

std::string pad(const std::string& s, std::size_t width, bool right) {
  const std::string blanks(width - std::min(width, display_width(s)), ' ');
  return right ? blanks + s : s + blanks;
}

void print_rule(std::ostream& out, const TextTable& t, const char* left, const char* middle,
                const char* right) {
  out << left;
  for (std::size_t c = 0; c < t.widths.size(); ++c) {
    for (std::size_t i = 0; i < t.widths[c] + 2; ++i) out << "─";
    out << (c + 1 < t.widths.size() ? middle : right);
  }
  out << '\n';
}

void print_line(std::ostream& out, const TextTable& t, const std::vector<std::string>& line) {
  out << "│";
  for (std::size_t c = 0; c < line.size(); ++c) out << ' ' << pad(line[c], t.widths[c], t.right[c]) << " │";
  out << '\n';
}

TextTable layout(const DataFrame& f) {
  TextTable t;
  std::vector<std::string> header;
  for (std::size_t c = 0; c < f.columns(); ++c) {
    header.push_back(cell_text(Value(f.name(c))));
    t.right.push_back(right_aligned(f.type(c)));
  }
  t.lines.push_back(std::move(header));
  const bool cut = f.rows() > kRowsShown;
  for (std::int64_t r = 0; r < f.rows(); ++r) {
    if (cut && r == kRowsShown / 2) {
      t.lines.emplace_back(f.columns(), "…");
      r = f.rows() - kRowsShown / 2;
    }
    std::vector<std::string> line;
    for (std::size_t c = 0; c < f.columns(); ++c) line.push_back(cell_text(f.at(r, c)));
    t.lines.push_back(std::move(line));
  }
  t.widths.assign(f.columns(), 0);
  for (const auto& line : t.lines) {
    for (std::size_t c = 0; c < line.size(); ++c) t.widths[c] = std::max(t.widths[c], display_width(line[c]));
  }
  return t;
}

void append_csv(std::string& out, std::string_view s) {
  const bool quote = s.empty() || s.find_first_of(",\"\r\n") != std::string_view::npos;
  if (!quote) {
    out += s;
    return;
  }
  out += '"';
  for (const char c : s) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  out += '"';
}

void append_json_string(std::string& out, std::string_view s) {
  out += '"';
  for (const char c : s) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (c == '\t')
      out += "\\t";
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  out += '"';
}

/// JSON has no word for NaN and the infinities: null.
void append_json(std::string& out, const Value& v) {
  if (v.is_null() || (is_float(v.type()) && !std::isfinite(v.as_double())))
    out += "null";
  else if (v.type() == TypeId::boolean)
    out += v.as_bool() ? "true" : "false";
  else if (is_numeric(v.type()))
    out += v.to_string();
  else
    append_json_string(out, v.type() == TypeId::binary ? hex(v.as_bytes()) : v.to_string());
}

}  // namespace

std::optional<std::size_t> DataFrame::find(std::string_view name) const { return batch_.schema().find(name); }

std::string DataFrame::to_csv() const {
  std::string out;
  for (std::size_t c = 0; c < columns(); ++c) {
    if (c != 0) out += ',';
    append_csv(out, name(c));
  }
  out += "\r\n";
  for (std::int64_t r = 0; r < rows(); ++r) {
    for (std::size_t c = 0; c < columns(); ++c) {
      if (c != 0) out += ',';
      const Value v = at(r, c);
      if (!v.is_null()) append_csv(out, v.type() == TypeId::binary ? hex(v.as_bytes()) : v.to_string());
    }
    out += "\r\n";
  }
  return out;
}

std::string DataFrame::to_json() const {
  std::string out = "[";
  for (std::int64_t r = 0; r < rows(); ++r) {
    out += r == 0 ? "{" : ",\n{";
    for (std::size_t c = 0; c < columns(); ++c) {
      if (c != 0) out += ',';
      append_json_string(out, name(c));
      out += ':';
      append_json(out, at(r, c));
    }
    out += '}';
  }
  return out + "]";
}

void DataFrame::export_stream(ArrowArrayStream* out) const {
  arrow::export_stream(batch_.schema(), {batch_}, out);
}

std::ostream& operator<<(std::ostream& out, const DataFrame& frame) {
  if (frame.columns() == 0) return out << "(" << frame.rows() << " rows, no columns)\n";
  const TextTable t = layout(frame);
  print_rule(out, t, "┌", "┬", "┐");
  print_line(out, t, t.lines.front());
  print_rule(out, t, "├", "┼", "┤");
  for (std::size_t i = 1; i < t.lines.size(); ++i) print_line(out, t, t.lines[i]);
  print_rule(out, t, "└", "┴", "┘");
  return out << frame.rows() << (frame.rows() == 1 ? " row\n" : " rows\n");
}

}  // namespace firn
