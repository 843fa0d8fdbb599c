#include "storage/message_file.hpp"

#include <fmt/format.h>

#include <cstring>

#include "io/crc32c.hpp"

namespace firn::storage {
namespace {

constexpr std::size_t kMagicBytes = 8;
constexpr std::size_t kHeaderBytes = 24;
constexpr std::size_t kChecksummedFrom = 16;

template <class T>
T load(std::span<const std::uint8_t> bytes, std::size_t offset) {
  T v;
  std::memcpy(&v, bytes.data() + offset, sizeof v);
  return v;
}

template <class T>
void store(std::vector<std::uint8_t>& bytes, std::size_t offset, T v) {
  std::memcpy(bytes.data() + offset, &v, sizeof v);
}

Error damaged(const std::string& what) { return {ErrorCode::corrupt, what}; }

}  // namespace

MessageBody::MessageBody(std::span<const std::uint8_t> bytes)
    : words_((bytes.size() + 7) / 8), size_(bytes.size()) {
  if (!bytes.empty()) std::memcpy(words_.data(), bytes.data(), bytes.size());
}

const std::uint8_t* MessageBody::data() const {
  return reinterpret_cast<const std::uint8_t*>(words_.data());  // NOLINT
}

std::vector<std::uint8_t> MessageFile::seal(std::span<const std::uint8_t> message) const {
  std::vector<std::uint8_t> out(kHeaderBytes + message.size());
  std::memcpy(out.data(), magic.data(), kMagicBytes);
  store(out, 8, version);
  store(out, 16, static_cast<std::uint64_t>(message.size()));
  if (!message.empty()) std::memcpy(out.data() + kHeaderBytes, message.data(), message.size());
  store(out, 12, io::crc32c(std::span<const std::uint8_t>(out).subspan(kChecksummedFrom)));
  return out;
}

Result<MessageBody> MessageFile::open(std::span<const std::uint8_t> bytes) const {
  if (bytes.size() < kHeaderBytes) return damaged(fmt::format("only {} bytes long", bytes.size()));
  if (std::memcmp(bytes.data(), magic.data(), kMagicBytes) != 0)
    return damaged("does not begin with its magic");
  if (const auto found = load<std::uint32_t>(bytes, 8); found != version)
    return Error(ErrorCode::unsupported,
                 fmt::format("format version {}, this firn reads {}", found, version));
  if (load<std::uint64_t>(bytes, 16) != bytes.size() - kHeaderBytes)
    return damaged("its length is not what it says");
  if (io::crc32c(bytes.subspan(kChecksummedFrom)) != load<std::uint32_t>(bytes, 12))
    return damaged("checksum mismatch at offset 16");
  return MessageBody(bytes.subspan(kHeaderBytes));
}

}  // namespace firn::storage
