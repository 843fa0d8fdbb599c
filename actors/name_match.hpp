// Names that a user may have meant.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace firn::runtime {

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;
/// "; did you mean \"events\" or \"event\"?", or "" if nothing is near.
std::string suggest(std::string_view name, std::span<const std::string> known);

}  // namespace firn::runtime
