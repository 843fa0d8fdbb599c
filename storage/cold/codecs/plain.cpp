// plain strings: u64 bytes, child ends (position behind each string), byte stream.
#include <algorithm>

#include "storage/cold/codecs/byte_stream.hpp"
#include "storage/cold/codecs/codecs.hpp"

namespace firn::storage::cold {
namespace {

class PlainReader final : public StringReader {
 public:
  PlainReader(IntReaderPtr ends, StreamReader bytes) : ends_(std::move(ends)), bytes_(std::move(bytes)) {}

  Result<void> read(std::size_t first, std::size_t n, StringSink& out) const override {
    if (n == 0) return {};
    std::vector<std::uint64_t> ends(n);
    std::uint64_t begin = 0;
    if (first > 0) FIRN_TRY(ends_->read(first - 1, 1, &begin));
    FIRN_TRY(ends_->read(first, n, ends.data()));
    std::uint64_t last = begin;
    for (const std::uint64_t e : ends) {
      if (e < last) return damaged("string ends do not ascend");
      last = e;
    }
    if (last > bytes_.length()) return damaged("a string lies beyond its bytes");
    const std::uint64_t before = out.bytes().size();
    char* to = out.extend(last - begin);
    if (to == nullptr) return damaged("more string bytes than the chunk claims");
    FIRN_TRY(bytes_.read(begin, last - begin, reinterpret_cast<std::uint8_t*>(to)));  // NOLINT
    for (const std::uint64_t e : ends) out.offsets().push(static_cast<std::int32_t>(before + (e - begin)));
    return {};
  }

  Result<void> at(std::size_t i, std::string& out, PointScratch& scratch) const override {
    std::uint64_t begin = 0;
    if (i > 0) {
      FIRN_ASSIGN(begin, ends_->at(i - 1, scratch));
    }
    FIRN_ASSIGN(const std::uint64_t end, ends_->at(i, scratch));
    if (end < begin || end > bytes_.length()) return damaged("string ends do not ascend");
    const std::size_t size = out.size();
    out.resize(size + (end - begin));
    return bytes_.read(begin, end - begin, reinterpret_cast<std::uint8_t*>(out.data() + size),
                       scratch);  // NOLINT
  }

 private:
  IntReaderPtr ends_;
  StreamReader bytes_;
};

}  // namespace

void plain::encode(Strings values, const EncodeContext& context, Encoded& out) {
  std::vector<std::uint64_t> ends;
  std::string bytes;
  for (const std::string_view s : values) {
    bytes += s;
    ends.push_back(bytes.size());
  }
  const Encoded index = encode_ints(ends, EncodeContext{context.options, context.depth + 1, 0});
  out.bytes.push_back(static_cast<char>(Encoding::plain));
  put(out.bytes, static_cast<std::uint64_t>(bytes.size()));
  put_child(out.bytes, index.bytes);
  ByteString stream;
  const std::string kind = encode_stream(bytes, context.options, context.depth, stream);
  out.bytes += stream;
  out.tree = "plain(" + index.tree + ")" + (kind.empty() ? "" : "+" + kind);
}

Result<StringReaderPtr> plain::open(Bytes body, std::size_t count, int depth) {
  NodeParser in(body);
  const auto length = in.take<std::uint64_t>();
  const Bytes ends = in.child(), stream = in.rest();
  FIRN_TRY(in.check());
  if (length > std::uint64_t{1} << 31) return damaged("more than 2 GiB of strings");
  FIRN_ASSIGN(auto e, open_ints(ends, count, depth + 1));
  FIRN_ASSIGN(auto s, StreamReader::open(stream, length, depth + 1));
  return StringReaderPtr(std::make_unique<PlainReader>(std::move(e), std::move(s)));
}

}  // namespace firn::storage::cold
