// One SELECT statement: its clauses in order. See schema/query.hpp for what comes out.
#pragma once
#include <optional>
#include <string>

#include "schema/query.hpp"
#include "schema/sql/expression_parser.hpp"
#include "schema/sql/symbols.hpp"
#include "schema/sql/token_stream.hpp"

namespace firn::sql {

/// Items in each of SELECT, GROUP BY and ORDER BY.
inline constexpr std::size_t kQueryItemsMax = 4096;

class StatementParser {
 public:
  /// query.text is the text, already checked for size and encoding.
  explicit StatementParser(Query& query)
      : query_(query), tokens_(query.text), symbols_(query), expressions_(tokens_, symbols_, query) {}

  Result<void> parse_statement();
  Result<void> parse_condition();

 private:
  Result<void> expect_select();
  Result<void> parse_items();
  Result<void> parse_item();
  Result<bool> parse_star();
  Result<void> parse_item_name(SelectItem& item);
  Result<void> expect_from();
  Result<void> parse_table();
  Result<void> parse_alias();
  Result<void> refuse_second_table();
  bool at_clause();
  Result<void> parse_times();
  bool at_as_of();
  Result<void> parse_changes();
  Error refuse_since_of_changes(std::uint32_t position);
  Result<void> parse_as_of();
  Result<void> parse_csn();
  struct Moment {
    std::int64_t us = 0;
    std::optional<std::int64_t> ago_us;
  };
  /// What errors ask for: CHANGES SINCE takes a CSN as well.
  struct MomentWords {
    std::string_view wanted, forms, of_text;
  };
  static const MomentWords kTime, kCommitOrTime;
  Result<Moment> parse_moment(const MomentWords& words);
  Result<Moment> parse_now();
  Result<Moment> parse_moment_literal(const MomentWords& words);
  Result<void> parse_group_by();
  Result<void> parse_order_by();
  Result<void> parse_order_item();
  Result<void> parse_limit();
  Result<std::uint64_t> parse_whole_number(std::string_view what);
  Result<void> expect_end();
  Result<void> check_qualifiers();
  Result<void> check_count(std::size_t n, std::string_view what);

  Query& query_;
  TokenStream tokens_;
  Symbols symbols_;
  ExpressionParser expressions_;
  std::string alias_;
  Token last_item_name_{};  // a name given without AS: perhaps a misspelt FROM
};

}  // namespace firn::sql
