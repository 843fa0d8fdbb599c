#include "table_options.hpp"

#include "exit_status.hpp"

namespace firn::cli {

std::vector<std::string> split_names(std::string_view option, std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    std::string_view name = text.substr(at, comma - at);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (name.empty()) throw UsageError("--" + std::string(option) + " has an empty name");
    names.emplace_back(name);
    at = comma + 1;
  }
  return names;
}

Schema parse_schema(const std::string& columns, const SchemaOptions& options) {
  Result<Schema> schema = Schema::parse(columns, options);
  if (schema) return *schema;
  std::string message = schema.error().message();
  // The caret lines do not fit one line; the place is named instead.
  message.resize(std::min(message.find('\n'), message.size()));
  if (schema.error().position()) message += " (at byte " + std::to_string(*schema.error().position()) + ")";
  throw UsageError("schema: " + message);
}

std::string apply_setting(HybridTableConfig& config, const std::string& setting) {
  const std::size_t equals = setting.find('=');
  if (equals == std::string::npos || equals == 0)
    throw UsageError("'" + setting + "' is not option=value, for example placement=cold");
  std::string name = setting.substr(0, equals);
  if (Result<void> done = config.set(name, std::string_view(setting).substr(equals + 1)); !done)
    throw UsageError(done.error().message());
  return name;
}

std::string quoted_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace firn::cli
