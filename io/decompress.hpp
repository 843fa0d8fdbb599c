// Bytes of a file, a descriptor or memory, one chunk after another, decompressed where their first bytes say
// zstd or gzip (whatever the name says). Memory stays bounded by a few chunks. Owned by one thread.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "schema/result.hpp"

namespace firn::io {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// The next bytes, valid until the next call; empty at the end. Errors: {io}; {corrupt} with the offset in
  /// the compressed input where it is damaged or ends too early.
  virtual Result<std::span<const std::uint8_t>> next() = 0;
  /// Bytes of the (compressed) input taken so far, for progress.
  virtual std::uint64_t consumed() const = 0;
  /// "", "zstd" or "gzip"; known after the first next().
  virtual std::string_view compression() const = 0;
};

/// "-" is standard input. Error {not_found} and others of opening.
Result<std::unique_ptr<ByteSource>> open_source(const std::string& path);
/// Over a descriptor of the caller's, which stays open. `name` is for errors.
std::unique_ptr<ByteSource> source_of_descriptor(int descriptor, std::string name);
/// Over bytes that outlive the source.
std::unique_ptr<ByteSource> source_of_bytes(std::span<const std::uint8_t> bytes, std::string name);

}  // namespace firn::io
