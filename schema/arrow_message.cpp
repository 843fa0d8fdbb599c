// Framing: where a message begins and ends, and whether its metadata can be trusted to lie in bounds.
#include <fmt/format.h>

#include "schema/arrow_decode.hpp"

namespace firn::arrow {
namespace fb = arrowfb;
namespace {

/// Far above what 4,096 columns need; FlatBuffers cannot hold 2 GiB.
constexpr std::uint32_t kMetadataBytesMax = 256U << 20;

Error damaged(std::uint64_t at, std::string_view what) {
  return {ErrorCode::corrupt, fmt::format("Arrow message at byte {}: {}", at, what)};
}

std::uint32_t u32_at(const Buffer& bytes, std::uint64_t offset) {
  std::uint32_t v = 0;
  std::memcpy(&v, bytes.data() + offset, 4);
  return v;
}

Result<void> check_message(const MessageView& m) {
  if (!verify_root<fb::Message>(m.metadata.bytes())) return damaged(m.at, "its metadata is damaged");
  const fb::Message* root = flatbuffers::GetRoot<fb::Message>(m.metadata.data());
  if (root->version() != fb::MetadataVersion::V4 && root->version() != fb::MetadataVersion::V5)
    return Error(ErrorCode::unsupported,
                 fmt::format("Arrow message at byte {}: metadata version {} (firn reads 4 and 5)", m.at,
                             static_cast<int>(root->version()) + 1));
  if (root->header() == nullptr) return damaged(m.at, "it has no header");
  return {};
}

}  // namespace

Buffer aligned_to(const Buffer& bytes, std::size_t alignment) {
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignment == 0) return bytes;  // NOLINT: an address
  MutableBuffer copy;
  copy.append(bytes.data(), bytes.size());
  return copy.freeze();
}

Result<std::optional<MessageView>> read_message(const Buffer& bytes, std::uint64_t& offset) {
  const std::uint64_t at = offset;
  const std::uint64_t left = bytes.size() - offset;
  if (left == 0) return std::optional<MessageView>{};
  if (left < 4) return damaged(at, "the bytes end within its length");
  std::uint32_t length = u32_at(bytes, offset);
  std::uint64_t head = 4;  // writers before format 0.15 had no continuation mark
  if (length == kContinuation) {
    if (left < 8) return damaged(at, "the bytes end within its length");
    length = u32_at(bytes, offset + 4);
    head = 8;
  }
  if (length == 0) {
    offset += head;
    return std::optional<MessageView>{};
  }
  if (length > kMetadataBytesMax) return damaged(at, fmt::format("impossible metadata length {}", length));
  if (length > left - head) return damaged(at, "the bytes end within its metadata");
  MessageView m;
  m.at = at;
  m.metadata = aligned_to(bytes.slice(offset + head, length), 8);
  FIRN_TRY(check_message(m));
  m.root = flatbuffers::GetRoot<fb::Message>(m.metadata.data());
  const std::int64_t body = m.root->body_length();
  const std::uint64_t body_left = left - head - length;
  if (body < 0 || static_cast<std::uint64_t>(body) > body_left)
    return damaged(at, fmt::format("its body of {} bytes reaches beyond the end", body));
  m.body = bytes.slice(offset + head + length, static_cast<std::size_t>(body));
  offset += head + length + static_cast<std::uint64_t>(body);
  return std::optional<MessageView>(std::move(m));
}

}  // namespace firn::arrow
