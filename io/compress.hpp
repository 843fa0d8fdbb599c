// A new file written front to back, compressed as its name asks (.zst, .gz): it has its name only when it is whole and
// durable. Memory stays bounded by a few chunks. Owned by one thread.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "schema/result.hpp"

namespace firn::io {

/// Unless it was finished, the destructor removes what was written (PATH.partial; a kill leaves it, and the next file
/// of this name replaces it).
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Result<void> write(std::span<const std::uint8_t> bytes) = 0;
  /// Ends the compression, syncs, and gives the file its name. {already_exists} if that was taken meanwhile.
  virtual Result<void> finish() = 0;
  /// Bytes of the file so far, compressed.
  virtual std::uint64_t bytes_written() const = 0;
};

/// Error {already_exists} if there is such a file.
Result<std::unique_ptr<ByteSink>> create_sink(const std::string& path);

}  // namespace firn::io
