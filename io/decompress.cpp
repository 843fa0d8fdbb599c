#include "io/decompress.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <fmt/format.h>
#include <cerrno>
#include <cstring>
#include <vector>

namespace firn::io {
namespace {

constexpr std::size_t kChunkBytes = 256U << 10;
/// Frames that ask for a larger window (128 MiB) are refused: memory is bounded.
constexpr int kZstdWindowLogMax = 27;

/// Raw input: a descriptor or memory.
class Input {
 public:
  Input(int descriptor, bool owned, std::string name)
      : descriptor_(descriptor), owned_(owned), name_(std::move(name)) {
    buffer_.resize(kChunkBytes);
  }
  Input(std::span<const std::uint8_t> bytes, std::string name) : memory_(bytes), name_(std::move(name)) {}
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input() {
    if (owned_) ::close(descriptor_);
  }

  const std::string& name() const { return name_; }
  std::uint64_t position() const { return position_; }

  /// At most a chunk; empty at the end.
  Result<std::span<const std::uint8_t>> read() {
    if (descriptor_ < 0) {
      const std::size_t n = std::min(kChunkBytes, memory_.size());
      const auto out = memory_.first(n);
      memory_ = memory_.subspan(n);
      position_ += n;
      return out;
    }
    while (true) {
      const ssize_t n = ::read(descriptor_, buffer_.data(), buffer_.size());
      if (n >= 0) {
        position_ += static_cast<std::uint64_t>(n);
        return std::span<const std::uint8_t>(buffer_.data(), static_cast<std::size_t>(n));
      }
      if (errno == EINTR) continue;
      return Error(ErrorCode::io,
                   fmt::format("{}: read at byte {}: {}", name_, position_, std::strerror(errno)));
    }
  }

 private:
  int descriptor_ = -1;
  bool owned_ = false;
  std::span<const std::uint8_t> memory_;
  std::string name_;
  std::vector<std::uint8_t> buffer_;
  std::uint64_t position_ = 0;
};

/// One decompressor: turns input into output, and knows whether it stands between two frames.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Consumes from `in` (advancing it), returns bytes written to `out`; a text if the input is damaged.
  virtual Result<std::size_t> step(std::span<const std::uint8_t>& in, std::span<std::uint8_t> out) = 0;
  virtual bool at_frame_end() const = 0;
  virtual std::string_view name() const = 0;
};

Error damaged(std::string_view what) { return {ErrorCode::corrupt, std::string(what)}; }

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : stream_(ZSTD_createDStream()) {
    if (stream_ != nullptr) ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kZstdWindowLogMax);
  }
  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;
  ~ZstdDecoder() override { ZSTD_freeDStream(stream_); }
  Result<std::size_t> step(std::span<const std::uint8_t>& in, std::span<std::uint8_t> out) override {
    if (stream_ == nullptr) return Error(ErrorCode::memory, "no memory for zstd");
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const std::size_t left = ZSTD_decompressStream(stream_, &to, &from);
    if (ZSTD_isError(left) != 0) return damaged(ZSTD_getErrorName(left));
    in = in.subspan(from.pos);
    frame_end_ = left == 0;
    return to.pos;
  }
  bool at_frame_end() const override { return frame_end_; }
  std::string_view name() const override { return "zstd"; }

 private:
  ZSTD_DStream* stream_;
  bool frame_end_ = false;
};

class GzipDecoder final : public Decoder {
 public:
  GzipDecoder() { ready_ = inflateInit2(&stream_, 15 + 16) == Z_OK; }  // 16: a gzip header and its checksum
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;
  ~GzipDecoder() override { inflateEnd(&stream_); }
  Result<std::size_t> step(std::span<const std::uint8_t>& in, std::span<std::uint8_t> out) override {
    if (!ready_) return Error(ErrorCode::memory, "no memory for gzip");
    if (frame_end_) {  // another member follows
      inflateReset(&stream_);
      frame_end_ = false;
    }
    stream_.next_in = const_cast<Bytef*>(in.data());  // NOLINT: zlib does not write there
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    const int code = inflate(&stream_, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
      return damaged(stream_.msg == nullptr ? "damaged data" : stream_.msg);
    frame_end_ = code == Z_STREAM_END;
    in = in.subspan(in.size() - stream_.avail_in);
    return out.size() - stream_.avail_out;
  }
  bool at_frame_end() const override { return frame_end_; }
  std::string_view name() const override { return "gzip"; }

 private:
  z_stream stream_{};
  bool ready_ = false, frame_end_ = false;
};

std::unique_ptr<Decoder> decoder_for(std::span<const std::uint8_t> head) {
  constexpr std::uint8_t kZstd[] = {0x28, 0xB5, 0x2F, 0xFD}, kGzip[] = {0x1F, 0x8B};
  if (head.size() >= 4 && std::memcmp(head.data(), kZstd, 4) == 0) return std::make_unique<ZstdDecoder>();
  if (head.size() >= 2 && std::memcmp(head.data(), kGzip, 2) == 0) return std::make_unique<GzipDecoder>();
  return nullptr;
}

class Source final : public ByteSource {
 public:
  explicit Source(std::unique_ptr<Input> input) : input_(std::move(input)) {}

  Result<std::span<const std::uint8_t>> next() override {
    if (!begun_) FIRN_TRY(begin());
    if (!decoder_) return plain();
    while (true) {
      if (left_.empty() && !ended_) {
        FIRN_ASSIGN(left_, input_->read());
        ended_ = left_.empty();
      }
      if (left_.empty() && decoder_->at_frame_end()) return std::span<const std::uint8_t>{};
      const std::size_t before = left_.size();
      auto written = decoder_->step(left_, output_);
      if (!written) return at(written.error());
      if (*written != 0) return std::span<const std::uint8_t>(output_.data(), *written);
      if (ended_ && left_.size() == before && !decoder_->at_frame_end())
        return at(damaged("the input ends within its compressed data"));
    }
  }
  std::uint64_t consumed() const override { return input_->position() - left_.size(); }
  std::string_view compression() const override { return decoder_ ? decoder_->name() : std::string_view{}; }

 private:
  /// Reads until the magic can be told.
  Result<void> begin() {
    begun_ = true;
    while (head_.size() < 4) {
      FIRN_ASSIGN(const auto some, input_->read());
      if (some.empty()) break;
      head_.insert(head_.end(), some.begin(), some.end());
    }
    decoder_ = decoder_for(head_);
    left_ = head_;
    if (decoder_) output_.resize(kChunkBytes);
    return {};
  }
  Result<std::span<const std::uint8_t>> plain() {
    if (!left_.empty()) return std::exchange(left_, {});
    return input_->read();
  }
  Error at(const Error& e) const {
    return {e.code(),
            fmt::format("{}: {} at byte {}: {}", input_->name(), decoder_->name(), consumed(), e.message())};
  }

  std::unique_ptr<Input> input_;
  std::unique_ptr<Decoder> decoder_;
  std::vector<std::uint8_t> head_, output_;
  std::span<const std::uint8_t> left_;
  bool begun_ = false, ended_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> open_source(const std::string& path) {
  if (path == "-") return source_of_descriptor(STDIN_FILENO, "standard input");
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return Error(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io,
                 fmt::format("{}: open: {}", path, std::strerror(errno)));
  struct stat info {};
  if (::fstat(descriptor, &info) == 0 && S_ISDIR(info.st_mode)) {
    ::close(descriptor);
    return Error(ErrorCode::invalid_argument, path + " is a folder, not a file");
  }
  return std::unique_ptr<ByteSource>(
      std::make_unique<Source>(std::make_unique<Input>(descriptor, true, path)));
}

std::unique_ptr<ByteSource> source_of_descriptor(int descriptor, std::string name) {
  return std::make_unique<Source>(std::make_unique<Input>(descriptor, false, std::move(name)));
}

std::unique_ptr<ByteSource> source_of_bytes(std::span<const std::uint8_t> bytes, std::string name) {
  return std::make_unique<Source>(std::make_unique<Input>(bytes, std::move(name)));
}

}  // namespace firn::io
