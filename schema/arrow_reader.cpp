// Streams and files that lie in memory, batch by batch.
#include <fmt/format.h>

#include "schema/arrow_decode.hpp"

namespace firn::arrow {
namespace fb = arrowfb;
namespace {

constexpr std::size_t kFileTailBytes = 10;  ///< i32 footer length, magic

Error damaged_file(std::string_view what) {
  return {ErrorCode::corrupt, fmt::format("Arrow file: {}", what)};
}

bool has_magic(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= kFileMagic.size() &&
         std::memcmp(bytes.data(), kFileMagic.data(), kFileMagic.size()) == 0;
}

struct Footer {
  Buffer bytes;
  const fb::Footer* root = nullptr;
};

Result<Footer> read_footer(const Buffer& file) {
  const std::size_t size = file.size();
  if (size < kFileHeadBytes + kFileTailBytes || !has_magic(file.bytes().subspan(size - kFileMagic.size())))
    return damaged_file("no magic at its end; it is cut short or was not closed by its writer");
  std::int32_t length = 0;
  std::memcpy(&length, file.data() + size - kFileTailBytes, 4);
  const std::size_t room = size - kFileHeadBytes - kFileTailBytes;
  if (length <= 0 || static_cast<std::size_t>(length) > room)
    return damaged_file(fmt::format("impossible footer length {}", length));
  const auto n = static_cast<std::size_t>(length);
  Footer f;
  f.bytes = aligned_to(file.slice(size - kFileTailBytes - n, n), 8);
  if (!verify_root<fb::Footer>(f.bytes.bytes())) return damaged_file("its footer is damaged");
  f.root = flatbuffers::GetRoot<fb::Footer>(f.bytes.data());
  if (f.root->schema() == nullptr) return damaged_file("its footer has no schema");
  return f;
}

}  // namespace

struct ArrowReader::State {
  Buffer bytes;
  Trust trust = Trust::stranger;
  SchemaPlan plan;
  Dictionaries dictionaries;
  std::optional<Error> failed;
  // stream
  std::uint64_t offset = 0;
  // file
  std::optional<Footer> footer;
  flatbuffers::uoffset_t next_batch = 0;

  Result<void> open_stream();
  Result<void> open_file();
  Result<void> load_dictionaries();
  Result<MessageView> message_at(const fb::Block& block) const;
  Result<void> add_dictionary(const MessageView& message);
  Result<Batch> to_batch(const MessageView& message);
  Result<std::optional<Batch>> next_of_stream();
  Result<std::optional<Batch>> next_of_file();
};

Result<void> ArrowReader::State::open_stream() {
  FIRN_ASSIGN(auto message, read_message(bytes, offset));
  const fb::Schema* schema = message ? message->root->header_as_Schema() : nullptr;
  if (schema == nullptr)
    return Error(ErrorCode::corrupt, "Arrow stream: it does not begin with a schema message");
  FIRN_ASSIGN(plan, plan_schema(*schema));
  return {};
}

Result<void> ArrowReader::State::open_file() {
  FIRN_ASSIGN(footer, read_footer(bytes));
  FIRN_ASSIGN(plan, plan_schema(*footer->root->schema()));
  return load_dictionaries();
}

/// A file's dictionaries (and their deltas) hold for all its batches, wherever they lie.
Result<void> ArrowReader::State::load_dictionaries() {
  const auto* blocks = footer->root->dictionaries();
  for (flatbuffers::uoffset_t i = 0; blocks != nullptr && i < blocks->size(); ++i) {
    FIRN_ASSIGN(MessageView m, message_at(struct_at(*blocks, i)));
    if (m.root->header_as_DictionaryBatch() == nullptr)
      return damaged_file(fmt::format("no dictionary at byte {}", m.at));
    FIRN_TRY(add_dictionary(m));
  }
  return {};
}

Result<MessageView> ArrowReader::State::message_at(const fb::Block& block) const {
  const auto size = static_cast<std::int64_t>(bytes.size());
  if (block.offset() < 0 || block.offset() >= size)
    return damaged_file(fmt::format("its footer points to byte {} of {}", block.offset(), size));
  auto at = static_cast<std::uint64_t>(block.offset());
  FIRN_ASSIGN(auto message, read_message(bytes, at));
  if (!message) return damaged_file(fmt::format("no message at byte {}", block.offset()));
  return std::move(*message);
}

Result<void> ArrowReader::State::add_dictionary(const MessageView& message) {
  const fb::DictionaryBatch* batch = message.root->header_as_DictionaryBatch();
  if (batch->data() == nullptr)
    return Error(ErrorCode::corrupt,
                 fmt::format("Arrow message at byte {}: a dictionary without data", message.at));
  for (const FieldPlan& f : plan.fields) {
    if (!f.dictionary || f.dictionary->id != batch->id()) continue;
    FieldPlan values = f;
    values.dictionary.reset();
    values.nullable = true;
    FIRN_ASSIGN(auto columns,
                decode_columns(*batch->data(), message.body, {&values, 1}, nullptr, trust, message.at));
    DictionaryState& state = dictionaries[batch->id()];
    if (batch->is_delta()) {
      state.extend(std::move(columns[0]));
    } else {
      state.replace(std::move(columns[0]));
    }
    break;  // columns that share a dictionary have one type of values
  }
  return {};  // one that no column uses is passed over
}

Result<Batch> ArrowReader::State::to_batch(const MessageView& message) {
  const fb::RecordBatch* batch = message.root->header_as_RecordBatch();
  FIRN_ASSIGN(auto columns,
              decode_columns(*batch, message.body, plan.fields, &dictionaries, trust, message.at));
  return Batch(plan.schema, batch->length(), std::move(columns));
}

Result<std::optional<Batch>> ArrowReader::State::next_of_stream() {
  while (true) {
    FIRN_ASSIGN(auto message, read_message(bytes, offset));
    if (!message) return std::optional<Batch>{};
    if (message->root->header_as_DictionaryBatch() != nullptr) {
      FIRN_TRY(add_dictionary(*message));
    } else if (message->root->header_as_RecordBatch() != nullptr) {
      FIRN_ASSIGN(Batch b, to_batch(*message));
      return std::optional<Batch>(std::move(b));
    } else {
      return Error(ErrorCode::corrupt,
                   fmt::format("Arrow stream: an unexpected message at byte {}", message->at));
    }
  }
}

Result<std::optional<Batch>> ArrowReader::State::next_of_file() {
  const auto* blocks = footer->root->record_batches();
  if (blocks == nullptr || next_batch >= blocks->size()) return std::optional<Batch>{};
  FIRN_ASSIGN(MessageView m, message_at(struct_at(*blocks, next_batch)));
  if (m.root->header_as_RecordBatch() == nullptr)
    return damaged_file(fmt::format("no record batch at byte {}", m.at));
  ++next_batch;
  FIRN_ASSIGN(Batch b, to_batch(m));
  return std::optional<Batch>(std::move(b));
}

ArrowReader::ArrowReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
ArrowReader::ArrowReader(ArrowReader&&) noexcept = default;
ArrowReader& ArrowReader::operator=(ArrowReader&&) noexcept = default;
ArrowReader::~ArrowReader() = default;

Result<ArrowReader> ArrowReader::open(Buffer bytes, Trust trust) {
  auto state = std::make_unique<State>();
  state->bytes = std::move(bytes);
  state->trust = trust;
  if (has_magic(state->bytes.bytes())) {
    FIRN_TRY(state->open_file());
  } else {
    FIRN_TRY(state->open_stream());
  }
  return ArrowReader(std::move(state));
}

const Schema& ArrowReader::schema() const noexcept { return state_->plan.schema; }

Result<std::optional<Batch>> ArrowReader::next() {
  if (state_->failed) return *state_->failed;
  auto batch = state_->footer ? state_->next_of_file() : state_->next_of_stream();
  if (!batch) state_->failed = batch.error();
  return batch;
}

bool looks_like_arrow(std::span<const std::uint8_t> head) noexcept {
  if (has_magic(head)) return true;
  std::uint32_t mark = 0;
  if (head.size() < 8) return false;
  std::memcpy(&mark, head.data(), 4);
  return mark == kContinuation;
}

}  // namespace firn::arrow
