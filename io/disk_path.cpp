#include "io/disk_path.hpp"

#include <algorithm>

namespace firn::io {
namespace {

constexpr std::size_t kPartBytesMax = 255;  // NAME_MAX of every common file system

bool is_sound_part(std::string_view part) {
  return !part.empty() && part != "." && part != ".." && part.size() <= kPartBytesMax &&
         part.find('\0') == std::string_view::npos;
}

}  // namespace

Result<std::vector<std::string>> path_parts(std::string_view path) {
  std::vector<std::string> parts;
  if (path.empty() || path == ".") return parts;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t slash = std::min(path.find('/', from), path.size());
    const std::string_view part = path.substr(from, slash - from);
    if (!is_sound_part(part)) {
      return Error(ErrorCode::invalid_argument,
                   "path '" + std::string(path) + "' is not relative to the disk's root and free of '..'");
    }
    parts.emplace_back(part);
    from = slash + 1;
  }
  return parts;
}

std::string parent_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}

std::string leaf_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace firn::io
