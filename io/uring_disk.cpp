#include "io/uring_disk.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "io/os_error.hpp"
#include "io/posix_file.hpp"
#include "io/staging.hpp"
#include "io/uring.hpp"

namespace firn::io {
namespace {

// Below this plain calls are cheaper than a round through the ring, which is left to threads that move more.
constexpr std::size_t kRingReadBytesMin = 512 * 1024;
constexpr std::size_t kRingWriteBytesMin = 512 * 1024;
// Below this two plain calls make bytes durable sooner than a linked pair: the kernel hands a ring's sync to a thread of
// its own. (300 bytes: 151 us against 166.)
constexpr std::size_t kRingSyncBytesMin = 64 * 1024;

// From here on the device takes a write from memory of ours instead of the page cache: a copy of 9 MiB costs 1 ms, their
// way through the page cache and out of it more than 2, and the device can begin sooner.
constexpr std::size_t kDirectBytesMin = std::size_t{1} << 20;
constexpr std::uint64_t kDirectAlignment = 4096;
// Pieces of a direct write that are under way at once.
constexpr std::size_t kDirectWindow = 5;
static_assert(kDirectWindow <= kRingRequestsMax);

struct Piece {
  std::size_t from = 0;
  std::size_t length = 0;
};

/// Bytes of parts, one range after another.
class PartsReader {
 public:
  explicit PartsReader(Parts parts) : parts_(parts) {}
  void read(std::uint8_t* to, std::size_t n) {
    while (n != 0) {
      const std::span<const std::uint8_t> rest = parts_.front().subspan(used_);
      const std::size_t some = std::min(n, rest.size());
      if (some != 0) std::memcpy(to, rest.data(), some);
      to += some, n -= some, used_ += some;
      if (used_ == parts_.front().size()) parts_ = parts_.subspan(1), used_ = 0;
    }
  }

 private:
  Parts parts_;
  std::size_t used_ = 0;
};

std::uint64_t bytes_of(Parts parts) {
  std::uint64_t sum = 0;
  for (const auto& part : parts) sum += part.size();
  return sum;
}

class UringFile final : public PosixFile {
 public:
  using PosixFile::PosixFile;

  Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    Ring* ring = out.size() < kRingReadBytesMin ? nullptr : thread_ring(RingUse::read);
    if (ring != nullptr && transfer(*ring, RingRequest::Kind::read, offset, out.data(), out.size()) == 0)
      return {};
    return PosixFile::read_at(offset, out);  // also the retry after an error, and the place that words it
  }

  Result<void> write_at(std::uint64_t offset, std::span<const std::uint8_t> bytes) override {
    FIRN_TRY(check_owner());
    Ring* ring = bytes.size() < kRingWriteBytesMin ? nullptr : thread_ring();
    if (ring == nullptr) return PosixFile::write_at(offset, bytes);
    const int e = transfer(*ring, RingRequest::Kind::write, offset, writable(bytes), bytes.size());
    if (e == ECANCELED) return PosixFile::write_at(offset, bytes);
    if (e != 0) return os_error("write", path(), offset, e);
    return {};
  }

  // Past the page cache where that pays: `meanwhile` runs while the device takes what was copied.
  Result<void> write_parts(std::uint64_t offset, Parts parts,
                           const std::function<void()>& meanwhile) override {
    FIRN_TRY(check_owner());
    Ring* ring = bytes_of(parts) < kDirectBytesMin ? nullptr : thread_ring();
    const UniqueFd direct = ring == nullptr ? UniqueFd() : open_direct();
    Staging first = direct.valid() ? take_staging() : Staging();
    if (!first) return PosixFile::write_parts(offset, parts, meanwhile);
    Window window(*ring, direct.get(), std::move(first));
    return write_direct(window, offset, parts, meanwhile);
  }

  Result<void> write_and_sync(std::uint64_t offset, std::span<const std::uint8_t> bytes) override {
    FIRN_TRY(check_may_sync());
    Ring* ring = bytes.size() < kRingSyncBytesMin ? nullptr : thread_ring();
    if (ring == nullptr) return PosixFile::write_and_sync(offset, bytes);
    if (bytes.empty() || bytes.size() > kRingTransferBytesMax) {
      FIRN_TRY(write_at(offset, bytes));
      return sync();
    }
    return write_linked(*ring, offset, bytes);
  }

 private:
  static std::uint8_t* writable(std::span<const std::uint8_t> bytes) {
    return const_cast<std::uint8_t*>(bytes.data());  // NOLINT: a write request only reads it
  }

  /// The same file, past the page cache; none where the file system does not do that.
  UniqueFd open_direct() const {
    const std::string name = "/proc/self/fd/" + std::to_string(fd());
    return UniqueFd(::open(name.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC));
  }

  /// Pieces on their way from staging memory to the device. None is left when this goes.
  struct Window {
    Window(Ring& r, int file, Staging first) : ring(r), direct(file) { memory[0] = std::move(first); }
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;
    Ring& ring;
    int direct;  ///< the file past the page cache
    std::array<RingRequest, kDirectWindow> requests;
    std::array<Staging, kDirectWindow> memory;  ///< the first has some
    ~Window() {
      for (RingRequest& r : requests) ring.finish(r);
    }
  };

  /// Whole blocks directly, what lies before and behind them through the page cache.
  Result<void> write_direct(Window& window, std::uint64_t offset, Parts parts,
                            const std::function<void()>& meanwhile) {
    const std::uint64_t end = offset + bytes_of(parts), last = end / kDirectAlignment * kDirectAlignment;
    PartsReader reader(parts);
    const auto write_edge = [&](std::uint64_t to) -> Result<void> {
      std::array<std::uint8_t, kDirectAlignment> edge;
      const auto n = static_cast<std::size_t>(to - offset);
      reader.read(edge.data(), n);
      FIRN_TRY(PosixFile::write_at(offset, std::span(edge).first(n)));
      offset = to;
      return {};
    };
    FIRN_TRY(write_edge((offset + kDirectAlignment - 1) / kDirectAlignment * kDirectAlignment));
    std::function<void()> once = meanwhile;
    const auto do_once = [&once] {
      if (const auto call = std::exchange(once, {})) call();
    };
    std::size_t slots = kDirectWindow, slot = 0;
    for (std::size_t i = 0; offset < last; ++i, slot = (slot + 1) % slots) {
      if (i >= slots) do_once();
      FIRN_TRY(end_piece(window, slot));
      if (!window.memory[slot]) window.memory[slot] = take_staging();
      if (!window.memory[slot]) {  // those that there are have to do
        slots = std::exchange(slot, 0);
        FIRN_TRY(end_piece(window, slot));
      }
      const auto n = static_cast<std::uint32_t>(std::min<std::uint64_t>(kStagingBytes, last - offset));
      reader.read(window.memory[slot].get(), n);
      window.requests[slot] = {RingRequest::Kind::write, window.direct, offset, window.memory[slot].get(), n};
      window.ring.start(window.requests[slot]);
      offset += n;
    }
    do_once();
    for (std::size_t s = 0; s < kDirectWindow; ++s) FIRN_TRY(end_piece(window, s));
    return write_edge(end);  // last: a direct write drops the page cache that it meets
  }

  /// Waits for the piece in this place, if there is one. What the device did not take goes through the page cache.
  Result<void> end_piece(Window& window, std::size_t slot) {
    RingRequest& r = window.requests[slot];
    window.ring.finish(r);
    const std::uint32_t length = std::exchange(r.length, 0);
    if (length == 0 || r.result == static_cast<std::int32_t>(length)) return {};
    const bool refused = r.result == -ECANCELED || r.result == -EINVAL || r.result == -EOPNOTSUPP ||
                         r.result == -ENOTBLK || r.result == -ENOMEM;
    if (r.result < 0 && !refused && !is_transient(-r.result))
      return os_error("write", path(), r.offset, -r.result);
    const auto done = static_cast<std::size_t>(std::max(r.result, 0));
    return PosixFile::write_at(r.offset + done, {r.data + done, length - done});
  }

  RingRequest sync_request() const { return {RingRequest::Kind::sync, fd(), 0, nullptr, 0, false, 0}; }

  Result<void> write_linked(Ring& ring, std::uint64_t offset, std::span<const std::uint8_t> bytes) {
    const auto length = static_cast<std::uint32_t>(bytes.size());
    std::array<RingRequest, 2> chain{
        RingRequest{RingRequest::Kind::write, fd(), offset, writable(bytes), length, true, 0},
        sync_request()};
    const bool together = ring.run(chain);
    const std::int32_t written = chain[0].result;
    const std::int32_t synced = chain[1].result;
    if (synced < 0 && synced != -ECANCELED && !is_transient(-synced)) return poison(-synced);
    if (written < 0 && written != -ECANCELED && !is_transient(-written)) {
      return os_error("write", path(), offset, -written);
    }
    const auto done = static_cast<std::size_t>(std::max(written, 0));
    if (done == bytes.size() && synced == 0 && together) return {};
    // Short, interrupted, or the link did not hold: whatever the sync said, it did not cover all these bytes.
    if (done < bytes.size()) FIRN_TRY(write_at(offset + done, bytes.subspan(done)));
    return sync();  // plain: the kernel hands a ring's sync to another thread
  }

  // Moves all bytes in pieces, several in flight, unfinished ones again. 0, or the errno that ended it:
  // ECANCELED if the ring broke, ENODATA at the end of the file.
  int transfer(Ring& ring, RingRequest::Kind kind, std::uint64_t offset, std::uint8_t* data,
               std::size_t n) const {
    std::vector<Piece> left;  // the next one last
    for (std::size_t from = 0; from < n; from += kRingTransferBytesMax) {
      left.push_back({from, std::min<std::size_t>(kRingTransferBytesMax, n - from)});
    }
    std::reverse(left.begin(), left.end());
    for (int stalls = 0; !left.empty();) {
      std::array<RingRequest, kRingRequestsMax> requests;
      const std::size_t count = std::min(left.size(), requests.size());
      for (std::size_t i = 0; i < count; ++i) {
        const Piece piece = left[left.size() - 1 - i];
        requests[i] = {
            kind,  fd(), offset + piece.from, data + piece.from, static_cast<std::uint32_t>(piece.length),
            false, 0};
      }
      const auto batch = std::span(requests).first(count);
      ring.run(batch);
      left.resize(left.size() - count);
      const std::size_t before = left.size();
      if (const int e = keep_unfinished(batch, data, left); e != 0) return e;
      if (left.size() == before + count && ++stalls > kTransientTriesMax) return EIO;
    }
    return 0;
  }

  static int keep_unfinished(std::span<const RingRequest> batch, const std::uint8_t* data,
                             std::vector<Piece>& left) {
    for (const RingRequest& r : batch) {
      if (r.result < 0 && !is_transient(-r.result)) return -r.result;
      if (r.result == 0 && r.kind == RingRequest::Kind::read) return ENODATA;
      const auto done = static_cast<std::size_t>(std::max(r.result, 0));
      if (done < r.length) left.push_back({static_cast<std::size_t>(r.data - data) + done, r.length - done});
    }
    return 0;
  }
};

}  // namespace

Result<std::shared_ptr<UringDisk>> UringDisk::open_root(const std::string& root, bool create,
                                                        SystemCalls& calls) {
  FIRN_ASSIGN(const auto probe, Ring::create());
  FIRN_ASSIGN(RootFolder folder, RootFolder::open(root, create));
  return std::shared_ptr<UringDisk>(new UringDisk(std::move(folder), calls));
}

std::unique_ptr<File> UringDisk::make_file(UniqueFd fd, const std::string& path) {
  return std::make_unique<UringFile>(std::move(fd), path, calls());
}

}  // namespace firn::io
