// What this process holds just now, as the kernel counts it: memory, threads, descriptors; and what a folder holds.
#pragma once
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace firn::testing {

inline constexpr std::uint64_t kMiB = 1u << 20;

/// Sanitizers add memory and threads of their own: what they blow up is printed, not asserted.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// A figure of /proc/self/status in bytes: "VmRSS" (now), "VmHWM" (the most since forget_peak()).
inline std::uint64_t memory_bytes(std::string_view figure) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(figure)) return std::stoull(line.substr(figure.size() + 1)) * 1024;
  }
  return 0;
}

/// Gives back what earlier tests freed, and counts the peak (VmHWM) from now on.
inline void forget_peak() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << '5';
}

inline std::size_t entries_of(const std::filesystem::path& folder) {
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++n;
  return n;
}
inline std::size_t thread_count() { return entries_of("/proc/self/task"); }
inline std::size_t descriptor_count() { return entries_of("/proc/self/fd"); }

/// Blocks that the device has given to the files of a folder and to the folders themselves.
inline std::uint64_t allocated_bytes(const std::filesystem::path& folder) {
  std::uint64_t blocks = 0;
  const auto add = [&](const std::filesystem::path& path) {
    struct stat s {};
    if (lstat(path.c_str(), &s) == 0) blocks += static_cast<std::uint64_t>(s.st_blocks);
  };
  add(folder);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) add(entry.path());
  return blocks * 512;
}

/// The soft limit of descriptors, put back at the end.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t files) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit now = before_;
    now.rlim_cur = std::min(files, before_.rlim_max);
    setrlimit(RLIMIT_NOFILE, &now);
  }
  ~DescriptorLimit() { setrlimit(RLIMIT_NOFILE, &before_); }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;

 private:
  rlimit before_{};
};

}  // namespace firn::testing
