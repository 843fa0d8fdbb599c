// What several commands read from their words in the same way: schemas, lists of names, option=value.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <firn/firn.hpp>

namespace firn::cli {

/// "a,b" -> {"a", "b"}; blanks around names are dropped. Throws UsageError for an empty name.
std::vector<std::string> split_names(std::string_view option, std::string_view text);
/// Throws UsageError with the parser's words.
Schema parse_schema(const std::string& columns, const SchemaOptions& options);
/// Sets "option=value" in `config`; throws UsageError. Returns the option's name.
std::string apply_setting(HybridTableConfig& config, const std::string& setting);
/// A name as SQL writes it: quoted, with "" inside.
std::string quoted_name(std::string_view name);

}  // namespace firn::cli
