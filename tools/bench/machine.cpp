#include "tools/bench/machine.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <vector>

#include "schema/result.hpp"

namespace firn::bench {

namespace {

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

/// Type and device of the mount that holds the folder: the longest mount point above it.
std::string file_system(const std::filesystem::path& folder) {
  const std::string path = std::filesystem::weakly_canonical(folder).string();
  std::ifstream in("/proc/self/mounts");
  std::string best, found = "unknown";
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string device, point, type, options;
    words >> device >> point >> type >> options;
    if (!path.starts_with(point) || point.size() < best.size()) continue;
    best = point;
    found = fmt::format("{} on {} ({})", type, device, options);
  }
  return found;
}

void add_blocks(const std::filesystem::path& path, std::uint64_t& bytes) {
  struct stat s {};
  if (::lstat(path.c_str(), &s) != 0) throw Error(ErrorCode::io, "stat " + path.string());
  bytes += static_cast<std::uint64_t>(s.st_blocks) * 512;  // st_blocks counts units of 512 bytes everywhere
}

}  // namespace

Setting describe_machine(const std::filesystem::path& folder) {
  utsname u{};
  ::uname(&u);
  const double gib =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 0x1p30;
  return {
      {"machine", fmt::format("{}, {} cores, {:.0f} GiB", processor(), ::sysconf(_SC_NPROCESSORS_ONLN), gib)},
      {"kernel", fmt::format("{} {}", u.sysname, u.release)},
      {"fs", file_system(folder)},
      {"compiler", fmt::format("g++ {}", __VERSION__)}};
}

std::uint64_t allocated_bytes(const std::filesystem::path& folder) {
  std::uint64_t bytes = 0;
  add_blocks(folder, bytes);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    add_blocks(entry.path(), bytes);
  return bytes;
}

double cpu_seconds() {
  double seconds = 0;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    ::getrusage(who, &used);
    for (const timeval& t : {used.ru_utime, used.ru_stime})
      seconds += static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  }
  return seconds;
}

}  // namespace firn::bench
