// Streams and files: the same messages; a file has a magic at both ends and a footer that lists where they
// are.
#include <fmt/format.h>

#include <string>
#include <unordered_map>

#include "schema/arrow_encode.hpp"

namespace firn::arrow {
namespace fb = arrowfb;

/// One growing dictionary a column: what a batch brings that was not sent yet goes out as a delta before it.
class DictionaryWriter {
 public:
  DictionaryWriter(const Schema& schema, const Batch* first)
      : forms_(schema.size()), columns_(schema.size()) {
    for (std::size_t i = 0; first != nullptr && i < schema.size(); ++i)
      if ((*first)[i].dictionary && first->columns()[i].type != TypeId::boolean)
        forms_[i].dictionary_id = static_cast<std::int64_t>(i);
  }

  std::span<const FieldForm> forms() const { return forms_; }

  /// The columns as they are to be written; dictionary messages that must go before them are added to
  /// `before`.
  std::vector<Column> prepare(const Batch& batch, std::vector<EncodedMessage>& before) {
    std::vector<Column> out;
    out.reserve(batch.columns().size());
    for (std::size_t i = 0; i < batch.columns().size(); ++i) {
      const Column& c = batch[i];
      if (forms_[i].dictionary_id) {
        out.push_back(encode(c, columns_[i], *forms_[i].dictionary_id, before));
      } else {
        out.push_back(c.dictionary ? c.to_plain() : c);
      }
    }
    return out;
  }

 private:
  struct Sent {
    std::unordered_map<std::string, std::uint32_t> codes;  ///< value bytes -> code
    std::shared_ptr<const Column> last;                    ///< the dictionary that remap belongs to
    std::vector<std::uint32_t> remap;
    bool any = false;
  };

  static std::string bytes_of(const Column& c, std::size_t i) {
    if (is_variable(c.type)) return std::string(c.bytes_at(i));
    const std::size_t width = width_of(c.type);
    return {reinterpret_cast<const char*>(c.values.data() + i * width),
            width};  // NOLINT: the bytes of a number
  }

  static std::uint32_t code_of(const Column& values, std::size_t i, Sent& sent, ColumnBuilder& added) {
    const auto next = static_cast<std::uint32_t>(sent.codes.size());
    const auto [at, is_new] = sent.codes.try_emplace(bytes_of(values, i), next);
    if (is_new) added.append_from(values, i);
    return at->second;
  }

  static Column encode(const Column& c, Sent& sent, std::int64_t id, std::vector<EncodedMessage>& before) {
    ColumnBuilder added(c.type);
    const auto n = static_cast<std::size_t>(c.length);
    MutableBuffer codes(n * 4);
    if (c.dictionary && c.dictionary != sent.last) {
      sent.remap.resize(static_cast<std::size_t>(c.dictionary->length));
      for (std::size_t i = 0; i < sent.remap.size(); ++i)
        sent.remap[i] = code_of(*c.dictionary, i, sent, added);
      sent.last = c.dictionary;
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (c.is_null(i)) continue;
      codes.as<std::uint32_t>()[i] = c.dictionary ? sent.remap[c.codes()[i]] : code_of(c, i, sent, added);
    }
    Column values = added.finish();
    if (values.length != 0 || !sent.any) before.push_back(encode_dictionary_batch(id, values, sent.any));
    sent.any = true;
    Column out;
    out.type = c.type;
    out.length = c.length;
    out.null_count = c.null_count;
    out.validity = c.validity;
    out.values = codes.freeze();
    out.dictionary = std::make_shared<const Column>(std::move(values));
    return out;
  }

  std::vector<FieldForm> forms_;
  std::vector<Sent> columns_;
};

namespace {

Buffer end_of_stream() {
  MutableBuffer out;
  out.push(kContinuation);
  out.push(std::uint32_t{0});
  return out.freeze();
}

Result<void> check_columns(const Schema& schema, const Batch& batch) {
  if (batch.columns().size() != schema.size())
    return Error(ErrorCode::invalid_argument,
                 fmt::format("Arrow writer: a batch of {} columns where the schema has {}",
                             batch.columns().size(), schema.size()));
  for (std::size_t i = 0; i < schema.size(); ++i)
    if (batch[i].type != schema[i].type || batch[i].length != batch.rows())
      return Error(ErrorCode::invalid_argument,
                   fmt::format("Arrow writer: column \"{}\" does not fit the schema", schema[i].name));
  return {};
}

}  // namespace

ArrowStreamWriter::ArrowStreamWriter(Schema schema, Sink sink, WriteOptions options)
    : schema_(std::move(schema)), sink_(std::move(sink)), options_(options) {}
ArrowStreamWriter::ArrowStreamWriter(ArrowStreamWriter&&) noexcept = default;
ArrowStreamWriter::~ArrowStreamWriter() = default;

Result<void> ArrowStreamWriter::put(const EncodedMessage& message) {
  FIRN_TRY(sink_(message.metadata.bytes()));
  for (const Buffer& b : message.body) FIRN_TRY(sink_(b.bytes()));
  written_ += message.length();
  return {};
}

Result<void> ArrowStreamWriter::begin(const Batch* first) {
  if (dictionaries_) return {};
  dictionaries_ = std::make_unique<DictionaryWriter>(schema_, options_.keep_dictionaries ? first : nullptr);
  return put(encode_schema(schema_, dictionaries_->forms()));
}

Result<void> ArrowStreamWriter::write(const Batch& batch) {
  FIRN_TRY(check_columns(schema_, batch));
  FIRN_TRY(begin(&batch));
  std::vector<EncodedMessage> before;
  const std::vector<Column> columns = dictionaries_->prepare(batch, before);
  for (const EncodedMessage& m : before) FIRN_TRY(put(m));
  return put(encode_record_batch(batch.rows(), columns));
}

Result<void> ArrowStreamWriter::close() {
  FIRN_TRY(begin(nullptr));
  const Buffer end = end_of_stream();
  written_ += end.size();
  return sink_(end.bytes());
}

ArrowFileWriter::ArrowFileWriter(Schema schema, Sink sink, WriteOptions options)
    : schema_(std::move(schema)), sink_(std::move(sink)), options_(options) {}
ArrowFileWriter::ArrowFileWriter(ArrowFileWriter&&) noexcept = default;
ArrowFileWriter::~ArrowFileWriter() = default;

Result<void> ArrowFileWriter::put_bytes(std::span<const std::uint8_t> bytes) {
  written_ += bytes.size();
  return sink_(bytes);
}

Result<void> ArrowFileWriter::put(const EncodedMessage& message, std::vector<Block>* blocks) {
  if (blocks != nullptr) blocks->push_back({written_, message.metadata.size(), message.body_length});
  FIRN_TRY(put_bytes(message.metadata.bytes()));
  for (const Buffer& b : message.body) FIRN_TRY(put_bytes(b.bytes()));
  return {};
}

Result<void> ArrowFileWriter::begin(const Batch* first) {
  if (dictionaries_) return {};
  dictionaries_ = std::make_unique<DictionaryWriter>(schema_, options_.keep_dictionaries ? first : nullptr);
  // A whole 64 bytes of head would keep buffers on 64-byte boundaries, but readers expect the schema at
  // byte 8.
  MutableBuffer head(kFileHeadBytes);
  std::memcpy(head.data(), kFileMagic.data(), kFileMagic.size());
  FIRN_TRY(put_bytes({head.data(), head.size()}));
  return put(encode_schema(schema_, dictionaries_->forms()), nullptr);
}

Result<void> ArrowFileWriter::write(const Batch& batch) {
  FIRN_TRY(check_columns(schema_, batch));
  FIRN_TRY(begin(&batch));
  std::vector<EncodedMessage> before;
  const std::vector<Column> columns = dictionaries_->prepare(batch, before);
  for (const EncodedMessage& m : before) FIRN_TRY(put(m, &dictionary_blocks_));
  return put(encode_record_batch(batch.rows(), columns), &batch_blocks_);
}

Result<void> ArrowFileWriter::close() {
  FIRN_TRY(begin(nullptr));
  FIRN_TRY(put_bytes(end_of_stream().bytes()));
  auto to_fb = [](const std::vector<Block>& blocks) {
    std::vector<fb::Block> out;
    out.reserve(blocks.size());
    for (const Block& b : blocks)
      out.emplace_back(static_cast<std::int64_t>(b.offset), static_cast<std::int32_t>(b.metadata_length),
                       static_cast<std::int64_t>(b.body_length));
    return out;
  };
  flatbuffers::FlatBufferBuilder b(1024);
  auto schema = build_schema(b, schema_, dictionaries_->forms());
  auto dictionaries = b.CreateVectorOfStructs(to_fb(dictionary_blocks_));
  auto batches = b.CreateVectorOfStructs(to_fb(batch_blocks_));
  b.Finish(fb::CreateFooter(b, fb::MetadataVersion::V5, schema, dictionaries, batches));
  FIRN_TRY(put_bytes({b.GetBufferPointer(), b.GetSize()}));
  MutableBuffer tail;
  tail.push(static_cast<std::uint32_t>(b.GetSize()));
  tail.append(kFileMagic.data(), kFileMagic.size());
  return put_bytes({tail.data(), tail.size()});
}

}  // namespace firn::arrow
