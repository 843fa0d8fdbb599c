// The checked envelope of a small file that holds one FlatBuffers message:
//
//   offset  size  field
//        0     8  magic
//        8     4  format version, u32 little-endian
//       12     4  CRC-32C of the bytes from 16 to the end
//       16     8  length of the rest, u64
//       24     n  the message
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "schema/result.hpp"

namespace firn::storage {

/// An aligned copy of a message, as FlatBuffers wants it.
class MessageBody {
 public:
  explicit MessageBody(std::span<const std::uint8_t> bytes);
  const std::uint8_t* data() const;
  std::size_t size() const noexcept { return size_; }

 private:
  std::vector<std::uint64_t> words_;
  std::size_t size_;
};

struct MessageFile {
  std::string_view magic;  ///< 8 bytes
  std::uint32_t version;   ///< written; the only one that is read

  std::vector<std::uint8_t> seal(std::span<const std::uint8_t> message) const;
  /// {corrupt} saying what is wrong and where, {unsupported} for a newer version. The message itself is not verified.
  Result<MessageBody> open(std::span<const std::uint8_t> bytes) const;
};

}  // namespace firn::storage
