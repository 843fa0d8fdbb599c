// Which firn this is: the project's version in CMakeLists.txt, by hand.
#pragma once

namespace firn::cli {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace firn::cli
