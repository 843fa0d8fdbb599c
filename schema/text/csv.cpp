#include "schema/text/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace firn::text {
namespace {

/// The first separator or line end in [at, end), or end.
const char* find_field_end(const char* at, const char* end, char separator) noexcept {
#ifdef __SSE2__  // always there on x86-64
  const __m128i separators = _mm_set1_epi8(separator), newlines = _mm_set1_epi8('\n');
  for (; end - at >= 16; at += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));  // NOLINT: bytes
    const int hits =
        _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, separators), _mm_cmpeq_epi8(v, newlines)));
    if (hits != 0) return at + std::countr_zero(static_cast<unsigned>(hits));
  }
#endif
  while (at != end && *at != separator && *at != '\n') ++at;
  return at;
}

}  // namespace

CsvReader::CsvReader(CsvOptions options) : options_(std::move(options)), schema_(options_.schema) {}

/// A quoted field that begins at `at`; moves behind its closing quote.
CsvReader::Scan CsvReader::scan_quoted(const char*& at, const char* end, bool last) {
  Field f;
  f.quoted = true;
  f.begin = ++at;
  while (true) {
    const auto* quote = static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)));
    if (quote == nullptr || (quote + 1 == end && !last)) {
      if (!last) return Scan::incomplete;
      broken_why_ = "a quote is never closed";
      at = end;
      return Scan::broken;
    }
    at = quote + 1;
    if (at == end || *at != '"') {
      f.length = static_cast<std::size_t>(quote - f.begin);
      break;
    }
    f.escaped = true;
    ++at;
  }
  row_newlines_ += static_cast<std::size_t>(std::count(f.begin, f.begin + f.length, '\n'));
  fields_.push_back(f);
  return Scan::row;
}

/// Splits the row at `at` into fields_ and moves behind its line end.
CsvReader::Scan CsvReader::scan_row(const char*& at, const char* end, bool last) {
  fields_.clear();
  row_newlines_ = 0;
  while (true) {
    if (at != end && *at == '"') {
      if (const Scan s = scan_quoted(at, end, last); s != Scan::row) return s;
      if (end - at >= 2 && at[0] == '\r' && at[1] == '\n') ++at;
      if (at == end && !last) return Scan::incomplete;
      if (at != end && *at == '\r' && at + 1 == end) {
        if (!last) return Scan::incomplete;
        ++at;
      }
      if (at != end && *at != options_.separator && *at != '\n') {
        broken_why_ = "text stands behind a closing quote";
        at = find_field_end(at, end, '\n');  // go on behind this line
        if (at == end && !last) return Scan::incomplete;
        if (at != end) ++at, ++row_newlines_;
        return Scan::broken;
      }
    } else {
      Field f;
      f.begin = at;
      at = find_field_end(at, end, options_.separator);
      if (at == end && !last) return Scan::incomplete;
      f.length = static_cast<std::size_t>(at - f.begin);
      const bool line_ends = at == end || *at == '\n';
      if (line_ends && f.length != 0 && f.begin[f.length - 1] == '\r') --f.length;
      fields_.push_back(f);
    }
    if (at == end) return Scan::row;
    if (*at++ == '\n') {
      ++row_newlines_;
      return Scan::row;
    }
  }
}

/// The field without its inner quotes doubled; valid until the next call.
std::string_view CsvReader::text_of(const Field& f) {
  if (!f.escaped) return {f.begin, f.length};
  scratch_.clear();
  for (std::size_t i = 0; i < f.length; ++i) {
    scratch_ += f.begin[i];
    if (f.begin[i] == '"') ++i;
  }
  return scratch_;
}

Result<void> CsvReader::feed(std::span<const std::uint8_t> bytes) {
  pending_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());  // NOLINT: bytes as text
  return parse(false);
}

Result<void> CsvReader::finish() {
  FIRN_TRY(parse(true));
  if (!header_done_)
    return Error(ErrorCode::invalid_argument, "the CSV input is empty: not even a header line");
  flush();
  return {};
}

std::optional<Batch> CsvReader::next() {
  if (ready_.empty()) return std::nullopt;
  Batch b = std::move(ready_.front());
  ready_.pop_front();
  return b;
}

Result<void> CsvReader::parse(bool last) {
  if (!bom_done_) {
    if (pending_.size() < 3 && !last) return {};
    if (pending_.starts_with("\xEF\xBB\xBF")) pending_.erase(0, 3);
    bom_done_ = true;
  }
  const char* const begin = pending_.data();
  const char* const end = begin + pending_.size();
  const char* at = begin;
  // Rows wait until their types are known; pending_ keeps them.
  const auto keep_from = [&](const char* p) { pending_.erase(0, static_cast<std::size_t>(p - begin)); };
  while (at != end) {
    const char* row = at;
    if (header_done_ && !schema_) {
      keep_from(row);
      FIRN_TRY(infer(last));
      return schema_ ? parse(last) : Result<void>{};
    }
    const Scan scan = scan_row(at, end, last);
    if (scan == Scan::incomplete) {
      if (static_cast<std::size_t>(end - row) > options_.row_bytes_max)
        return Error(ErrorCode::corrupt,
                     fmt::format("line {}: a row of more than {} bytes; is a quote not closed?", line_,
                                 options_.row_bytes_max));
      keep_from(row);
      return {};
    }
    const char* raw_end = at;
    while (raw_end != row && (raw_end[-1] == '\n' || raw_end[-1] == '\r')) --raw_end;
    const std::string_view raw(row, static_cast<std::size_t>(raw_end - row));
    if (scan == Scan::broken) {
      FIRN_TRY(refuse(raw, Error(ErrorCode::corrupt, std::string(broken_why_))));
    } else if (!header_done_) {
      FIRN_TRY(parse_header());
    } else {
      FIRN_TRY(take_row(raw));
    }
    line_ += row_newlines_;
  }
  pending_.clear();
  return last && header_done_ && !schema_ ? infer(true) : Result<void>{};
}

Result<void> CsvReader::parse_header() {
  for (const Field& f : fields_) names_.emplace_back(text_of(f));
  header_done_ = true;
  return schema_ ? match_columns(names_) : Result<void>{};
}

Result<void> CsvReader::match_columns(const std::vector<std::string>& names) {
  key_length_ = KeyLength(*schema_);
  std::vector<bool> found(schema_->size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    // An inferred schema has the names of the header, perhaps twice.
    const auto at = options_.schema ? schema_->find(names[i]) : std::optional<std::size_t>(i);
    if (!at)
      return Error(ErrorCode::not_found,
                   fmt::format("the header names a column \"{}\" that the table lacks", names[i]));
    if (found[*at])
      return Error(ErrorCode::already_exists, fmt::format("the header names column \"{}\" twice", names[i]));
    found[*at] = true;
    target_.push_back(*at);
  }
  for (std::size_t i = 0; i < schema_->size(); ++i) {
    columns_.emplace_back((*schema_)[i].type);
    if (found[i]) continue;
    const bool row_key = schema_->has_row_key() && i + 1 == schema_->size();
    if (!(*schema_)[i].nullable && (*schema_)[i].default_value.is_null() && !row_key)
      return Error(ErrorCode::not_found,
                   fmt::format("the header lacks column \"{}\", which is not null", (*schema_)[i].name));
    missing_.push_back(i);
  }
  return {};
}

/// Guesses types from what is pending; sets schema_ once enough rows are there.
Result<void> CsvReader::infer(bool last) {
  std::vector<TypeGuess> guesses(names_.size());
  const char* at = pending_.data();
  const char* const end = at + pending_.size();
  std::size_t rows = 0;
  // Without this a file fed in small chunks would be looked through again for each of them.
  const auto lines = static_cast<std::size_t>(std::count(at, end, '\n'));
  if (!last && lines < options_.infer_rows && pending_.size() < options_.row_bytes_max) return {};
  while (at != end && rows < options_.infer_rows) {
    const Scan scan = scan_row(at, end, last);
    if (scan == Scan::incomplete) break;
    if (scan == Scan::broken || fields_.size() != names_.size()) continue;
    ++rows;
    for (std::size_t i = 0; i < fields_.size(); ++i)
      if (fields_[i].length != 0 || fields_[i].quoted) guesses[i].see(text_of(fields_[i]));
  }
  std::vector<ColumnSchema> columns;
  for (std::size_t i = 0; i < names_.size(); ++i) columns.push_back({0, names_[i], guesses[i].type(), true});
  schema_ = Schema::for_result(std::move(columns));
  return match_columns(names_);
}

Result<void> CsvReader::take_row(std::string_view raw) {
  if (raw.empty() && names_.size() > 1) return {};
  auto appended = append_fields();
  if (!appended) return refuse(raw, appended.error());
  ++rows_;
  if (++in_batch_ >= static_cast<std::int64_t>(options_.batch_rows)) flush();
  return {};
}

Result<void> CsvReader::append_fields() {
  if (fields_.size() != target_.size())
    return Error(ErrorCode::corrupt,
                 fmt::format("{} fields where the header has {}", fields_.size(), target_.size()));
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const Field& f = fields_[i];
    ColumnBuilder& column = columns_[target_[i]];
    const ColumnSchema& said = (*schema_)[target_[i]];
    if (f.length == 0 && !f.quoted) {
      if (!said.nullable)
        return Error(ErrorCode::type_mismatch,
                     fmt::format("column \"{}\" is empty, but not null", said.name));
      column.append_null();
    } else {
      const std::string_view text = text_of(f);
      if (auto r = append_text(column, text); !r)
        return Error(r.error().code(), fmt::format("column \"{}\": {}", said.name, r.error().message()));
    }
  }
  for (std::size_t i : missing_) {
    if (schema_->has_row_key() && i + 1 == schema_->size()) {
      columns_[i].append_fixed(std::uint64_t{0});  // _row: assigned at commit
    } else {
      FIRN_TRY(columns_[i].append((*schema_)[i].default_value));
    }
  }
  return key_length_.check_last_row(columns_);
}

Result<void> CsvReader::refuse(std::string_view raw, const Error& why) {
  for (ColumnBuilder& c : columns_)
    if (c.length() > in_batch_) c.truncate(in_batch_);
  if (!options_.bad_rows) return why.of_line(line_);
  ++bad_;
  return options_.bad_rows({line_, raw, why.message()});
}

void CsvReader::flush() {
  if (in_batch_ == 0) return;
  std::vector<Column> columns;
  columns.reserve(columns_.size());
  for (ColumnBuilder& c : columns_) columns.push_back(c.finish());
  ready_.emplace_back(*schema_, in_batch_, std::move(columns));
  in_batch_ = 0;
}

}  // namespace firn::text
