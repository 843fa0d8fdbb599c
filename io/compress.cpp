#include "io/compress.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <filesystem>
#include <limits>
#include <vector>

#include "io/os_error.hpp"
#include "io/unique_fd.hpp"

namespace firn::io {
namespace {

constexpr std::size_t kCompressChunkBytes = std::size_t{256} << 10;
constexpr int kZstdLevel = 3;
constexpr int kGzipWindow = 15 + 16;  // zlib: the largest window, with a gzip header
constexpr int kGzipMemory = 8;

/// The bytes as they are to lie in the file.
class NewFile final : public ByteSink {
 public:
  explicit NewFile(std::string path) : path_(std::move(path)), born_(path_ + ".partial") {}
  ~NewFile() override {
    if (fd_.valid()) ::unlink(born_.c_str());
  }
  Result<void> open() {
    for (;;) {
      if (::access(path_.c_str(), F_OK) == 0) return taken();
      UniqueFd fd(::open(born_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
      if (!fd.valid()) return os_error("create", born_, errno);
      FIRN_TRY(lock(fd.get()));
      if (!still_named(fd.get())) continue;  // whoever had it ended between our open and our lock
      if (::ftruncate(fd.get(), 0) != 0) return os_error("truncate", born_, errno);
      fd_ = std::move(fd);
      return {};
    }
  }
  Result<void> write(std::span<const std::uint8_t> bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return os_error("write", born_, errno);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      written_ += static_cast<std::uint64_t>(n);
    }
    return {};
  }
  Result<void> finish() override {
    if (::fsync(fd_.get()) != 0) return os_error("fsync", born_, errno);
    if (::renameat2(AT_FDCWD, born_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) != 0) {
      if (errno == EEXIST) return taken();
      // File systems without that flag: the name was free when we began.
      if (errno != EINVAL || ::rename(born_.c_str(), path_.c_str()) != 0)
        return os_error("rename", born_, errno);
    }
    fd_ = UniqueFd();
    return sync_parent();
  }
  std::uint64_t bytes_written() const override { return written_; }

 private:
  /// Of two that write to one name the second is refused; the kernel drops the lock of one that was killed.
  Result<void> lock(int fd) const {
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(fd, F_OFD_SETLK, &whole) == 0) return {};
    if (errno != EAGAIN && errno != EACCES) return os_error("lock", born_, errno);
    return Error(ErrorCode::busy, "'" + born_ + "' is being written by somebody else; choose another name");
  }
  bool still_named(int fd) const {
    struct stat ours {
    }, named{};
    return ::fstat(fd, &ours) == 0 && ::stat(born_.c_str(), &named) == 0 && ours.st_ino == named.st_ino &&
           ours.st_dev == named.st_dev;
  }
  Error taken() const {
    return {ErrorCode::already_exists, "'" + path_ + "' is there already; choose a new name or remove it"};
  }
  Result<void> sync_parent() const {
    std::string parent = std::filesystem::path(path_).parent_path().string();
    if (parent.empty()) parent = ".";
    const UniqueFd folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.valid() || ::fsync(folder.get()) != 0) return os_error("fsync of folder", parent, errno);
    return {};
  }

  std::string path_, born_;
  UniqueFd fd_;
  std::uint64_t written_ = 0;
};

class ZstdSink final : public ByteSink {
 public:
  explicit ZstdSink(std::unique_ptr<ByteSink> to)
      : to_(std::move(to)), stream_(ZSTD_createCCtx()), chunk_(kCompressChunkBytes) {
    if (stream_ == nullptr) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(stream_.get(), ZSTD_c_compressionLevel, kZstdLevel);
    ZSTD_CCtx_setParameter(stream_.get(), ZSTD_c_checksumFlag, 1);
  }
  Result<void> write(std::span<const std::uint8_t> bytes) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    while (in.pos < in.size) {
      FIRN_ASSIGN(const std::size_t left, step(in, ZSTD_e_continue));
      (void)left;
    }
    return {};
  }
  Result<void> finish() override {
    ZSTD_inBuffer none{nullptr, 0, 0};
    for (std::size_t left = 1; left != 0;) {
      FIRN_ASSIGN(left, step(none, ZSTD_e_end));
    }
    return to_->finish();
  }
  std::uint64_t bytes_written() const override { return to_->bytes_written(); }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* s) const { ZSTD_freeCCtx(s); }
  };
  Result<std::size_t> step(ZSTD_inBuffer& in, ZSTD_EndDirective how) {
    ZSTD_outBuffer out{chunk_.data(), chunk_.size(), 0};
    const std::size_t left = ZSTD_compressStream2(stream_.get(), &out, &in, how);
    if (ZSTD_isError(left) != 0)
      return Error(ErrorCode::internal, std::string("zstd: ") + ZSTD_getErrorName(left));
    FIRN_TRY(to_->write({chunk_.data(), out.pos}));
    return left;
  }
  std::unique_ptr<ByteSink> to_;
  std::unique_ptr<ZSTD_CCtx, Free> stream_;
  std::vector<std::uint8_t> chunk_;
};

class GzipSink final : public ByteSink {
 public:
  explicit GzipSink(std::unique_ptr<ByteSink> to) : to_(std::move(to)), chunk_(kCompressChunkBytes) {
    if (deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kGzipMemory,
                     Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  GzipSink(const GzipSink&) = delete;
  GzipSink& operator=(const GzipSink&) = delete;
  ~GzipSink() override { deflateEnd(&stream_); }
  Result<void> write(std::span<const std::uint8_t> bytes) override {
    while (!bytes.empty()) {
      const std::size_t n = std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max());
      stream_.next_in = const_cast<Bytef*>(bytes.data());  // NOLINT: zlib only reads it
      stream_.avail_in = static_cast<uInt>(n);
      while (stream_.avail_in != 0) {
        FIRN_ASSIGN(const bool ended, step(Z_NO_FLUSH));
        (void)ended;
      }
      bytes = bytes.subspan(n);
    }
    return {};
  }
  Result<void> finish() override {
    for (bool ended = false; !ended;) {
      FIRN_ASSIGN(ended, step(Z_FINISH));
    }
    return to_->finish();
  }
  std::uint64_t bytes_written() const override { return to_->bytes_written(); }

 private:
  Result<bool> step(int flush) {
    stream_.next_out = chunk_.data();
    stream_.avail_out = static_cast<uInt>(chunk_.size());
    const int state = deflate(&stream_, flush);
    if (state == Z_STREAM_ERROR) return Error(ErrorCode::internal, "zlib: stream error");
    FIRN_TRY(to_->write({chunk_.data(), chunk_.size() - stream_.avail_out}));
    return state == Z_STREAM_END;
  }
  std::unique_ptr<ByteSink> to_;
  z_stream stream_{};
  std::vector<std::uint8_t> chunk_;
};

}  // namespace

Result<std::unique_ptr<ByteSink>> create_sink(const std::string& path) {
  auto file = std::make_unique<NewFile>(path);
  FIRN_TRY(file->open());
  if (path.ends_with(".zst")) return std::unique_ptr<ByteSink>(new ZstdSink(std::move(file)));
  if (path.ends_with(".gz")) return std::unique_ptr<ByteSink>(new GzipSink(std::move(file)));
  return std::unique_ptr<ByteSink>(std::move(file));
}

}  // namespace firn::io
