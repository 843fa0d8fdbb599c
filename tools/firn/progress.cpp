#include "progress.hpp"

#include <algorithm>
#include <cstdio>
#include <string>

#include "human.hpp"
#include "output.hpp"

namespace firn::cli {
namespace {

constexpr std::chrono::milliseconds kRedraw{200};
constexpr std::size_t kBarWidth = 20;

std::string bar(double part) {
  const auto full = static_cast<std::size_t>(part * static_cast<double>(kBarWidth));
  std::string text = "[";
  for (std::size_t i = 0; i < kBarWidth; ++i) text += i < full ? (use_unicode() ? "█" : "#") : " ";
  return text + "] " + decimals(part * 100, 0) + " %  ";
}

}  // namespace

Progress::Progress(bool shown, std::uint64_t bytes_total)
    : shown_(shown && stderr_is_terminal()), bytes_total_(bytes_total) {}

void Progress::show(std::uint64_t rows, std::uint64_t bytes) {
  const Clock::time_point now = Clock::now();
  if (!shown_ || now - last_ < kRedraw) return;
  last_ = now;
  drawn_ = true;
  const double seconds = std::max(1e-3, std::chrono::duration<double>(now - start_).count());
  std::string line;
  if (bytes_total_ != 0)
    line += bar(std::min(1.0, static_cast<double>(bytes) / static_cast<double>(bytes_total_)));
  line += std::to_string(rows) + " rows  " + human_count(static_cast<double>(rows) / seconds) + " rows/s  " +
          decimals(static_cast<double>(bytes) / seconds / 1e6, 1) + " MB/s";
  if (bytes_total_ > bytes && bytes != 0) {
    const double left = seconds * static_cast<double>(bytes_total_ - bytes) / static_cast<double>(bytes);
    line += "  " + human_time(static_cast<std::int64_t>(left) * 1'000'000) + " to go";
  }
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
}

void Progress::clear() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

std::int64_t Progress::elapsed_us() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start_).count();
}

}  // namespace firn::cli
