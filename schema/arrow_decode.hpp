// Pieces of the IPC decoder that messages, streams and files share. Not part of the public interface.
#pragma once
#include <cstring>
#include <map>
#include <optional>

#include "schema/arrow_encode.hpp"
#include "schema/arrow_ipc.hpp"

namespace firn::arrow {

/// One encapsulated message, its metadata verified. `root` points into `metadata`.
struct MessageView {
  const arrowfb::Message* root = nullptr;
  Buffer metadata, body;
  std::uint64_t at = 0;  ///< where it began, for errors
};

/// The message at `offset`, which moves behind it. Nothing at the end-of-stream mark or at the end of the
/// bytes.
Result<std::optional<MessageView>> read_message(const Buffer& bytes, std::uint64_t& offset);

/// How a foreign column becomes ours.
enum class Conversion : std::uint8_t {
  none,
  half_float,     ///< Float16 -> f32
  large_offsets,  ///< i64 offsets -> i32
  fixed_size,     ///< FixedSizeBinary -> binary
  milliseconds_to_days,
  seconds_to_us,
  milliseconds_to_us,
  nanoseconds_to_us,
};

struct FieldPlan {
  std::string name;
  TypeId type = TypeId::invalid;
  bool nullable = true;
  Conversion conversion = Conversion::none;
  std::int32_t byte_width = 0;  ///< of FixedSizeBinary
  std::uint32_t column_id = 0;  ///< firn's, 0 = none
  struct Index {
    std::int64_t id = 0;
    int bits = 32;
    bool is_signed = true;
  };
  std::optional<Index> dictionary;
};

struct SchemaPlan {
  Schema schema;
  std::vector<FieldPlan> fields;
};

/// Error {unsupported} naming the column, {corrupt}.
Result<SchemaPlan> plan_schema(const arrowfb::Schema& schema);
/// Plain columns of exactly this schema.
std::vector<FieldPlan> plan_for(const Schema& schema);

/// The values of one dictionary id, with what makes them fit for Column::dictionary.
class DictionaryState {
 public:
  void replace(Column values);
  void extend(Column delta);
  /// Merges what came in; afterwards values() and remap() hold.
  Result<void> settle();
  /// Unique, non-NULL values.
  const std::shared_ptr<const Column>& values() const noexcept { return values_; }
  std::size_t foreign_size() const noexcept { return foreign_size_; }
  /// Foreign code -> position in values(), or kNullCode; empty: the same.
  std::span<const std::uint32_t> remap() const noexcept { return remap_; }
  static constexpr std::uint32_t kNullCode = 0xFFFFFFFF;

 private:
  std::vector<Column> pieces_;
  bool settled_ = false;
  std::shared_ptr<const Column> values_;
  std::vector<std::uint32_t> remap_;
  std::size_t foreign_size_ = 0;
};

using Dictionaries = std::map<std::int64_t, DictionaryState>;

/// The columns of a record batch, one a plan. `at` is for errors.
Result<std::vector<Column>> decode_columns(const arrowfb::RecordBatch& batch, const Buffer& body,
                                           std::span<const FieldPlan> fields, Dictionaries* dictionaries,
                                           Trust trust, std::uint64_t at);
/// Checks that text is UTF-8 and that no value begins within a character.
bool is_utf8_column(const Column& column) noexcept;
/// A FlatBuffer of this root type within the bounds firn accepts. Requires 8-byte alignment.
template <class Root>
bool verify_root(std::span<const std::uint8_t> bytes) {
  // Nesting that firn reads ends at depth 6; the tables of 4,096 columns with metadata fit the count.
  flatbuffers::Verifier v(bytes.data(), bytes.size(), 16, 200'000);
  return v.VerifyBuffer<Root>(nullptr);
}
/// A struct of a vector, wherever it lies: FlatBuffers' verifier does not ask whether its address suits its type. Damaged
/// bytes move structs, and apache-arrow for JavaScript once wrote files in which they lie at odd places.
template <class T>
T struct_at(const flatbuffers::Vector<const T*>& structs, flatbuffers::uoffset_t i) {
  T out;
  std::memcpy(&out, structs.Data() + std::size_t{i} * sizeof(T), sizeof(T));
  return out;
}
/// The same bytes at an address that is a multiple of `alignment`: shared or copied.
Buffer aligned_to(const Buffer& bytes, std::size_t alignment);

}  // namespace firn::arrow
