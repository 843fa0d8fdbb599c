// Names and literals of a query, each once, in the order in which the text first shows them. Not thread-safe.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "schema/query.hpp"

namespace firn::sql {

class Symbols {
 public:
  /// Adds to query.names and query.literals; the query must outlive this.
  explicit Symbols(Query& query) : query_(query) {}

  std::uint32_t name(std::string_view name);
  /// Literals are the same if type and bits are (0.0 and -0.0 are two).
  std::uint32_t literal(Value value);

 private:
  Query& query_;
  std::unordered_map<std::string, std::uint32_t> names_;
  std::unordered_map<std::string, std::uint32_t> literals_;
};

}  // namespace firn::sql
