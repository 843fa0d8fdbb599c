// The choosers: least estimate wins; and the readers by encoding number.
#include "storage/cold/encoding.hpp"

#include <algorithm>

#include "storage/cold/codecs/codecs.hpp"
#include "storage/cold/codecs/dictionary_reader.hpp"

namespace firn::storage::cold {
namespace {

/// Below this depth only constants and frames: cascades pay in their first levels.
constexpr int kCascadeMax = 4;
/// Strings looked at to choose between the string codecs.
constexpr std::size_t kStringSample = 4096;

struct Choice {
  Encoding encoding = Encoding::frame;
  double bytes = kNoFit;
  void offer(Encoding e, double b) {
    if (b < bytes) encoding = e, bytes = b;
  }
};

Choice choose(Ints v, const IntProfile& p, const EncodeContext& context) {
  Choice c;
  if (p.constant()) return {Encoding::constant, 9};
  c.offer(Encoding::frame, frame::estimate(v, p));
  if (context.depth >= kCascadeMax || v.size() < 32) return c;
  if (context.allows(Encoding::run_length))
    c.offer(Encoding::run_length, run_length::estimate(v, p, context));
  if (context.allows(Encoding::patched)) c.offer(Encoding::patched, patched::estimate(v, p));
  if (context.allows(Encoding::delta)) c.offer(Encoding::delta, delta::estimate(v, context));
  if (context.allows(Encoding::dictionary))
    c.offer(Encoding::dictionary, dictionary::estimate(v, p, context));
  // Compression costs more than all others to try and to read: only where much is left.
  if (context.allows(Encoding::byte_planes) && c.bytes * 8 > 4.0 * static_cast<double>(v.size())) {
    c.offer(Encoding::byte_planes, byte_planes::estimate(v, p, context));
  }
  return c;
}

/// A few runs of neighbours from all over the values.
std::vector<std::string_view> sample_of(Strings v) {
  if (v.size() <= kStringSample) return {v.begin(), v.end()};
  constexpr std::size_t kRuns = 8, kRun = kStringSample / kRuns;
  std::vector<std::string_view> s;
  for (std::size_t r = 0; r < kRuns; ++r) {
    const std::size_t from = (v.size() - kRun) * r / (kRuns - 1);
    s.insert(s.end(), v.begin() + static_cast<std::ptrdiff_t>(from),
             v.begin() + static_cast<std::ptrdiff_t>(from + kRun));
  }
  return s;
}

bool try_encode(Encoding e, Strings v, const EncodeContext& context, Encoded& out) {
  out = {};
  switch (e) {
    case Encoding::dictionary:
      return dictionary::encode(v, context, out);
    case Encoding::pattern:
      return pattern::encode(v, context, out);
    default:
      plain::encode(v, context, out);
      return true;
  }
}

}  // namespace

IntProfile profile_of(Ints v) {
  IntProfile p;
  p.min = p.max = static_cast<std::int64_t>(v[0]);
  for (std::size_t i = 1; i < v.size(); ++i) {
    const auto x = static_cast<std::int64_t>(v[i]);
    p.min = std::min(p.min, x);
    p.max = std::max(p.max, x);
    p.runs += v[i] != v[i - 1] ? 1 : 0;
  }
  return p;
}

double estimate_ints(Ints values, const EncodeContext& context) {
  return choose(values, profile_of(values), context).bytes;
}

Encoded encode_ints(Ints values, const EncodeContext& context) {
  const IntProfile p = profile_of(values);
  Encoded out;
  switch (choose(values, p, context).encoding) {
    case Encoding::constant:
      constant::encode(values[0], out);
      break;
    case Encoding::run_length:
      run_length::encode(values, context, out);
      break;
    case Encoding::patched:
      patched::encode(values, context, out);
      break;
    case Encoding::delta:
      delta::encode(values, context, out);
      break;
    case Encoding::dictionary:
      dictionary::encode(values, context, out);
      break;
    case Encoding::byte_planes:
      byte_planes::encode(values, p, context, out);
      break;
    default:
      frame::encode(values, p, out);
      break;
  }
  return out;
}

Encoded encode_ints(Ints values, const EncodeOptions& options, int depth) {
  return encode_ints(values, EncodeContext{options, depth, 0});
}

Encoded encode_strings(Strings values, const EncodeContext& context) {
  // Judged by encoding a sample, except for the dictionary: its size depends on all values, so it is judged
  // whole.
  const std::vector<std::string_view> sample = sample_of(values);
  const double factor = static_cast<double>(values.size()) / static_cast<double>(sample.size());
  Choice best;
  Encoded trial, whole_dictionary;
  for (const Encoding e : {Encoding::plain, Encoding::pattern}) {
    if (!context.allows(e) || (e == Encoding::pattern && context.depth >= kCascadeMax)) continue;
    if (try_encode(e, sample, context, trial))
      best.offer(e, static_cast<double>(trial.bytes.size()) * factor);
  }
  if (context.allows(Encoding::dictionary) && context.depth < kCascadeMax &&
      try_encode(Encoding::dictionary, values, context, whole_dictionary)) {
    best.offer(Encoding::dictionary, static_cast<double>(whole_dictionary.bytes.size()));
  }
  if (best.encoding == Encoding::dictionary) return whole_dictionary;
  if (!try_encode(best.encoding, values, context, trial))
    (void)try_encode(Encoding::plain, values, context, trial);
  return trial;
}

Encoded encode_strings(Strings values, const EncodeOptions& options, int depth) {
  return encode_strings(values, EncodeContext{options, depth, 0});
}

Encoded encode_floats(Ints bits, bool is_f32, const EncodeOptions& options) {
  const EncodeContext context{options, 0, 0};
  Encoded as_bits = encode_ints(bits, EncodeContext{options, 1, 0});
  as_bits.bytes.insert(as_bits.bytes.begin(), static_cast<char>(Encoding::float_bits));
  Encoded out;
  if (decimal::encode(bits, is_f32, context, out) && out.bytes.size() < as_bits.bytes.size()) return out;
  return as_bits;
}

Result<std::uint64_t> IntReader::at(std::size_t i, PointScratch& scratch) const {
  scratch.bytes_decoded += sizeof(std::uint64_t);
  std::uint64_t v = 0;
  FIRN_TRY(read(i, 1, &v));
  return v;
}

Result<void> IntReader::take(std::span<const std::uint32_t> rows, std::uint64_t* out) const {
  std::uint64_t v[kBlockValues];
  const std::uint32_t first = rows.front();
  FIRN_TRY(read(first, rows.back() - first + 1, v));
  for (const std::uint32_t r : rows) *out++ = v[r - first];
  return {};
}

namespace {
/// The encoding's number, and what is behind it.
Result<Encoding> take_encoding(Bytes& bytes, int depth) {
  if (depth > kDepthMax) return damaged("nodes nest too deep");
  FIRN_ASSIGN(const std::uint8_t* p, bytes.get(0, 1));
  ++bytes.offset, --bytes.length;
  return static_cast<Encoding>(*p);
}
}  // namespace

Result<IntReaderPtr> open_ints(Bytes bytes, std::size_t count, int depth) {
  FIRN_ASSIGN(const Encoding e, take_encoding(bytes, depth));
  switch (e) {
    case Encoding::constant:
      return constant::open(bytes, count);
    case Encoding::frame:
      return frame::open(bytes, count);
    case Encoding::delta:
      return delta::open(bytes, count, depth);
    case Encoding::run_length:
      return run_length::open(bytes, count, depth);
    case Encoding::dictionary:
      return dictionary::open(bytes, count, depth);
    case Encoding::patched:
      return patched::open(bytes, count, depth);
    case Encoding::byte_planes:
      return byte_planes::open(bytes, count, depth);
    default:
      return damaged("unknown integer encoding");
  }
}

Result<StringReaderPtr> open_strings(Bytes bytes, std::size_t count, int depth) {
  FIRN_ASSIGN(const Encoding e, take_encoding(bytes, depth));
  switch (e) {
    case Encoding::dictionary:
      return dictionary::open_strings(bytes, count, depth);
    case Encoding::plain:
      return plain::open(bytes, count, depth);
    case Encoding::pattern:
      return pattern::open(bytes, count, depth);
    default:
      return damaged("unknown string encoding");
  }
}

Result<IntReaderPtr> open_floats(Bytes bytes, bool is_f32, std::size_t count) {
  FIRN_ASSIGN(const Encoding e, take_encoding(bytes, 0));
  switch (e) {
    case Encoding::float_bits:
      return open_ints(bytes, count, 1);
    case Encoding::decimal:
      return decimal::open(bytes, is_f32, count, 0);
    default:
      return damaged("unknown float encoding");
  }
}

IntDictionary dictionary_of(const IntReader& reader) {
  const auto* d = dynamic_cast<const IntDictionaryReader*>(&reader);
  return d == nullptr ? IntDictionary{} : d->parts();
}

StringDictionary dictionary_of(const StringReader& reader) {
  const auto* d = dynamic_cast<const StringDictionaryReader*>(&reader);
  return d == nullptr ? StringDictionary{} : d->parts();
}

void StringSink::reserve(std::size_t n) { offsets_.reserve(offsets_.size() + n * sizeof(std::int32_t)); }

char* StringSink::extend(std::size_t n) {
  const std::size_t size = bytes_.size();
  if (n > bytes_max_ || size > bytes_max_ - n) return nullptr;
  bytes_.reserve(kBufferAlignment);  // never null: nullptr means refused
  bytes_.resize_uninitialized(size + n);
  return reinterpret_cast<char*>(bytes_.data() + size);  // NOLINT: own buffer
}

Result<void> StringSink::append(std::string_view v) {
  char* to = extend(v.size());
  if (to == nullptr) return damaged("more string bytes than the chunk claims");
  if (!v.empty()) std::memcpy(to, v.data(), v.size());
  end_string();
  return {};
}

}  // namespace firn::storage::cold
