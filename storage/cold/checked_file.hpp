// The bytes of a segment below its encodings: [0, data_length) in blocks of kCheckedBlockBytes, each with a
// CRC32C that is seeded with store id, file id and block number, so that a block of another place or file is
// found out. Nothing is decoded or decompressed that has not passed its checksum.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "io/disk.hpp"
#include "storage/cold/bytes.hpp"

namespace firn::storage::cold {

/// Identity that seeds the checksums.
struct FileIdentity {
  std::uint64_t store_id = 0, file_id = 0;
  std::uint32_t block_crc(std::uint64_t block, std::span<const std::uint8_t> bytes) const;
};

/// Writes front to back; keeps the block checksums and the hash of all bytes. Owned by one thread.
class CheckedWriter {
 public:
  CheckedWriter(std::unique_ptr<io::File> file, FileIdentity identity);
  ~CheckedWriter();
  std::uint64_t offset() const { return written_ + pending_.size(); }
  Result<void> append(std::string_view bytes);
  /// Ends the checked part: its block checksums. What follows carries its own.
  Result<std::vector<std::uint32_t>> end_blocks();
  /// Writes and syncs all.
  Result<void> finish();
  /// XXH3-64 of all bytes; after finish().
  std::uint64_t hash() const;

 private:
  Result<void> flush();
  std::unique_ptr<io::File> file_;
  FileIdentity identity_;
  std::string pending_;
  std::uint64_t written_ = 0;
  bool blocks_ended_ = false;
  std::vector<std::uint32_t> crcs_;
  struct Hash;
  std::unique_ptr<Hash> hash_;
};

/// Reads checked bytes. Thread-safe.
class CheckedFile {
 public:
  CheckedFile(std::unique_ptr<io::File> file, FileIdentity identity, std::uint64_t data_length,
              std::vector<std::uint32_t> crcs)
      : file_(std::move(file)), identity_(identity), data_length_(data_length), crcs_(std::move(crcs)) {}
  const std::string& path() const { return file_->path(); }
  const io::File& file() const { return *file_; }
  std::uint64_t data_length() const { return data_length_; }
  /// Blocks [first, last) into out, checked. Error {corrupt} names file and offset. out has room for all
  /// bytes.
  Result<void> read_blocks(std::uint64_t first, std::uint64_t last, std::uint8_t* out) const;
  /// Bytes that this thread has read through any CheckedFile so far.
  static std::uint64_t& thread_bytes_read();

 private:
  std::unique_ptr<io::File> file_;
  FileIdentity identity_;
  std::uint64_t data_length_;
  std::vector<std::uint32_t> crcs_;
};

/// A range of a checked file whose blocks are read at first use: a point read touches few of them.
/// Thread-safe.
class LazyRange final : public ByteSource {
 public:
  LazyRange(std::shared_ptr<const CheckedFile> file, std::uint64_t offset, std::uint64_t length);
  Result<const std::uint8_t*> get(std::uint64_t offset, std::uint64_t length) const override;
  Result<void> load_all() const;
  std::uint64_t length() const { return length_; }

 private:
  std::shared_ptr<const CheckedFile> file_;
  std::uint64_t first_block_, skip_, length_, blocks_;
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::unique_ptr<std::atomic<bool>[]> loaded_;
  mutable std::atomic<bool> all_{false};
  mutable std::mutex mutex_;
};

}  // namespace firn::storage::cold
