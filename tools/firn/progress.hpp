// Progress of long work: one line on stderr, redrawn a few times a second, on a terminal only.
#pragma once
#include <chrono>
#include <cstdint>

namespace firn::cli {

class Progress {
 public:
  /// bytes_total 0: unknown, so there is no bar and no time to go.
  Progress(bool shown, std::uint64_t bytes_total);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(std::uint64_t rows, std::uint64_t bytes);
  /// Removes the line, so that something else can be said.
  void clear();
  std::int64_t elapsed_us() const;

 private:
  using Clock = std::chrono::steady_clock;
  bool shown_, drawn_ = false;
  std::uint64_t bytes_total_;
  Clock::time_point start_ = Clock::now(), last_{};
};

}  // namespace firn::cli
