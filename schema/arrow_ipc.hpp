// Arrow's IPC format (https://arrow.apache.org/docs/format/Columnar.html, "Serialization and Interprocess
// Communication"): how batches travel in messages, lie in warm blocks, and are read and written by other
// programs.
//
//   encapsulated message   FFFFFFFF, i32 n, n bytes of FlatBuffers metadata (padded), body
//   stream                 schema message, dictionary and record batch messages, FFFFFFFF 00000000
//   file                   "ARROW1" 00 00, a stream, footer (FlatBuffers), i32 footer length, "ARROW1"
//
// What firn writes is never compressed, metadata and every body buffer are padded to 64 bytes, so that a
// message that begins at a 64-byte boundary has all its buffers on such boundaries. Byte layout:
// schema/formats/arrow.md.
//
// Readers accept bytes from strangers: every FlatBuffer is verified, every buffer checked against the body,
// every offset and code against what it points into, text against UTF-8. Error {corrupt} says what and where
// in the bytes, {unsupported} names the column that has a type (or the compression) that firn does not hold.
// Functions are safe from any thread; an object belongs to one thread at a time.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "schema/batch.hpp"

namespace firn::arrow {

/// Keys of the schema's custom metadata: names of the key columns and of the time column, as a JSON array of
/// strings and as plain text. Column ids travel as "firn:id" of each field.
inline constexpr std::string_view kMetadataKey = "firn:key";
inline constexpr std::string_view kMetadataTime = "firn:time";
inline constexpr std::string_view kMetadataId = "firn:id";

/// One encapsulated message as a list of pieces that lie one behind another; columns are shared, not copied.
struct EncodedMessage {
  Buffer metadata;           ///< prefix, FlatBuffer and padding: a multiple of 64 bytes
  std::vector<Buffer> body;  ///< in order, padding included; a multiple of 64 bytes together
  std::uint64_t body_length = 0;
  std::uint64_t length() const noexcept { return metadata.size() + body_length; }
  /// The pieces copied into one buffer.
  Buffer join() const;
};

/// Schema message: for a stream's beginning, or beside a batch message that has none.
Buffer encode_schema_message(const Schema& schema);
/// The schema that such a message carries, types converted as ArrowReader says.
Result<Schema> decode_schema_message(const Buffer& message);

/// The record batch as a message without its schema; dictionary columns become plain.
EncodedMessage encode_batch_parts(const Batch& batch);
/// The same in one buffer.
Buffer encode_batch_message(const Batch& batch);

/// Whose bytes these are. `own`: a checksum has vouched for them, UTF-8 is not checked again (bounds always
/// are).
enum class Trust : std::uint8_t { stranger, own };
/// The inverse of encode_batch_message for a known schema: columns share `message` where aligned. Error
/// {corrupt}: damaged, or another number or kind of columns; {unsupported}: compressed.
Result<Batch> decode_batch_message(const Schema& schema, const Buffer& message,
                                   Trust trust = Trust::stranger);

struct WriteOptions {
  /// Columns that the first batch has in dictionary form are written so (u32 indices, growing dictionary);
  /// else plain.
  bool keep_dictionaries = false;
};

/// Takes the next bytes of the output.
using Sink = std::function<Result<void>(std::span<const std::uint8_t>)>;

/// State that stream and file writers share: which columns are dictionary-encoded, what was sent of them.
class DictionaryWriter;

/// Writes an IPC stream. The schema message goes out with the first batch, or at close().
class ArrowStreamWriter {
 public:
  ArrowStreamWriter(Schema schema, Sink sink, WriteOptions options = {});
  ArrowStreamWriter(ArrowStreamWriter&&) noexcept;
  ~ArrowStreamWriter();
  /// Requires the writer's schema. Errors are the sink's; after one the stream is unusable.
  Result<void> write(const Batch& batch);
  /// End-of-stream mark. Not done by the destructor.
  Result<void> close();
  std::uint64_t bytes_written() const noexcept { return written_; }

 private:
  Result<void> begin(const Batch* first);
  Result<void> put(const EncodedMessage& message);
  Schema schema_;
  Sink sink_;
  WriteOptions options_;
  std::unique_ptr<DictionaryWriter> dictionaries_;
  std::uint64_t written_ = 0;
};

/// Writes an IPC file.
class ArrowFileWriter {
 public:
  ArrowFileWriter(Schema schema, Sink sink, WriteOptions options = {});
  ArrowFileWriter(ArrowFileWriter&&) noexcept;
  ~ArrowFileWriter();
  Result<void> write(const Batch& batch);
  /// End-of-stream mark and footer. Without it the file is none.
  Result<void> close();
  std::uint64_t bytes_written() const noexcept { return written_; }

 private:
  struct Block {
    std::uint64_t offset = 0, metadata_length = 0, body_length = 0;
  };
  Result<void> begin(const Batch* first);
  Result<void> put(const EncodedMessage& message, std::vector<Block>* blocks);
  Result<void> put_bytes(std::span<const std::uint8_t> bytes);
  Schema schema_;
  Sink sink_;
  WriteOptions options_;
  std::unique_ptr<DictionaryWriter> dictionaries_;
  std::vector<Block> dictionary_blocks_, batch_blocks_;
  std::uint64_t written_ = 0;
};

/// Reads a stream or a file (told apart by the magic) that lies in memory.
///
/// Types: ours as they are; Float16 as f32; LargeUtf8 as utf8; LargeBinary and FixedSizeBinary as binary;
/// Date64 as date; Timestamp of any unit as timestamp in microseconds (nanoseconds are rounded down; a zone
/// changes nothing, since values with a zone are UTC, and those without are taken as UTC). Dictionary-encoded
/// columns keep that form where the dictionary has no duplicates and no NULL. Columns share the buffer where
/// it is aligned for their type. {unsupported}, naming the column: nested types, unions, maps, decimals,
/// times, durations, intervals, views, run-end encoding; compressed bodies; big-endian writers; more than
/// 2^31 - 1 rows a batch or bytes a column.
class ArrowReader {
 public:
  static Result<ArrowReader> open(Buffer bytes, Trust trust = Trust::stranger);
  ArrowReader(ArrowReader&&) noexcept;
  ArrowReader& operator=(ArrowReader&&) noexcept;
  ~ArrowReader();
  /// With key and time column if firn wrote it (see kMetadataKey), else Schema::for_result().
  const Schema& schema() const noexcept;
  /// The next record batch, or nothing at the end. A stream may end without its end mark. After an error
  /// every call gives that error again.
  Result<std::optional<Batch>> next();

 private:
  struct State;
  explicit ArrowReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// True if the bytes begin like an IPC file, or like an IPC stream.
bool looks_like_arrow(std::span<const std::uint8_t> head) noexcept;

}  // namespace firn::arrow
