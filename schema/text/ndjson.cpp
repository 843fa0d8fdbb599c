#include "schema/text/ndjson.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "schema/coerce.hpp"

namespace firn::text {
namespace {

namespace dom = simdjson::dom;

Error not_json(simdjson::error_code code) {
  return {ErrorCode::parse, fmt::format("no JSON object: {}", simdjson::error_message(code))};
}

/// A JSON value as one of ours; nested ones as their text.
Result<Value> value_of(dom::element e) {
  switch (e.type()) {
    case dom::element_type::NULL_VALUE:
      return Value();
    case dom::element_type::BOOL:
      return Value(bool(e));
    case dom::element_type::INT64:
      return Value(std::int64_t(e));
    case dom::element_type::UINT64:
      return Value(std::uint64_t(e));
    case dom::element_type::DOUBLE:
      return Value(double(e));
    case dom::element_type::STRING:
      return Value(std::string_view(e));
    default:
      return Value(simdjson::minify(e));
  }
}

/// Whole numbers in time columns are seconds, milliseconds or microseconds by size.
Result<Value> time_of(const Value& v, TypeId type) {
  if (v.type() == TypeId::u64) return Error(ErrorCode::out_of_range, "the number is no time");
  const std::int64_t us =
      time_from_number(v.type() == TypeId::f64 ? static_cast<std::int64_t>(v.as_double()) : v.as_signed());
  if (type == TypeId::timestamp) return Value(Timestamp{us});
  return Value(Date{static_cast<std::int32_t>(us / 86'400'000'000)});
}

Result<void> append_json(ColumnBuilder& column, dom::element e) {
  const bool text = e.is_string();
  if (text && column.type() != TypeId::binary) return append_text(column, std::string_view(e));
  FIRN_ASSIGN(Value v, value_of(e));
  if (v.is_null()) {
    column.append_null();
    return {};
  }
  if (column.type() == TypeId::utf8) return append_text(column, simdjson::minify(e));
  if (column.type() == TypeId::timestamp && e.is_number()) {
    FIRN_ASSIGN(v, time_of(v, TypeId::timestamp));
  }
  return column.append(v);
}

}  // namespace

struct NdjsonReader::State {
  NdjsonOptions options;
  std::optional<Schema> schema;
  dom::parser parser;
  std::string pending;
  std::vector<std::string> waiting;  ///< lines until the types are known
  std::vector<std::uint64_t> waiting_lines;
  std::unordered_map<std::string, std::size_t> positions;
  std::vector<ColumnBuilder> columns;
  KeyLength key_length;
  std::deque<Batch> ready;
  std::uint64_t line = 0, rows = 0, bad = 0;
  std::int64_t in_batch = 0;

  Result<void> take_lines(bool last);
  Result<void> take_line(std::string_view raw);
  Result<void> convert(std::string_view raw, std::uint64_t at);
  Result<void> append_row(dom::object object);
  Result<void> infer();
  void begin();
  void flush();
};

NdjsonReader::NdjsonReader(NdjsonOptions options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
  state_->schema = state_->options.schema;
  if (state_->schema) state_->begin();
}
NdjsonReader::~NdjsonReader() = default;
const std::optional<Schema>& NdjsonReader::schema() const noexcept { return state_->schema; }
std::uint64_t NdjsonReader::rows() const noexcept { return state_->rows; }
std::uint64_t NdjsonReader::bad_rows() const noexcept { return state_->bad; }

void NdjsonReader::State::begin() {
  key_length = KeyLength(*schema);
  for (std::size_t i = 0; i < schema->size(); ++i) {
    positions[(*schema)[i].name] = i;
    columns.emplace_back((*schema)[i].type);
  }
}

Result<void> NdjsonReader::feed(std::span<const std::uint8_t> bytes) {
  state_->pending.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());  // NOLINT: bytes as text
  return state_->take_lines(false);
}

Result<void> NdjsonReader::finish() {
  FIRN_TRY(state_->take_lines(true));
  if (!state_->schema) FIRN_TRY(state_->infer());
  state_->flush();
  return {};
}

std::optional<Batch> NdjsonReader::next() {
  if (state_->ready.empty()) return std::nullopt;
  Batch b = std::move(state_->ready.front());
  state_->ready.pop_front();
  return b;
}

Result<void> NdjsonReader::State::take_lines(bool last) {
  std::size_t at = 0;
  while (at < pending.size()) {
    std::size_t end = pending.find('\n', at);
    if (end == std::string::npos && !last) break;
    end = std::min(end, pending.size());
    FIRN_TRY(take_line(std::string_view(pending).substr(at, end - at)));
    at = std::min(end + 1, pending.size());
  }
  pending.erase(0, at);
  if (pending.size() > options.row_bytes_max)
    return Error(ErrorCode::parse,
                 fmt::format("line {}: more than {} bytes", line + 1, options.row_bytes_max));
  return {};
}

Result<void> NdjsonReader::State::take_line(std::string_view raw) {
  ++line;
  if (raw.ends_with('\r')) raw.remove_suffix(1);
  if (raw.find_first_not_of(" \t") == std::string_view::npos) return {};
  if (schema) return convert(raw, line);
  waiting.emplace_back(raw);
  waiting_lines.push_back(line);
  return waiting.size() >= options.infer_rows ? infer() : Result<void>{};
}

Result<void> NdjsonReader::State::convert(std::string_view raw, std::uint64_t at) {
  dom::object object;
  Result<void> done;
  if (const auto code = parser.parse(raw.data(), raw.size()).get_object().get(object);
      code != simdjson::SUCCESS) {
    done = not_json(code);
  } else {
    done = append_row(object);
  }
  if (done) {
    ++rows;
    if (++in_batch >= static_cast<std::int64_t>(options.batch_rows)) flush();
    return {};
  }
  for (ColumnBuilder& c : columns)
    if (c.length() > in_batch) c.truncate(in_batch);
  if (!options.bad_rows) return done.error().of_line(at);
  ++bad;
  return options.bad_rows({at, raw, done.error().message()});
}

Result<void> NdjsonReader::State::append_row(dom::object object) {
  for (const auto member : object) {
    const auto found = positions.find(std::string(member.key));
    if (found == positions.end()) {
      if (options.ignore_unknown) continue;
      return Error(ErrorCode::not_found, fmt::format("no column \"{}\"", member.key));
    }
    ColumnBuilder& column = columns[found->second];
    if (column.length() > in_batch)
      return Error(ErrorCode::parse, fmt::format("\"{}\" stands there twice", member.key));
    if (auto r = append_json(column, member.value); !r)
      return Error(r.error().code(), fmt::format("column \"{}\": {}", member.key, r.error().message()));
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const bool row_key = schema->has_row_key() && i + 1 == columns.size();
    if (columns[i].length() == in_batch) {
      if (row_key) {
        columns[i].append_fixed(std::uint64_t{0});  // assigned at commit
      } else {
        FIRN_TRY(columns[i].append((*schema)[i].default_value));
      }
    }
    if (!(*schema)[i].nullable && !row_key && columns[i].last_is_null())
      return Error(ErrorCode::type_mismatch,
                   fmt::format("column \"{}\" is null, but not null is asked", (*schema)[i].name));
  }
  return key_length.check_last_row(columns);
}

Result<void> NdjsonReader::State::infer() {
  struct Seen {
    TypeGuess texts;
    bool text = false, boolean = false, integer = false, floating = false, nested = false;
  };
  std::vector<std::string> names;
  std::unordered_map<std::string, Seen> seen;
  for (const std::string& raw : waiting) {
    dom::object object;
    if (parser.parse(raw.data(), raw.size()).get_object().get(object) != simdjson::SUCCESS) continue;
    for (const auto member : object) {
      const auto [at, added] = seen.try_emplace(std::string(member.key));
      if (added) names.emplace_back(member.key);
      Seen& s = at->second;
      switch (member.value.type()) {
        case dom::element_type::NULL_VALUE:
          break;
        case dom::element_type::BOOL:
          s.boolean = true;
          break;
        case dom::element_type::INT64:
          s.integer = true;
          break;
        case dom::element_type::UINT64:
        case dom::element_type::DOUBLE:
          s.floating = true;
          break;
        case dom::element_type::STRING:
          s.text = true;
          s.texts.see(std::string_view(member.value));
          break;
        default:
          s.nested = true;
      }
    }
  }
  if (names.empty() && !waiting.empty())
    return Error(
        ErrorCode::parse,
        fmt::format("line {}: no JSON object; NDJSON has one object a line, and no array around them",
                    waiting_lines.front()));
  std::vector<ColumnSchema> made;
  for (const std::string& name : names) {
    const Seen& s = seen[name];
    TypeId type = TypeId::utf8;
    const bool number = s.integer || s.floating;
    if (!s.nested && !s.text && s.boolean != number) {
      type = s.boolean ? TypeId::boolean : (s.floating ? TypeId::f64 : TypeId::i64);
    } else if (!s.nested && s.text && !s.boolean && !number && is_temporal(s.texts.type())) {
      type = s.texts.type();  // text that looks like a number stays text: its writer chose the quotes
    }
    made.push_back({0, name, type, true});
  }
  schema = Schema::for_result(std::move(made));
  begin();
  const auto lines = std::move(waiting);
  for (std::size_t i = 0; i < lines.size(); ++i) FIRN_TRY(convert(lines[i], waiting_lines[i]));
  waiting.clear();
  return {};
}

void NdjsonReader::State::flush() {
  if (in_batch == 0) return;
  std::vector<Column> done;
  for (ColumnBuilder& c : columns) done.push_back(c.finish());
  ready.emplace_back(*schema, in_batch, std::move(done));
  in_batch = 0;
}

}  // namespace firn::text
