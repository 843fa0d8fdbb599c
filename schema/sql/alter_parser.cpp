// parse_alter(), and a schema change as text again.
#include "schema/query.hpp"
#include "schema/schema_change.hpp"
#include "schema/sql/default_clause.hpp"

namespace firn {
namespace sql {
namespace {

class AlterParser {
 public:
  explicit AlterParser(std::string_view text) : tokens_(text) {}

  Result<AlterStatement> parse() {
    const bool column_named_table = tokens_.at_word("TYPE", 2) || tokens_.at_word("SET", 2);
    if (tokens_.at_word("ALTER") && tokens_.at_word("TABLE", 1) && !column_named_table) {
      tokens_.take();
      tokens_.take();
      FIRN_ASSIGN(statement_.table, take_word("the name of a table"));
    }
    FIRN_TRY(change());
    tokens_.accept_symbol(";");
    if (!tokens_.at_end()) return tokens_.unexpected("the end of the change");
    return std::move(statement_);
  }

 private:
  Result<void> change() {
    static constexpr std::string_view kKinds[] = {"ADD", "DROP", "RENAME", "ALTER"};
    if (tokens_.accept_word("ADD")) return add();
    if (tokens_.accept_word("DROP")) return drop();
    if (tokens_.accept_word("RENAME")) return rename();
    if (tokens_.accept_word("ALTER")) return widen();
    return tokens_.unexpected("ADD, DROP, RENAME or ALTER", kKinds);
  }
  Result<void> add() {
    FIRN_TRY(column(SchemaChange::Kind::add));
    FIRN_TRY(type());
    for (;;) {
      if (tokens_.accept_word("NOT")) {
        FIRN_TRY(tokens_.expect_word("NULL"));
        out().nullable = false;
      } else if (tokens_.at_word("DEFAULT")) {
        FIRN_ASSIGN(out().default_value, take_default(tokens_, out().column, out().type));
      } else if (!tokens_.accept_word("NULL")) {
        return {};
      }
    }
  }
  Result<void> drop() { return column(SchemaChange::Kind::drop); }
  Result<void> rename() {
    FIRN_TRY(column(SchemaChange::Kind::rename));
    FIRN_TRY(tokens_.expect_word("TO"));
    FIRN_ASSIGN(out().new_name, take_word("the new name"));
    return {};
  }
  Result<void> widen() {
    FIRN_TRY(column(SchemaChange::Kind::widen));
    if (tokens_.accept_word("SET")) FIRN_TRY(tokens_.expect_word("DATA"));
    FIRN_TRY(tokens_.expect_word("TYPE"));
    return type();
  }

  Result<void> column(SchemaChange::Kind kind) {
    out().kind = kind;
    tokens_.accept_word("COLUMN");
    FIRN_ASSIGN(out().column, take_word("the name of a column"));
    return {};
  }
  Result<std::string> take_word(std::string_view what) {
    const TokenKind kind = tokens_.peek().kind;
    if (kind != TokenKind::word && kind != TokenKind::quoted_name) return tokens_.unexpected(what);
    return tokens_.take_name();
  }
  Result<void> type() {
    const Token token = tokens_.peek();
    if (token.kind != TokenKind::word) return tokens_.unexpected("the name of a type");
    tokens_.take();
    const auto type = type_from_name(tokens_.text(token));
    if (!type || *type == TypeId::invalid || *type == TypeId::null)
      return tokens_.fault(token.begin,
                           "no type is named '" + std::string(tokens_.text(token).substr(0, 40)) +
                               "': there are bool, i8 to i64, u8 to u64, f32, f64, utf8, binary, "
                               "timestamp and date");
    out().type = *type;
    return {};
  }
  SchemaChange& out() { return statement_.change; }

  TokenStream tokens_;
  AlterStatement statement_;
};

std::string column_text(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

}  // namespace
}  // namespace sql

Result<AlterStatement> parse_alter(std::string_view text) {
  if (text.size() > kQueryTextMax)
    return Error(ErrorCode::parse,
                 "the change's text is longer than " + std::to_string(kQueryTextMax) + " bytes",
                 kQueryTextMax);
  if (const std::size_t bad = sql::find_bad_utf8(text); bad != std::string_view::npos)
    return Error(ErrorCode::parse, "the change's text is not UTF-8\n" + caret(text, bad), bad);
  return sql::AlterParser(text).parse();
}

std::string SchemaChange::to_string() const {
  const std::string name = sql::column_text(column);
  switch (kind) {
    case Kind::add: {
      std::string text = "ADD COLUMN " + name + " " + std::string(name_of(type));
      if (!nullable) text += " NOT NULL";
      if (!default_value.is_null()) text += " DEFAULT " + sql::literal_text(default_value);
      return text;
    }
    case Kind::drop:
      return "DROP COLUMN " + name;
    case Kind::rename:
      return "RENAME COLUMN " + name + " TO " + sql::column_text(new_name);
    case Kind::widen:
      return "ALTER COLUMN " + name + " TYPE " + std::string(name_of(type));
  }
  return {};
}

}  // namespace firn
