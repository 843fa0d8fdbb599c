// Encodings of column chunks. A codec is three verbs: estimate, encode, open (which decodes ranges and, where
// that is cheap, single values). Codecs are peers, one file each under codecs/; choose_*.cpp compares their
// estimates and cascades: codes, lengths, deltas and field numbers go through the integer chooser again.
//
// All integers travel as u64 in two's complement, sign-extended; arithmetic wraps. Readers are immutable and
// thread-safe; they never read outside their bytes, and never give more values than the parent asked for,
// whatever the bytes hold: Error {corrupt} instead.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/buffer.hpp"
#include "storage/cold/bytes.hpp"
#include "storage/cold/segment_format.hpp"

namespace firn::storage::cold {

using Ints = std::span<const std::uint64_t>;
using Strings = std::span<const std::string_view>;

struct EncodeOptions {
  int zstd_level = 3;
  double zstd_min_gain = 0.10;
  /// What integers must save by byte planes with zstd before they give up random access.
  double planes_min_gain = 0.25;
};

/// Bytes of one node, and what they are: "dict(bitpack(3))".
struct Encoded {
  ByteString bytes;
  std::string tree;
};

/// Decompressed blocks kept over the reads of one lookup, and the count of decoded bytes.
struct PointScratch {
  std::uint64_t stream = 0;  ///< the stream's number, 0 = none
  std::uint64_t block = 0;
  std::string bytes;
  std::uint64_t bytes_decoded = 0;
};

/// Integers of one node.
class IntReader {
 public:
  virtual ~IntReader() = default;
  /// Values [first, first + n) into out. Requires first + n <= the count it was opened with.
  virtual Result<void> read(std::size_t first, std::size_t n, std::uint64_t* out) const = 0;
  /// Value i, cheaply if the codec can.
  virtual Result<std::uint64_t> at(std::size_t i, PointScratch& scratch) const;
  /// The values of these rows, which ascend and lie within kBlockValues of one another, into out.
  virtual Result<void> take(std::span<const std::uint32_t> rows, std::uint64_t* out) const;
  /// The value, if all are this one.
  virtual std::optional<std::uint64_t> constant() const { return std::nullopt; }
};
using IntReaderPtr = std::unique_ptr<const IntReader>;

/// Integer column in dictionary form: entries and codes; else nullptr members.
struct IntDictionary {
  const IntReader* entries = nullptr;
  const IntReader* codes = nullptr;
  std::size_t size = 0;
};

/// Takes decoded strings; refuses more bytes than the chunk claims.
class StringSink {
 public:
  explicit StringSink(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}
  /// Room for n more strings; offsets begin at 0.
  void reserve(std::size_t n);
  Result<void> append(std::string_view v);
  /// Room for `n` more bytes, to be filled in place before end_string(). nullptr if that exceeds the claim.
  char* extend(std::size_t n);
  /// Room for one string of at most `n` bytes, to be written and then given to end_string(end).
  char* room(std::size_t n) {
    bytes_.reserve(bytes_.size() + n);
    return reinterpret_cast<char*>(bytes_.data() + bytes_.size());  // NOLINT: own buffer
  }
  /// False if the string exceeds the claim.
  bool end_string(const char* end) {
    const auto size =
        static_cast<std::size_t>(reinterpret_cast<const std::uint8_t*>(end) - bytes_.data());  // NOLINT
    if (size > bytes_max_) return false;
    bytes_.resize_uninitialized(size);
    end_string();
    return true;
  }
  void end_string() { offsets_.push(static_cast<std::int32_t>(bytes_.size())); }
  std::size_t size() const { return offsets_.size() / sizeof(std::int32_t) - 1; }
  std::string_view at(std::size_t i) const {
    const auto* o = reinterpret_cast<const std::int32_t*>(offsets_.data());  // NOLINT: own buffer
    return {reinterpret_cast<const char*>(bytes_.data()) + o[i],
            static_cast<std::size_t>(o[i + 1] - o[i])};  // NOLINT
  }
  void clear() {
    bytes_.resize(0);
    offsets_.resize(sizeof(std::int32_t));
  }
  std::uint64_t bytes_max() const { return bytes_max_; }
  MutableBuffer& bytes() { return bytes_; }
  MutableBuffer& offsets() { return offsets_; }

 private:
  std::uint64_t bytes_max_;
  MutableBuffer bytes_;
  MutableBuffer offsets_ = [] {
    MutableBuffer b;
    b.push(std::int32_t{0});
    return b;
  }();
};

/// Strings of one node.
class StringReader {
 public:
  virtual ~StringReader() = default;
  /// Appends values [first, first + n).
  virtual Result<void> read(std::size_t first, std::size_t n, StringSink& out) const = 0;
  /// Appends value i to `out`.
  virtual Result<void> at(std::size_t i, std::string& out, PointScratch& scratch) const = 0;
};
using StringReaderPtr = std::unique_ptr<const StringReader>;

// ---- the choosers ----
/// Encodes with the codec of the least estimated size. At least one value.
Encoded encode_ints(Ints values, const EncodeOptions& options, int depth = 0);
Encoded encode_strings(Strings values, const EncodeOptions& options, int depth = 0);
/// Floats by their IEEE bits (f32: in the low half).
Encoded encode_floats(Ints bits, bool is_f32, const EncodeOptions& options);

// ---- reading: the parent says how many values there are ----
Result<IntReaderPtr> open_ints(Bytes bytes, std::size_t count, int depth = 0);
Result<StringReaderPtr> open_strings(Bytes bytes, std::size_t count, int depth = 0);
/// A reader that gives IEEE bits.
Result<IntReaderPtr> open_floats(Bytes bytes, bool is_f32, std::size_t count);
/// What a reader is made of, if it is a dictionary (or a constant: one entry, codes == nullptr).
IntDictionary dictionary_of(const IntReader& reader);
struct StringDictionary {
  const StringReader* entries = nullptr;
  const IntReader* codes = nullptr;
  std::size_t size = 0;
};
StringDictionary dictionary_of(const StringReader& reader);

}  // namespace firn::storage::cold
