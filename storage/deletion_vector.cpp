#include "storage/deletion_vector.hpp"

#include <roaring/roaring.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>

namespace firn::storage {
namespace {

constexpr char kForm = 1;
constexpr std::size_t kVectorHeaderBytes = 1 + 4 + 4;
constexpr std::uint32_t kRunRows = 256;  // taken from the bitmap at once

Error malformed(const char* what) {
  return {ErrorCode::corrupt, std::string("a stored deletion vector is malformed: ") + what};
}

/// Calls visit(row) for the rows of the bitmap in [first, last), in order.
template <class Visit>
void visit_range(const roaring_bitmap_t* bitmap, std::uint64_t first, std::uint64_t last, Visit visit) {
  roaring_uint32_iterator_t at;
  roaring_init_iterator(bitmap, &at);
  if (first > ~std::uint32_t{0} ||
      !roaring_move_uint32_iterator_equalorlarger(&at, static_cast<std::uint32_t>(first)))
    return;
  std::array<std::uint32_t, kRunRows> run;
  while (const std::uint32_t n = roaring_read_uint32_iterator(&at, run.data(), kRunRows))
    for (std::uint32_t i = 0; i < n; ++i) {
      if (run[i] >= last) return;
      visit(run[i]);
    }
}

void append_delta(std::string& to, std::uint64_t value, std::uint64_t before) {
  const auto delta = static_cast<std::int64_t>(value - before);
  auto zigzag = (static_cast<std::uint64_t>(delta) << 1) ^ static_cast<std::uint64_t>(delta >> 63);
  for (; zigzag >= 0x80; zigzag >>= 7) to.push_back(static_cast<char>(zigzag | 0x80));
  to.push_back(static_cast<char>(zigzag));
}

bool read_delta(std::string_view& from, std::uint64_t before, std::uint64_t& value) {
  std::uint64_t zigzag = 0;
  for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(from.front());
    from.remove_prefix(1);
    zigzag |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    value = before + ((zigzag >> 1) ^ (~(zigzag & 1) + 1));
    return true;
  }
  return false;
}

/// Reads rows out of Roaring's portable format (https://github.com/RoaringBitmap/RoaringFormatSpec). CRoaring's own reader
/// checks lengths but not what containers hold, and complains on stderr; nothing read here is trusted.
class PortableRows {
 public:
  PortableRows(std::string_view bytes, std::size_t count, std::uint64_t rows)
      : bytes_(bytes), count_(count), bound_(rows) {
    found_.reserve(count);
  }

  Result<std::vector<std::uint32_t>> read() {
    const std::uint64_t cookie = take(4);
    const bool runs = (cookie & 0xffff) == kCookieRuns;
    const std::uint64_t containers = runs ? (cookie >> 16) + 1 : cookie == kCookie ? take(4) : 0;
    if (containers == 0 || containers > 0x10000) return malformed("its bitmap has another form");
    const std::string_view run_flags = part(runs ? (containers + 7) / 8 : 0);
    const std::string_view keys = part(4 * containers);
    if (!runs || containers >= kOffsetsFrom)
      part(4 * containers);  // offsets: containers follow one another anyway
    for (std::uint64_t i = 0; i < containers && sound_; ++i) {
      const std::uint64_t base = number(keys, 4 * i, 2) << 16, size = number(keys, 4 * i + 2, 2) + 1;
      if (runs && (number(run_flags, i / 8, 1) >> (i % 8) & 1) != 0)
        read_runs(base);
      else if (size > kArrayMax)
        read_words(base);
      else
        read_array(base, size);
    }
    if (!sound_ || !bytes_.empty() || found_.size() != count_)
      return malformed("its bitmap holds other rows than it says");
    return std::move(found_);
  }

 private:
  static constexpr std::uint64_t kCookie = 12'346, kCookieRuns = 12'347, kOffsetsFrom = 4, kArrayMax = 4'096;

  void read_array(std::uint64_t base, std::uint64_t size) {
    const std::string_view list = part(2 * size);
    for (std::uint64_t i = 0; i < size && sound_; ++i) add(base | number(list, 2 * i, 2));
  }
  void read_runs(std::uint64_t base) {
    const std::uint64_t runs = take(2);
    const std::string_view list = part(4 * runs);
    for (std::uint64_t r = 0; r < runs && sound_; ++r) {
      const std::uint64_t first = number(list, 4 * r, 2), last = first + number(list, 4 * r + 2, 2);
      if (last > 0xffff) sound_ = false;
      for (std::uint64_t low = first; low <= last && sound_; ++low) add(base | low);
    }
  }
  void read_words(std::uint64_t base) {
    const std::string_view words = part(8'192);
    for (std::uint64_t w = 0; w < 1'024 && sound_; ++w)
      for (std::uint64_t bits = number(words, 8 * w, 8); bits != 0 && sound_; bits &= bits - 1)
        add(base | (64 * w + static_cast<std::uint64_t>(std::countr_zero(bits))));
  }
  void add(std::uint64_t row) {
    if (row >= bound_ || found_.size() == count_ || (!found_.empty() && row <= found_.back()))
      sound_ = false;
    else
      found_.push_back(static_cast<std::uint32_t>(row));
  }
  std::string_view part(std::uint64_t size) {
    if (size > bytes_.size()) sound_ = false;
    const std::string_view out = sound_ ? bytes_.substr(0, size) : std::string_view();
    bytes_.remove_prefix(out.size());
    return out;
  }
  std::uint64_t take(std::size_t width) { return number(part(width), 0, width); }
  static std::uint64_t number(std::string_view from, std::uint64_t at, std::size_t width) {
    std::uint64_t v = 0;
    if (at + width <= from.size()) std::memcpy(&v, from.data() + at, width);
    return v;
  }

  std::string_view bytes_;
  std::size_t count_;
  std::uint64_t bound_;
  std::vector<std::uint32_t> found_;
  bool sound_ = true;
};

}  // namespace

void DeletionVector::Free::operator()(roaring_bitmap_s* bitmap) const { roaring_bitmap_free(bitmap); }

void DeletionVector::build(std::span<const std::uint32_t> rows, std::vector<std::uint64_t> ends) {
  if (rows.empty()) return;
  rows_.reset(roaring_bitmap_of_ptr(rows.size(), rows.data()));
  if (!rows_) throw std::bad_alloc();
  roaring_bitmap_run_optimize(rows_.get());
  roaring_bitmap_shrink_to_fit(rows_.get());
  count_ = rows.size();
  const auto [least, greatest] = std::minmax_element(ends.begin(), ends.end());
  least_ = *least;
  greatest_ = *greatest;
  if (least_ != greatest_) ends_ = std::move(ends);
}

DeletionVector::DeletionVector(std::vector<End> ends) {
  std::sort(ends.begin(), ends.end());
  *this = from_sorted(ends);
}

DeletionVector DeletionVector::from_sorted(std::span<const End> ends) {
  std::vector<std::uint32_t> rows;
  std::vector<std::uint64_t> csns;
  rows.reserve(ends.size());
  csns.reserve(ends.size());
  for (const End& e : ends) {
    if (!rows.empty() && rows.back() == e.row) continue;  // the least end of a row comes first
    rows.push_back(e.row);
    csns.push_back(e.csn);
  }
  DeletionVector out;
  out.build(rows, std::move(csns));
  return out;
}

std::vector<DeletionVector::End> DeletionVector::list() const {
  std::vector<End> out;
  out.reserve(count_);
  if (rows_)
    visit_range(rows_.get(), 0, ~std::uint64_t{0}, [&](std::uint32_t row) {
      out.push_back({row, end_at(out.size())});
    });
  return out;
}

DeletionVector DeletionVector::with(std::vector<End> more) const {
  std::sort(more.begin(), more.end());
  std::vector<End> all = list();
  const auto middle = static_cast<std::ptrdiff_t>(all.size());
  all.insert(all.end(), more.begin(), more.end());
  std::inplace_merge(all.begin(), all.begin() + middle, all.end());
  return from_sorted(all);
}

std::size_t DeletionVector::rank(std::uint64_t row) const {
  if (!rows_ || row == 0) return 0;
  const std::uint64_t below = std::min<std::uint64_t>(row - 1, ~std::uint32_t{0});
  return roaring_bitmap_rank(rows_.get(), static_cast<std::uint32_t>(below));
}

std::uint64_t DeletionVector::end_of(std::uint32_t row) const {
  if (!rows_ || !roaring_bitmap_contains(rows_.get(), row)) return 0;
  return end_at(rank(row));
}

void DeletionVector::append_ended(std::uint64_t first, std::uint64_t last, std::uint64_t csn,
                                  std::vector<std::uint32_t>& rows) const {
  if (!rows_ || least_ > csn) return;
  if (greatest_ <= csn) {
    visit_range(rows_.get(), first, last, [&](std::uint32_t row) { rows.push_back(row); });
    return;
  }
  std::size_t at = rank(first);
  visit_range(rows_.get(), first, last, [&](std::uint32_t row) {
    if (end_at(at++) <= csn) rows.push_back(row);
  });
}

std::uint64_t DeletionVector::count_ended(std::uint64_t first, std::uint64_t last, std::uint64_t csn) const {
  if (!rows_ || least_ > csn || first >= last) return 0;
  const std::size_t from = rank(first), to = rank(last);
  if (greatest_ <= csn) return to - from;
  return static_cast<std::uint64_t>(std::count_if(ends_.begin() + static_cast<std::ptrdiff_t>(from),
                                                  ends_.begin() + static_cast<std::ptrdiff_t>(to),
                                                  [&](std::uint64_t end) { return end <= csn; }));
}

std::size_t DeletionVector::memory_bytes() const {
  return sizeof *this + ends_.capacity() * sizeof(std::uint64_t) +
         (rows_ ? roaring_bitmap_size_in_bytes(rows_.get()) : 0);
}

std::size_t DeletionVector::encoded_bytes() const {
  constexpr std::size_t kBytesAnEnd = 2;
  return kVectorHeaderBytes + count_ * (ends_.empty() ? 1 : kBytesAnEnd) +
         (rows_ ? roaring_bitmap_portable_size_in_bytes(rows_.get()) : 0);
}

std::string DeletionVector::encode() const {
  std::string out(1, kForm);
  const auto count = static_cast<std::uint32_t>(count_);
  const auto bytes =
      static_cast<std::uint32_t>(rows_ ? roaring_bitmap_portable_size_in_bytes(rows_.get()) : 0);
  out.append(reinterpret_cast<const char*>(&count), sizeof count);
  out.append(reinterpret_cast<const char*>(&bytes), sizeof bytes);
  if (!rows_) return out;
  out.resize(kVectorHeaderBytes + bytes);
  roaring_bitmap_portable_serialize(rows_.get(), out.data() + kVectorHeaderBytes);
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    append_delta(out, end_at(i), before);
    before = end_at(i);
  }
  return out;
}

Result<DeletionVector> DeletionVector::decode(std::string_view bytes, std::uint64_t rows,
                                              std::uint64_t csn_max) {
  if (bytes.size() < kVectorHeaderBytes || bytes.front() != kForm) return malformed("unknown form");
  std::uint32_t count, bitmap_bytes;
  std::memcpy(&count, bytes.data() + 1, sizeof count);
  std::memcpy(&bitmap_bytes, bytes.data() + 5, sizeof bitmap_bytes);
  bytes.remove_prefix(kVectorHeaderBytes);
  if (count > rows || bitmap_bytes > bytes.size() || bytes.size() - bitmap_bytes < count)
    return malformed("it is cut");
  DeletionVector out;
  std::vector<std::uint32_t> ended;
  if (count != 0) {
    FIRN_ASSIGN(ended, PortableRows(bytes.substr(0, bitmap_bytes), count, rows).read());
  } else if (bitmap_bytes != 0) {
    return malformed("it is empty and has a bitmap");
  }
  bytes.remove_prefix(bitmap_bytes);
  std::vector<std::uint64_t> ends;
  ends.reserve(count);
  std::uint64_t end = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!read_delta(bytes, end, end)) return malformed("its ends are cut");
    if (end == 0 || end > csn_max) return malformed("a row ends at a CSN that was never given");
    ends.push_back(end);
  }
  if (!bytes.empty()) return malformed("bytes follow its last end");
  out.build(ended, std::move(ends));
  return out;
}

}  // namespace firn::storage
