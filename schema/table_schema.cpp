#include "schema/table_schema.hpp"

#include <algorithm>
#include <unordered_set>

#include "schema/coerce.hpp"
#include "schema/sql/default_clause.hpp"

namespace firn {
namespace {

constexpr std::size_t kColumnsMax = 4096;
constexpr std::size_t kNameBytesMax = 255;
constexpr std::string_view kRowColumn = "_row";

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_word(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool starts_word(char c) noexcept {
  return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool continues_word(char c) noexcept { return starts_word(c) || (c >= '0' && c <= '9'); }

bool is_plain_word(std::string_view name) noexcept {
  return !name.empty() && starts_word(name.front()) && std::all_of(name.begin(), name.end(), continues_word);
}

std::string name_in_quotes(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

enum class TokenKind : std::uint8_t { end, word, quoted, comma, other };

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text;  // without quotes
  std::size_t position = 0;
};

/// Splits a column list into words, "quoted names" and commas.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<Token> next() {
    while (at_ < text_.size() && std::string_view(" \t\r\n\f\v").find(text_[at_]) != std::string_view::npos)
      ++at_;
    if (at_ == text_.size()) return Token{TokenKind::end, "", at_};
    if (text_[at_] == '"') return quoted_name();
    if (starts_word(text_[at_])) return word();
    const std::size_t begin = at_++;
    return Token{text_[begin] == ',' ? TokenKind::comma : TokenKind::other, std::string(1, text_[begin]),
                 begin};
  }
  std::string_view text() const noexcept { return text_; }
  void skip_to(std::size_t position) noexcept { at_ = position; }

 private:
  Result<Token> quoted_name() {
    const std::size_t begin = at_++;
    std::string name;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c != '"') {
        name += c;
      } else if (at_ < text_.size() && text_[at_] == '"') {
        name += text_[at_++];
      } else {
        return Token{TokenKind::quoted, std::move(name), begin};
      }
    }
    return Error(ErrorCode::parse, "the quoted name at byte " + std::to_string(begin) + " has no end", begin);
  }
  Result<Token> word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && continues_word(text_[at_])) ++at_;
    return Token{TokenKind::word, std::string(text_.substr(begin, at_ - begin)), begin};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// name type [not null | null] [default literal] {, ...}
class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  Result<std::vector<ColumnSchema>> columns() {
    std::vector<ColumnSchema> out;
    FIRN_TRY(advance());
    while (true) {
      FIRN_ASSIGN(ColumnSchema c, column());
      out.push_back(std::move(c));
      if (token_.kind == TokenKind::end) return out;
      if (token_.kind != TokenKind::comma)
        return unexpected("a comma, \"null\", \"not null\" or \"default\"");
      FIRN_TRY(advance());
    }
  }

 private:
  Result<void> advance() {
    FIRN_ASSIGN(token_, lexer_.next());
    return {};
  }
  bool at_word(std::string_view word) const noexcept {
    return token_.kind == TokenKind::word && same_word(token_.text, word);
  }
  Error unexpected(std::string_view expected) const {
    const std::string found = token_.kind == TokenKind::end ? "the end" : "'" + token_.text + "'";
    return {ErrorCode::parse,
            "expected " + std::string(expected) + " but found " + found + " at byte " +
                std::to_string(token_.position) + " of the column list",
            token_.position};
  }

  Result<ColumnSchema> column() {
    ColumnSchema c;
    if (token_.kind != TokenKind::word && token_.kind != TokenKind::quoted)
      return unexpected("a column name");
    c.name = token_.text;
    if (c.name == kRowColumn) {
      return Error(ErrorCode::parse, "the name _row is reserved for the key of tables without one",
                   token_.position);
    }
    FIRN_TRY(advance());
    FIRN_TRY(type(c));
    FIRN_TRY(nullability(c));
    FIRN_TRY(default_value(c));
    if (!c.default_value.is_null() && c.nullable) FIRN_TRY(nullability(c));
    return c;
  }
  Result<void> type(ColumnSchema& c) {
    if (token_.kind != TokenKind::word) return unexpected("the type of column " + name_in_quotes(c.name));
    const auto type = type_from_name(token_.text);
    if (!type) {
      return Error(
          ErrorCode::parse,
          "unknown type '" + token_.text + "' of column " + name_in_quotes(c.name) +
              "; types are bool, i8 i16 i32 i64, u8 u16 u32 u64, f32 f64, utf8, binary, timestamp, date",
          token_.position);
    }
    c.type = *type;
    return advance();
  }
  Result<void> nullability(ColumnSchema& c) {
    if (at_word("null")) return advance();
    if (!at_word("not")) return {};
    FIRN_TRY(advance());
    if (!at_word("null")) return unexpected("\"null\" after \"not\"");
    c.nullable = false;
    return advance();
  }
  /// The literal is one of the query language: its lexer takes over for as long.
  Result<void> default_value(ColumnSchema& c) {
    if (!at_word("default")) return {};
    const std::size_t begin = token_.position;
    sql::TokenStream tokens(lexer_.text().substr(begin));
    Result<Value> value = sql::take_default(tokens, c.name, c.type);
    if (!value)
      return Error(value.error().code(), value.error().message(),
                   begin + value.error().position().value_or(0));
    c.default_value = std::move(*value);
    lexer_.skip_to(begin + tokens.last_end());
    return advance();
  }

  Lexer lexer_;
  Token token_;
};

Error invalid(std::string message) { return {ErrorCode::invalid_argument, std::move(message)}; }

Result<void> check_name(const std::string& name) {
  if (name.empty()) return invalid("a column name is empty");
  if (name.size() > kNameBytesMax) {
    return invalid("the column name \"" + name.substr(0, 32) + "...\" is longer than 255 bytes");
  }
  if (!is_utf8(name)) return invalid("a column name is not UTF-8");
  if (name.find('\0') != std::string::npos) return invalid("a column name holds a zero byte");
  return {};
}

Result<void> check_columns(const std::vector<ColumnSchema>& columns) {
  if (columns.empty()) return invalid("a table needs at least one column");
  if (columns.size() > kColumnsMax) {
    return invalid("a table has at most 4096 columns, not " + std::to_string(columns.size()));
  }
  std::unordered_set<std::string_view> names;
  std::unordered_set<std::uint32_t> ids;
  for (const ColumnSchema& c : columns) {
    FIRN_TRY(check_name(c.name));
    if (width_of(c.type) == 0 && !is_variable(c.type) && c.type != TypeId::boolean) {
      return invalid("column " + name_in_quotes(c.name) + " cannot have the type " +
                     std::string(name_of(c.type)));
    }
    if (!names.insert(c.name).second) return invalid("two columns have the name " + name_in_quotes(c.name));
    if (c.id != 0 && !ids.insert(c.id).second) {
      return invalid("two columns have the id " + std::to_string(c.id));
    }
  }
  return {};
}

/// Returns the greatest id ever used.
std::uint32_t number_columns(std::vector<ColumnSchema>& columns, std::uint32_t last) {
  for (const ColumnSchema& c : columns) last = std::max(last, c.id);
  for (ColumnSchema& c : columns) {
    if (c.id == 0) c.id = ++last;
  }
  return last;
}

Result<void> check_defaults(std::vector<ColumnSchema>& columns) {
  for (ColumnSchema& c : columns) {
    Result<Value> fitting = coerce(c.default_value, c.type);
    if (!fitting) return fitting.error().within("the default of column " + name_in_quotes(c.name));
    c.default_value = std::move(*fitting);
  }
  return {};
}

std::optional<std::size_t> exact(const std::vector<ColumnSchema>& columns, std::string_view name) noexcept {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == name) return i;
  }
  return std::nullopt;
}

/// Takes a stored `_row` (it has an id) out of the columns, so that a schema can be made from the parts of
/// another. Anywhere else the name is reserved.
Result<std::uint32_t> take_stored_row_column(std::vector<ColumnSchema>& columns, SchemaOptions& options) {
  const auto at = exact(columns, kRowColumn);
  if (!at) return std::uint32_t{0};
  const ColumnSchema& c = columns[*at];
  const bool key_is_row = options.key.empty() || (options.key.size() == 1 && options.key[0] == kRowColumn);
  if (c.id == 0 || c.type != TypeId::u64 || *at + 1 != columns.size() || !key_is_row) {
    return invalid("the name _row is reserved for the key of tables without one");
  }
  const std::uint32_t id = c.id;
  columns.pop_back();
  options.key.clear();
  return id;
}

Result<std::vector<std::size_t>> find_key(std::vector<ColumnSchema>& columns, const SchemaOptions& options) {
  std::vector<std::size_t> key;
  for (const std::string& name : options.key) {
    const auto at = exact(columns, name);
    if (!at) return invalid("the key column " + name_in_quotes(name) + " is not among the columns");
    if (std::find(key.begin(), key.end(), *at) != key.end()) {
      return invalid("the key names column " + name_in_quotes(name) + " twice");
    }
    key.push_back(*at);
    columns[*at].nullable = false;
  }
  return key;
}

Result<std::optional<std::size_t>> find_time(const std::vector<ColumnSchema>& columns,
                                             const std::string& name) {
  if (name.empty()) return std::optional<std::size_t>();
  const auto at = exact(columns, name);
  if (!at) return invalid("the time column " + name_in_quotes(name) + " is not among the columns");
  const TypeId t = columns[*at].type;
  if (!is_temporal(t) && !is_integer(t)) {
    return invalid("the time column " + name_in_quotes(name) +
                   " must be a timestamp, a date or an integer, not " + std::string(name_of(t)));
  }
  return at;
}

}  // namespace

Schema::Schema() {
  static const std::shared_ptr<const Data> kEmpty = std::make_shared<const Data>();
  d_ = kEmpty;
}

Result<Schema> Schema::parse(std::string_view columns, const SchemaOptions& options) {
  FIRN_ASSIGN(auto parsed, Parser(columns).columns());
  return make(std::move(parsed), options);
}

Result<Schema> Schema::make(std::vector<ColumnSchema> columns, const SchemaOptions& given) {
  SchemaOptions options = given;
  auto d = std::make_shared<Data>();
  FIRN_ASSIGN(const std::uint32_t row_id, take_stored_row_column(columns, options));
  FIRN_TRY(check_columns(columns));
  FIRN_TRY(check_defaults(columns));
  FIRN_ASSIGN(d->key, find_key(columns, options));
  FIRN_ASSIGN(d->time, find_time(columns, options.time));
  if (d->key.empty()) {
    d->row_key = true;
    d->key = {columns.size()};
    columns.push_back({row_id, std::string(kRowColumn), TypeId::u64, false});
    if (std::count_if(columns.begin(), columns.end(),
                      [&](const auto& c) { return row_id != 0 && c.id == row_id; }) > 1) {
      return invalid("two columns have the id " + std::to_string(row_id));
    }
  }
  d->last_column_id = number_columns(columns, options.last_column_id);
  d->columns = std::move(columns);
  return Schema(std::move(d));
}

Schema Schema::for_result(std::vector<ColumnSchema> columns) {
  auto d = std::make_shared<Data>();
  d->columns = std::move(columns);
  return Schema(std::move(d));
}

std::optional<std::size_t> Schema::find(std::string_view name) const noexcept {
  if (const auto at = exact(d_->columns, name)) return at;
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < size(); ++i) {
    if (!same_word(d_->columns[i].name, name)) continue;
    if (found) return std::nullopt;
    found = i;
  }
  return found;
}

std::optional<std::size_t> Schema::find_id(std::uint32_t column_id) const noexcept {
  for (std::size_t i = 0; i < size(); ++i) {
    if (d_->columns[i].id == column_id) return i;
  }
  return std::nullopt;
}

std::string Schema::to_string() const {
  std::string out;
  const std::size_t shown = has_row_key() ? size() - 1 : size();
  for (std::size_t i = 0; i < shown; ++i) {
    const ColumnSchema& c = d_->columns[i];
    if (i != 0) out += ", ";
    out += is_plain_word(c.name) ? c.name : name_in_quotes(c.name);
    out.append(" ").append(name_of(c.type)).append(c.nullable ? "" : " not null");
    if (!c.default_value.is_null()) out += " default " + sql::literal_text(c.default_value);
  }
  return out;
}

bool Schema::operator==(const Schema& o) const noexcept {
  return d_ == o.d_ || (d_->columns == o.d_->columns && d_->key == o.d_->key && d_->time == o.d_->time &&
                        d_->row_key == o.d_->row_key);
}

}  // namespace firn
