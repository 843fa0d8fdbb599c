// Paths as a Disk takes them: relative, '/' between parts, no empty, "." or ".." part. "" and "." are the
// root.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "schema/result.hpp"

namespace firn::io {

/// The parts of a path; none for the root. {invalid_argument} for anything that could leave the root.
Result<std::vector<std::string>> path_parts(std::string_view path);
/// "a/b" for "a/b/c", "" for "c". Requires a valid path.
std::string parent_path(std::string_view path);
/// "c" for "a/b/c". Requires a valid path.
std::string leaf_name(std::string_view path);

}  // namespace firn::io
