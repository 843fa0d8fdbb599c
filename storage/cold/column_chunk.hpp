// One column of one row group: from a plain column to bytes, and back as a column or value by value.
//   [validity node] values node
#pragma once
#include <mutex>

#include "storage/cold/checked_file.hpp"
#include "storage/cold/encoding.hpp"
#include "storage/row_file.hpp"

namespace firn::storage::cold {

/// What the footer says of a chunk.
struct ChunkMeta {
  TypeId type = TypeId::invalid;
  std::uint64_t offset = 0, length = 0;
  std::uint32_t validity = 0;
  std::uint64_t logical = 0;
  std::uint32_t rows = 0;
  std::string tree;
};

struct EncodedChunk {
  ByteString bytes;
  ChunkMeta meta;  ///< offset is not known yet
  ColumnStats stats;
};
/// Encodes a plain column of at least one row, with its statistics.
EncodedChunk encode_chunk(const Column& column, const EncodeOptions& options);
/// A hidden column (CSN, end, tombstone bits): u64, not null.
EncodedChunk encode_chunk(Ints values, const EncodeOptions& options);

/// A chunk with its readers. Immutable, thread-safe; its bytes come when they are needed.
class OpenChunk {
 public:
  static Result<std::shared_ptr<const OpenChunk>> open(std::shared_ptr<const CheckedFile> file,
                                                       const ChunkMeta& meta);
  /// All rows.
  Result<Column> column() const;
  /// These rows, ascending.
  Result<Column> column(std::span<const std::uint32_t> rows) const;
  Result<Value> value(std::size_t row, PointScratch& scratch) const;
  /// Integer-like value without a Value around it.
  Result<std::uint64_t> integer(std::size_t row, PointScratch& scratch) const {
    return numbers_->at(row, scratch);
  }
  /// Integer-like values [first, first + n) at once.
  Result<void> integers(std::size_t first, std::size_t n, std::uint64_t* out) const {
    return numbers_->read(first, n, out);
  }
  /// Bytes it holds or may come to hold.
  std::uint64_t charge() const { return source_.length() + 512; }

 private:
  OpenChunk(std::shared_ptr<const CheckedFile> file, const ChunkMeta& meta);
  Result<void> open_readers();
  Result<void> read_validity(Column& out) const;
  Result<Column> plain(const IntReader& reader, std::size_t rows) const;
  Result<Column> plain(const StringReader& reader, std::size_t rows) const;
  Result<Buffer> codes(const IntReader* reader, std::size_t entries) const;
  template <class MakeEntries>
  Result<std::shared_ptr<const Column>> dictionary(MakeEntries make) const;
  /// The dictionary that a column of this chunk comes with, and its codes (nullptr: all zero); nullptr: plain form.
  struct Coded {
    std::shared_ptr<const Column> entries;
    const IntReader* codes = nullptr;
  };
  Result<Coded> coded() const;
  ChunkMeta meta_;
  LazyRange source_;
  IntReaderPtr validity_, numbers_;
  StringReaderPtr strings_;
  mutable std::mutex mutex_;
  mutable std::weak_ptr<const Column> dictionary_;  ///< shared while anyone uses it
};

}  // namespace firn::storage::cold
