// The clauses behind the table: SINCE, CHANGES SINCE, AS OF, GROUP BY, ORDER BY, LIMIT. See statement_parser.hpp.
#include <charconv>
#include <limits>

#include "schema/sql/keywords.hpp"
#include "schema/sql/literals.hpp"
#include "schema/sql/statement_parser.hpp"

namespace firn::sql {

const StatementParser::MomentWords StatementParser::kTime = {
    "a time",
    "a time is a number (seconds, milliseconds or microseconds), 'YYYY-MM-DD[ HH:MM:SS]', or NOW() - 1h", ""};
const StatementParser::MomentWords StatementParser::kCommitOrTime = {
    "a commit number (CSN) or a time",
    "changes are given since a commit number (CSN), a bare whole number, or since a time, "
    "'YYYY-MM-DD[ HH:MM:SS]' or NOW() - 1h",
    "; a commit number (CSN) stands without quotes"};

bool StatementParser::at_as_of() {
  if (tokens_.at_word("AS")) return tokens_.at_word("OF", 1);
  if (tokens_.at_word("FOR")) return true;
  return (tokens_.at_word("TIMESTAMP") || tokens_.at_word("VERSION")) && tokens_.at_word("AS", 1);
}

// SINCE or CHANGES SINCE, and AS OF, each at most once, in either order.
Result<void> StatementParser::parse_times() {
  for (;;) {
    const std::uint32_t position = tokens_.peek().begin;
    const bool changes = query_.changes != ChangesSince::none;
    if (tokens_.at_word("CHANGES")) {
      if (changes) return tokens_.fault(position, "CHANGES SINCE is given twice");
      if (query_.since_us || query_.since_ago_us) return refuse_since_of_changes(position);
      FIRN_TRY(parse_changes());
    } else if (tokens_.at_word("SINCE")) {
      if (changes) return refuse_since_of_changes(position);
      if (query_.since_us || query_.since_ago_us) return tokens_.fault(position, "SINCE is given twice");
      tokens_.take();
      FIRN_ASSIGN(const Moment moment, parse_moment(kTime));
      query_.since_ago_us = moment.ago_us;
      if (!moment.ago_us) query_.since_us = moment.us;
    } else if (at_as_of()) {
      if (query_.travel != TimeTravel::none) return tokens_.fault(position, "AS OF is given twice");
      FIRN_TRY(parse_as_of());
    } else {
      return {};
    }
  }
}

Error StatementParser::refuse_since_of_changes(std::uint32_t position) {
  return tokens_.unsupported(position,
                             "SINCE (event time) does not go with CHANGES SINCE (commits): compare the time "
                             "column in WHERE");
}

// A bare whole number is a CSN here, anything else a time.
Result<void> StatementParser::parse_changes() {
  tokens_.take();
  FIRN_TRY(tokens_.expect_word("SINCE"));
  const bool named = tokens_.accept_word("CSN");
  if (named || tokens_.peek().kind == TokenKind::integer) {
    FIRN_ASSIGN(query_.changes_csn, parse_whole_number("a commit number (CSN)"));
    query_.changes = ChangesSince::csn;
  } else {
    FIRN_ASSIGN(const Moment moment, parse_moment(kCommitOrTime));
    query_.changes = ChangesSince::time;
    query_.changes_ago_us = moment.ago_us;
    query_.changes_us = moment.us;
  }
  if (!tokens_.accept_word("WITH")) return {};
  query_.changes_before = true;
  return tokens_.expect_word("BEFORE");
}

Result<void> StatementParser::parse_as_of() {
  const bool standard = tokens_.accept_word("FOR");
  if (standard && !tokens_.at_word("SYSTEM_TIME") && !tokens_.at_word("TIMESTAMP") &&
      !tokens_.at_word("VERSION"))
    return tokens_.unexpected("SYSTEM_TIME, TIMESTAMP or VERSION");
  const bool versions = tokens_.accept_word("VERSION");
  if (!versions && !tokens_.at_word("AS")) tokens_.take();
  if (standard && !tokens_.at_word("AS"))
    return tokens_.unsupported(tokens_.peek().begin,
                               "this dialect looks at one time, AS OF t, not at a range");
  FIRN_TRY(tokens_.expect_word("AS"));
  FIRN_TRY(tokens_.expect_word("OF"));
  if (versions || tokens_.accept_word("CSN")) return parse_csn();
  FIRN_ASSIGN(const Moment moment, parse_moment(kTime));
  query_.travel = TimeTravel::as_of_time;
  query_.as_of_ago_us = moment.ago_us;
  query_.as_of_us = moment.us;
  return {};
}

Result<void> StatementParser::parse_csn() {
  FIRN_ASSIGN(query_.as_of_csn, parse_whole_number("a commit number (CSN)"));
  query_.travel = TimeTravel::as_of_csn;
  return {};
}

Result<StatementParser::Moment> StatementParser::parse_moment(const MomentWords& words) {
  const bool is_now =
      tokens_.at_word("CURRENT_TIMESTAMP") || (tokens_.at_word("NOW") && tokens_.at_symbol("(", 1));
  return is_now ? parse_now() : parse_moment_literal(words);
}

// NOW() [- duration]; the difference is kept, for NOW() is fixed only when the query runs.
Result<StatementParser::Moment> StatementParser::parse_now() {
  if (tokens_.at_word("NOW")) {
    tokens_.take();
    FIRN_TRY(tokens_.expect_symbol("("));
    FIRN_TRY(tokens_.expect_symbol(")"));
  } else {
    tokens_.take();
  }
  Moment moment;
  moment.ago_us = 0;
  if (!tokens_.at_symbol("-") && !tokens_.at_symbol("+")) return moment;
  const bool later = tokens_.at_symbol("+");
  tokens_.take();
  if (!at_duration(tokens_)) return tokens_.unexpected("a duration such as 1h, 30m or INTERVAL '1 day'");
  FIRN_ASSIGN(const std::int64_t us, take_duration(tokens_));
  moment.ago_us = later ? -us : us;
  return moment;
}

Result<StatementParser::Moment> StatementParser::parse_moment_literal(const MomentWords& words) {
  Moment moment;
  const bool negative = tokens_.accept_symbol("-");
  const Token token = tokens_.peek();
  if (token.kind == TokenKind::integer || token.kind == TokenKind::hex) {
    tokens_.take();
    FIRN_ASSIGN(const Value value, value_of_literal(tokens_, token, negative));
    if (value.type() != TypeId::i64) return tokens_.fault(token.begin, std::string(words.forms));
    moment.us = time_from_number(value.as_signed());
    return moment;
  }
  if (negative || token.kind == TokenKind::bad) return tokens_.unexpected(words.wanted);
  if (token.kind == TokenKind::text) {
    tokens_.take();
    auto us = parse_timestamp(unquote(tokens_.text(token)));
    if (!us) return tokens_.fault(token.begin, us.error().message() + std::string(words.of_text));
    moment.us = *us;
    return moment;
  }
  if (!at_typed_literal(tokens_) || tokens_.at_word("INTERVAL")) {
    if (token.kind == TokenKind::end) return tokens_.unexpected(words.wanted);
    return tokens_.fault(token.begin, std::string(words.forms));
  }
  FIRN_ASSIGN(const Value value, take_typed_literal(tokens_));
  constexpr std::int64_t kDayUs = 86'400'000'000;
  if (value.type() == TypeId::timestamp)
    moment.us = value.as_signed();
  else if (__builtin_mul_overflow(value.as_signed(), kDayUs, &moment.us))
    return tokens_.fault(token.begin, "this date is beyond the range of timestamps");
  return moment;
}

Result<void> StatementParser::parse_group_by() {
  tokens_.take();
  FIRN_TRY(tokens_.expect_word("BY"));
  do {
    FIRN_ASSIGN(Expr expr, expressions_.parse());
    query_.group_by.push_back(std::move(expr));
    FIRN_TRY(check_count(query_.group_by.size(), "GROUP BY"));
  } while (tokens_.accept_symbol(","));
  return {};
}

Result<void> StatementParser::parse_order_by() {
  tokens_.take();
  FIRN_TRY(tokens_.expect_word("BY"));
  do {
    FIRN_TRY(parse_order_item());
    FIRN_TRY(check_count(query_.order_by.size(), "ORDER BY"));
  } while (tokens_.accept_symbol(","));
  return {};
}

Result<void> StatementParser::parse_order_item() {
  OrderItem item;
  FIRN_ASSIGN(item.expr, expressions_.parse());
  if (tokens_.accept_word("DESC")) {
    item.descending = true;
  } else {
    tokens_.accept_word("ASC");
  }
  if (tokens_.accept_word("NULLS")) {
    item.nulls_first = tokens_.at_word("FIRST");
    if (!tokens_.at_word("FIRST") && !tokens_.at_word("LAST")) return tokens_.unexpected("FIRST or LAST");
    tokens_.take();
  }
  query_.order_by.push_back(std::move(item));
  return {};
}

Result<void> StatementParser::parse_limit() {
  if (tokens_.accept_word("LIMIT")) {
    FIRN_ASSIGN(query_.limit, parse_whole_number("a number of rows"));
    if (tokens_.at_symbol(","))
      return tokens_.fault(tokens_.peek().begin,
                           "write LIMIT n OFFSET m: other dialects disagree on LIMIT m, n");
  }
  if (tokens_.accept_word("OFFSET")) {
    FIRN_ASSIGN(query_.offset, parse_whole_number("a number of rows"));
  }
  return {};
}

Result<std::uint64_t> StatementParser::parse_whole_number(std::string_view what) {
  const Token token = tokens_.peek();
  if (token.kind != TokenKind::integer) return tokens_.unexpected(what);
  const std::string_view digits = tokens_.text(token);
  std::uint64_t v = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), v).ec != std::errc{})
    return tokens_.fault(token.begin, "this number is above 18446744073709551615");
  tokens_.take();
  return v;
}

}  // namespace firn::sql
