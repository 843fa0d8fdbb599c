// A query's answer on standard output, in the formats that `firn query --format` takes.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include <firn/firn.hpp>

namespace firn::cli {

enum class ResultFormat { table, csv, json, ndjson, markdown, arrow };
inline constexpr std::string_view kResultFormats = "table|csv|json|ndjson|markdown|arrow";

std::optional<ResultFormat> result_format_of(std::string_view name) noexcept;
/// Prints piece by piece: the text of a large answer is never whole in memory.
void print_result(const DataFrame& frame, ResultFormat format);

}  // namespace firn::cli
