#include "schema/arrow_decode.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "schema/bitmap.hpp"

namespace firn::arrow {
namespace fb = arrowfb;
namespace {

constexpr std::int64_t kI32Max = std::numeric_limits<std::int32_t>::max();

float half_to_float(std::uint16_t h) {
  const std::uint32_t sign = static_cast<std::uint32_t>(h & 0x8000U) << 16;
  const std::uint32_t exponent = (h >> 10) & 0x1FU;
  const std::uint32_t fraction = h & 0x3FFU;
  if (exponent == 0) {  // zero and subnormal: fraction * 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 31 ? 0xFFU : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  const std::int64_t q = a / b;
  return a % b < 0 ? q - 1 : q;
}

/// Takes the buffers of one record batch in order and turns them into columns.
class BatchDecoder {
 public:
  BatchDecoder(const fb::RecordBatch& batch, const Buffer& body, Trust trust, std::uint64_t at)
      : batch_(batch), body_(body), trust_(trust), at_(at) {}

  Result<void> check_shape(std::size_t fields) const {
    if (batch_.compression() != nullptr) {
      const bool zstd = batch_.compression()->codec() == fb::CompressionType::zstd;
      return Error(
          ErrorCode::unsupported,
          fmt::format("Arrow message at byte {}: its body is compressed with {}; write it uncompressed", at_,
                      zstd ? "ZSTD" : "LZ4"));
    }
    if (batch_.length() < 0) return damaged("negative row count");
    if (batch_.length() > kI32Max)
      return Error(ErrorCode::unsupported,
                   fmt::format("Arrow message at byte {}: {} rows in one record batch, at most {}", at_,
                               batch_.length(), kI32Max));
    const std::size_t nodes = batch_.nodes() == nullptr ? 0 : batch_.nodes()->size();
    if (nodes != fields) return damaged(fmt::format("{} columns instead of {}", nodes, fields));
    return {};
  }

  /// Requires that every buffer was taken.
  Result<void> check_end() const {
    const std::size_t buffers = batch_.buffers() == nullptr ? 0 : batch_.buffers()->size();
    if (next_buffer_ != buffers)
      return damaged(fmt::format("{} buffers instead of {}", buffers, next_buffer_));
    return {};
  }

  Result<Column> column(std::size_t i, const FieldPlan& plan, Dictionaries* dictionaries) {
    const fb::FieldNode node = struct_at(*batch_.nodes(), static_cast<flatbuffers::uoffset_t>(i));
    name_ = &plan.name;
    if (node.length() != batch_.length()) return damaged_column("its length is not the batch's");
    Column c;
    c.type = plan.type;
    c.length = node.length();
    n_ = static_cast<std::size_t>(c.length);
    if (c.type == TypeId::null) {
      c.null_count = c.length;
      return c;
    }
    FIRN_TRY(validity(c, node.null_count()));
    if (c.null_count != 0 && !plan.nullable)
      return damaged_column("NULL in a column that is declared not null");
    if (plan.dictionary) {
      if (dictionaries == nullptr) return damaged_column("a dictionary where none can be");
      FIRN_TRY(codes(c, plan, *dictionaries));
    } else if (is_variable(c.type)) {
      FIRN_TRY(variable(c, plan));
    } else {
      FIRN_TRY(fixed(c, plan));
    }
    return c;
  }

 private:
  Error damaged(std::string_view what) const {
    return {ErrorCode::corrupt, fmt::format("Arrow message at byte {}: {}", at_, what)};
  }
  Error damaged_column(std::string_view what) const {
    return {ErrorCode::corrupt,
            fmt::format("Arrow message at byte {}, column \"{}\": {}", at_, *name_, what)};
  }

  /// The next buffer, all of it.
  Result<Buffer> take() {
    const auto* buffers = batch_.buffers();
    if (buffers == nullptr || next_buffer_ >= buffers->size()) return damaged_column("a buffer is missing");
    const fb::Buffer b = struct_at(*buffers, static_cast<flatbuffers::uoffset_t>(next_buffer_++));
    const auto size = static_cast<std::int64_t>(body_.size());
    if (b.offset() < 0 || b.length() < 0 || b.offset() > size || b.length() > size - b.offset())
      return damaged_column("a buffer reaches beyond the body");
    return body_.slice(static_cast<std::size_t>(b.offset()), static_cast<std::size_t>(b.length()));
  }

  /// The next buffer: its first `bytes`, aligned.
  Result<Buffer> take(std::size_t bytes, std::size_t alignment) {
    FIRN_ASSIGN(Buffer b, take());
    if (b.size() < bytes)
      return damaged_column(fmt::format("a buffer of {} bytes where {} are needed", b.size(), bytes));
    return aligned_to(b.slice(0, bytes), alignment);
  }

  Result<void> validity(Column& c, std::int64_t null_count) {
    if (null_count == 0) {  // a bitmap may stand there nevertheless
      FIRN_TRY(take());
      return {};
    }
    FIRN_ASSIGN(c.validity, take(bitmap_bytes(n_), 1));
    c.null_count = c.length - static_cast<std::int64_t>(count_ones(c.validity.data(), 0, n_));
    if (c.null_count == 0) c.validity = {};
    return {};
  }

  Result<void> fixed(Column& c, const FieldPlan& plan) {
    if (c.type == TypeId::boolean) {
      FIRN_ASSIGN(c.values, take(bitmap_bytes(n_), 1));
      return {};
    }
    switch (plan.conversion) {
      case Conversion::half_float:
        return convert<std::uint16_t, float>(c, [](std::uint16_t v, float& out) {
          out = half_to_float(v);
          return true;
        });
      case Conversion::milliseconds_to_days:
        return convert<std::int64_t, std::int32_t>(c, [](std::int64_t v, std::int32_t& out) {
          const std::int64_t days = floor_div(v, 86'400'000);
          out = static_cast<std::int32_t>(days);
          return out == days;
        });
      case Conversion::seconds_to_us:
        return scale_up(c, 1'000'000);
      case Conversion::milliseconds_to_us:
        return scale_up(c, 1'000);
      case Conversion::nanoseconds_to_us:
        return convert<std::int64_t, std::int64_t>(c, [](std::int64_t v, std::int64_t& out) {
          out = floor_div(v, 1'000);
          return true;
        });
      default:
        break;
    }
    const std::size_t width = width_of(c.type);
    FIRN_ASSIGN(c.values, take(n_ * width, width));
    return {};
  }

  Result<void> scale_up(Column& c, std::int64_t factor) {
    return convert<std::int64_t, std::int64_t>(
        c, [factor](std::int64_t v, std::int64_t& out) { return !__builtin_mul_overflow(v, factor, &out); });
  }

  /// convert_one(v, out) says whether v fits; values under NULL need not.
  template <class From, class To, class F>
  Result<void> convert(Column& c, F convert_one) {
    FIRN_ASSIGN(Buffer raw, take(n_ * sizeof(From), alignof(From)));
    const std::span<const From> in = raw.as<From>();
    MutableBuffer out(n_ * sizeof(To));
    for (std::size_t i = 0; i < n_; ++i) {
      To v{};
      if (!convert_one(in[i], v)) {
        if (!c.is_null(i))
          return Error(
              ErrorCode::out_of_range,
              fmt::format(
                  "Arrow message at byte {}, column \"{}\", row {}: the value does not fit the type {}", at_,
                  *name_, i, name_of(c.type)));
        v = To{};
      }
      out.as<To>()[i] = v;
    }
    c.values = out.freeze();
    return {};
  }

  Result<void> variable(Column& c, const FieldPlan& plan) {
    if (plan.conversion == Conversion::fixed_size) return fixed_size_bytes(c, plan);
    if (plan.conversion == Conversion::large_offsets) {
      FIRN_TRY(large_offsets(c));
    } else {
      FIRN_TRY(small_offsets(c));
    }
    if (c.type == TypeId::utf8 && trust_ == Trust::stranger && !is_utf8_column(c))
      return damaged_column("text that is not UTF-8; declare the column as binary");
    return {};
  }

  Result<void> small_offsets(Column& c) {
    FIRN_ASSIGN(Buffer raw, take());
    FIRN_ASSIGN(c.values, take());
    if (n_ == 0) {  // writers may leave the one offset out
      c.offsets = MutableBuffer(4).freeze();
      return {};
    }
    if (raw.size() < (n_ + 1) * 4) return damaged_column("its offsets are cut short");
    c.offsets = aligned_to(raw.slice(0, (n_ + 1) * 4), 4);
    const std::span<const std::int32_t> o = c.offsets.as<std::int32_t>();
    bool ascending = o[0] >= 0;
    for (std::size_t i = 0; i < n_; ++i) ascending &= o[i] <= o[i + 1];
    if (!ascending || static_cast<std::size_t>(o[n_]) > c.values.size())
      return damaged_column("its offsets point out of bounds");
    return {};
  }

  Result<void> large_offsets(Column& c) {
    FIRN_ASSIGN(Buffer raw, take());
    FIRN_ASSIGN(Buffer values, take());
    MutableBuffer out((n_ + 1) * 4);
    if (n_ != 0) {
      if (raw.size() < (n_ + 1) * 8) return damaged_column("its offsets are cut short");
      raw = aligned_to(raw, 8);
      const std::span<const std::int64_t> o = raw.as<std::int64_t>();
      bool ascending = o[0] >= 0;
      for (std::size_t i = 0; i < n_; ++i) ascending &= o[i] <= o[i + 1];
      if (!ascending || static_cast<std::uint64_t>(o[n_]) > values.size())
        return damaged_column("its offsets point out of bounds");
      if (o[n_] - o[0] > kI32Max) return too_long();
      for (std::size_t i = 0; i <= n_; ++i)
        out.as<std::int32_t>()[i] = static_cast<std::int32_t>(o[i] - o[0]);
      c.values = values.slice(static_cast<std::size_t>(o[0]), static_cast<std::size_t>(o[n_] - o[0]));
    }
    c.offsets = out.freeze();
    return {};
  }

  Result<void> fixed_size_bytes(Column& c, const FieldPlan& plan) {
    const auto width = static_cast<std::uint64_t>(plan.byte_width);
    if (width * n_ > static_cast<std::uint64_t>(kI32Max)) return too_long();
    FIRN_ASSIGN(c.values, take(width * n_, 1));
    MutableBuffer out((n_ + 1) * 4);
    for (std::size_t i = 0; i <= n_; ++i) out.as<std::int32_t>()[i] = static_cast<std::int32_t>(i * width);
    c.offsets = out.freeze();
    return {};
  }

  Error too_long() const {
    return {ErrorCode::unsupported, fmt::format("Arrow message at byte {}, column \"{}\": more than 2 GiB in "
                                                "one record batch; write smaller ones",
                                                at_, *name_)};
  }

  Result<void> codes(Column& c, const FieldPlan& plan, Dictionaries& dictionaries) {
    auto found = dictionaries.find(plan.dictionary->id);
    if (found == dictionaries.end()) {
      if (c.null_count != c.length)
        return damaged_column(fmt::format("dictionary {} was not sent before", plan.dictionary->id));
      found = dictionaries.try_emplace(plan.dictionary->id).first;
      Column none = ColumnBuilder(plan.type).finish();
      found->second.replace(std::move(none));
    }
    FIRN_TRY(found->second.settle());
    if (found->second.values()->type != c.type)
      return damaged_column(fmt::format("its dictionary {} has values of another type", plan.dictionary->id));
    const FieldPlan::Index& index = *plan.dictionary;
    switch (index.bits) {
      case 8:
        return index.is_signed ? widen<std::int8_t>(c, found->second) : widen<std::uint8_t>(c, found->second);
      case 16:
        return index.is_signed ? widen<std::int16_t>(c, found->second)
                               : widen<std::uint16_t>(c, found->second);
      case 32:
        return index.is_signed ? widen<std::int32_t>(c, found->second)
                               : widen<std::uint32_t>(c, found->second);
      default:
        return index.is_signed ? widen<std::int64_t>(c, found->second)
                               : widen<std::uint64_t>(c, found->second);
    }
  }

  template <class Index>
  Result<void> widen(Column& c, const DictionaryState& dictionary) {
    FIRN_ASSIGN(Buffer raw, take(n_ * sizeof(Index), alignof(Index)));
    const std::span<const Index> in = raw.as<Index>();
    const std::uint64_t size = dictionary.foreign_size();
    c.dictionary = dictionary.values();
    if constexpr (sizeof(Index) == 4) {
      if (dictionary.remap().empty() && c.null_count == 0 &&
          std::all_of(in.begin(), in.end(),
                      [size](Index v) { return static_cast<std::uint32_t>(v) < size; })) {
        c.values = std::move(raw);
        return {};
      }
    }
    MutableBuffer out(n_ * 4);
    std::vector<std::size_t> null_rows;
    for (std::size_t i = 0; i < n_; ++i) {
      if (c.is_null(i)) continue;  // the code stays 0
      const auto code = static_cast<std::uint64_t>(in[i]);
      if (code >= size) return damaged_column(fmt::format("row {}: a code beyond its dictionary", i));
      const std::uint32_t ours =
          dictionary.remap().empty() ? static_cast<std::uint32_t>(code) : dictionary.remap()[code];
      if (ours == DictionaryState::kNullCode) {
        null_rows.push_back(i);
      } else {
        out.as<std::uint32_t>()[i] = ours;
      }
    }
    c.values = out.freeze();
    if (!null_rows.empty()) add_nulls(c, null_rows);
    // A code must be in bounds even under NULL: an empty dictionary has none, so the column is plain NULLs.
    if (c.dictionary->length == 0) c = all_null(c.type, c.length);
    return {};
  }

  static void add_nulls(Column& c, std::span<const std::size_t> rows) {
    const auto n = static_cast<std::size_t>(c.length);
    MutableBuffer bits(bitmap_bytes(n));
    if (c.validity.empty()) {
      std::memset(bits.data(), 0xFF, bits.size());
    } else {
      std::memcpy(bits.data(), c.validity.data(), bits.size());
    }
    for (std::size_t i : rows) clear_bit(bits.data(), i);
    c.null_count += static_cast<std::int64_t>(rows.size());
    c.validity = bits.freeze();
  }

  static Column all_null(TypeId type, std::int64_t n) {
    ColumnBuilder b(type);
    for (std::int64_t i = 0; i < n; ++i) b.append_null();
    return b.finish();
  }

  const fb::RecordBatch& batch_;
  const Buffer& body_;
  Trust trust_;
  std::uint64_t at_;
  std::size_t next_buffer_ = 0;
  std::size_t n_ = 0;
  const std::string* name_ = nullptr;
};

}  // namespace

bool is_utf8_column(const Column& c) noexcept {
  const auto n = static_cast<std::size_t>(c.length);
  if (n == 0) return true;
  const std::span<const std::int32_t> o = c.offsets.as<std::int32_t>();
  const auto begin = static_cast<std::size_t>(o[0]);
  const auto end = static_cast<std::size_t>(o[n]);
  if (begin == end) return true;
  const auto* text = reinterpret_cast<const char*>(c.values.data());  // NOLINT: bytes as text
  bool whole = simdjson::validate_utf8(text + begin, end - begin);
  for (std::size_t i = 0; i < n && whole; ++i) {
    const auto at = static_cast<std::size_t>(o[i]);
    if (at < end && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) whole = false;
  }
  if (whole) return true;
  if (c.null_count == 0) return false;  // else what lies under NULL may be anything: look at each value
  for (std::size_t i = 0; i < n; ++i) {
    const std::string_view v = c.is_null(i) ? std::string_view{} : c.bytes_at(i);
    if (!v.empty() && !simdjson::validate_utf8(v.data(), v.size())) return false;
  }
  return true;
}

Result<std::vector<Column>> decode_columns(const fb::RecordBatch& batch, const Buffer& body,
                                           std::span<const FieldPlan> fields, Dictionaries* dictionaries,
                                           Trust trust, std::uint64_t at) {
  BatchDecoder decoder(batch, body, trust, at);
  FIRN_TRY(decoder.check_shape(fields.size()));
  std::vector<Column> columns;
  columns.reserve(fields.size());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    FIRN_ASSIGN(Column c, decoder.column(i, fields[i], dictionaries));
    columns.push_back(std::move(c));
  }
  FIRN_TRY(decoder.check_end());
  return columns;
}

Result<Batch> decode_batch_message(const Schema& schema, const Buffer& message, Trust trust) {
  std::uint64_t offset = 0;
  FIRN_ASSIGN(auto view, read_message(message, offset));
  const fb::RecordBatch* batch = view ? view->root->header_as_RecordBatch() : nullptr;
  if (batch == nullptr) return Error(ErrorCode::corrupt, "Arrow message: not a record batch");
  const std::vector<FieldPlan> plan = plan_for(schema);
  FIRN_ASSIGN(auto columns, decode_columns(*batch, view->body, plan, nullptr, trust, view->at));
  return Batch(schema, batch->length(), std::move(columns));
}

}  // namespace firn::arrow
