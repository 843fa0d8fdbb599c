// device: what no system can beat here. An append is measured both into a file that grows (the file system must
// log the new length) and into room that was written before (data only): firn's logs prepare their room.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "tools/bench/bench.hpp"

namespace firn::bench {

namespace {

constexpr std::size_t kChunk = 4U << 20;
const char* const kSystem = "device";

void check(bool ok, const char* what) {
  if (!ok) throw Error(ErrorCode::io, std::string("device: ") + what + ": " + std::strerror(errno));
}

class ScratchFile {
 public:
  explicit ScratchFile(std::filesystem::path path) : path_(std::move(path)) { reopen(O_CREAT | O_TRUNC); }
  ~ScratchFile() {
    ::close(fd_);
    std::filesystem::remove(path_);
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  /// False if the file system refuses the flags.
  bool reopen(int flags) {
    const int fd = ::open(path_.c_str(), O_RDWR | O_CLOEXEC | flags, 0600);
    if (fd < 0) return false;
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
    return true;
  }
  int fd() const { return fd_; }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

/// Small tables get a short look.
int syncs(const Bench& bench) {
  return static_cast<int>(std::clamp<std::uint64_t>(bench.options().rows / 1000, 20, 500));
}
std::size_t sequential_bytes(const Bench& bench) {
  return std::clamp<std::size_t>(bench.options().rows * 200 / kChunk, 4, 64) * kChunk;
}

double sync_p50_us(Bench& bench, std::size_t bytes, bool room) {
  const int times = syncs(bench);
  const ScratchFile file(bench.fresh(kSystem));
  const std::vector<char> block(bytes, 'x');
  if (room) {
    const std::vector<char> zeros(bytes * static_cast<std::size_t>(times));
    check(::pwrite(file.fd(), zeros.data(), zeros.size(), 0) == static_cast<ssize_t>(zeros.size()), "write");
    check(::fsync(file.fd()) == 0, "sync");
  }
  std::vector<double> us;
  for (int i = 0; i < times; ++i) {
    const Stopwatch watch;
    check(::pwrite(file.fd(), block.data(), bytes, static_cast<off_t>(bytes) * i) ==
              static_cast<ssize_t>(bytes),
          "write");
    check(::fdatasync(file.fd()) == 0, "sync");
    us.push_back(watch.us());
  }
  return quantile(us, 0.5);
}

void sequential(Bench& bench, bool counts) {
  const std::size_t all = sequential_bytes(bench);
  ScratchFile file(bench.fresh(kSystem));
  const bool direct = file.reopen(O_DIRECT);
  const std::unique_ptr<char, void (*)(void*)> block(static_cast<char*>(std::aligned_alloc(4096, kChunk)),
                                                     std::free);
  std::memset(block.get(), 'x', kChunk);
  const std::string suffix = direct ? "_direct" : "";
  const Stopwatch writing;
  for (std::size_t at = 0; at < all; at += kChunk)
    check(::pwrite(file.fd(), block.get(), kChunk, static_cast<off_t>(at)) == static_cast<ssize_t>(kChunk),
          "write");
  check(::fdatasync(file.fd()) == 0, "sync");
  const double wrote = static_cast<double>(all) / writing.us();
  const Stopwatch reading;
  for (std::size_t at = 0; at < all; at += kChunk)
    check(::pread(file.fd(), block.get(), kChunk, static_cast<off_t>(at)) == static_cast<ssize_t>(kChunk),
          "read");
  const double read = static_cast<double>(all) / reading.us();
  if (!counts) return;
  bench.report().add("device", kSystem, "sequential_write" + suffix, "MB/s", wrote);
  bench.report().add("device", kSystem, "sequential_read" + suffix, "MB/s", read);
}

}  // namespace

void run_device(Bench& bench, const std::string& name) {
  for (int run = -1; run < bench.options().runs; ++run) {
    for (const std::size_t bytes : {std::size_t{256}, std::size_t{4096}}) {
      const double room = sync_p50_us(bench, bytes, true), grow = sync_p50_us(bench, bytes, false);
      if (run < 0) continue;
      bench.report().add(name, kSystem, "append_sync_" + std::to_string(bytes) + "_p50", "us", room);
      bench.report().add(name, kSystem, "growing_append_sync_" + std::to_string(bytes) + "_p50", "us", grow);
    }
    sequential(bench, run >= 0);
  }
}

}  // namespace firn::bench
