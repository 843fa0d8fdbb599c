#include "storage/version_image.hpp"

#include <algorithm>
#include <bit>

#include "schema/result.hpp"

namespace firn::storage {
namespace {

constexpr std::size_t kWordBits = 64;
constexpr std::size_t kBlockWords = VersionChunk::kRows / kWordBits;
// Applying this many changes to bits takes about 10 us; a quarter of the visible rows is little beside reading them.
constexpr std::size_t kChangesMin = 4'096;
constexpr std::size_t kVisibleShare = 4;
// Checkpoints that have taken this much come at greater distances.
constexpr std::size_t kCheckpointBytesARow = 8, kCheckpointBytesMin = std::size_t{1} << 20;

std::size_t blocks_of(std::size_t rows) { return (rows + VersionChunk::kRows - 1) / VersionChunk::kRows; }

}  // namespace

/// The visible rows of the whole image, a bit each.
class VersionImage::Bits {
 public:
  explicit Bits(std::size_t rows) : words_(blocks_of(rows) * kBlockWords), changed_(blocks_of(rows)) {}
  void load(const std::vector<std::shared_ptr<const Block>>& blocks) {
    for (std::size_t b = 0; b < blocks.size(); ++b)
      if (blocks[b]) std::copy(blocks[b]->words.begin(), blocks[b]->words.end(), block(b));
  }
  void set(std::size_t first, std::size_t last) {
    for (std::size_t row = first; row < last;) {
      const std::size_t bit = row % kWordBits, n = std::min(last - row, kWordBits - bit);
      words_[row / kWordBits] |= (~std::uint64_t{0} >> (kWordBits - n)) << bit;
      changed_[row / VersionChunk::kRows] = true;
      row += n;
    }
  }
  void clear(std::uint32_t row) {
    words_[row / kWordBits] &= ~(std::uint64_t{1} << row % kWordBits);
    changed_[row / VersionChunk::kRows] = true;
  }
  std::uint64_t* block(std::size_t b) { return words_.data() + b * kBlockWords; }
  std::size_t count(std::size_t b) const {
    std::size_t n = 0;
    for (std::size_t w = b * kBlockWords; w < (b + 1) * kBlockWords; ++w)
      n += static_cast<std::size_t>(std::popcount(words_[w]));
    return n;
  }
  std::vector<bool>& changed() { return changed_; }  ///< blocks, since the last checkpoint

 private:
  std::vector<std::uint64_t> words_;
  std::vector<bool> changed_;
};

void VersionImage::add(Addition more) {
  FIRN_CHECK(more.csn >= csn_ && more.order.size() == more.begins.size());
  FIRN_CHECK(rows_ + more.order.size() <= UINT32_MAX);
  append_rows(more);
  append_steps(more);
  csn_ = more.csn;
  live_keys_ = std::move(more.live_keys);
  live_rows_ = std::move(more.live_rows);
}

void VersionImage::append_rows(const Addition& more) {
  for (std::size_t done = 0; done < more.order.size();) {
    const bool fill = !chunks_.empty() && chunks_.back()->rows < VersionChunk::kRows;
    const std::size_t there = fill ? chunks_.back()->rows : 0;
    const std::size_t n = std::min(more.order.size() - done, VersionChunk::kRows - there);
    const std::span<const std::uint32_t> from(more.order.data() + done, n);
    auto chunk = std::make_shared<VersionChunk>();
    chunk->rows = there + n;
    chunk->columns.resize(more.columns.size());
    for (const std::size_t c : columns_) {
      chunk->columns[c] = more.columns[c].take(from);
      if (!fill) continue;
      ColumnBuilder joined(more.columns[c].type);
      joined.append_column(chunks_.back()->columns[c]);
      joined.append_column(chunk->columns[c]);
      chunk->columns[c] = joined.finish();
    }
    if (fill) chunks_.pop_back();
    chunks_.push_back(std::move(chunk));
    done += n;
  }
}

void VersionImage::append_steps(const Addition& more) {
  const std::size_t rows = rows_ + more.order.size();
  Step at = steps_.empty() ? Step{} : steps_.back();
  Bits bits = bits_at(at, rows);
  Step last = checkpoints_.empty() ? Step{} : checkpoints_.back().at;
  auto begin = more.begins.begin();
  auto end = more.ends.begin();
  while (begin != more.begins.end() || end != more.ends.end()) {
    const std::uint64_t csn = begin == more.begins.end() ? end->csn
                              : end == more.ends.end()   ? *begin
                                                         : std::min(*begin, end->csn);
    const std::uint32_t before = at.rows;
    at.csn = csn;
    for (; begin != more.begins.end() && *begin == csn; ++begin) ++at.rows;
    bits.set(before, at.rows);
    for (; end != more.ends.end() && end->csn == csn; ++end, ++at.ends) {
      ended_.push_back(end->row);
      bits.clear(end->row);
    }
    steps_.push_back(at);
    const std::size_t changes = at.rows - last.rows + at.ends - last.ends;
    if (changes < std::max<std::size_t>(kChangesMin, (at.rows - at.ends) / kVisibleShare)) continue;
    if (checkpoint_bytes_ > kCheckpointBytesMin + kCheckpointBytesARow * at.rows) continue;
    take_checkpoint(at, bits);
    last = at;
  }
  rows_ = rows;
}

void VersionImage::take_checkpoint(const Step& at, Bits& bits) {
  Checkpoint next{at, {}};
  for (std::size_t b = 0; b < blocks_of(at.rows); ++b) {
    const bool known = !checkpoints_.empty() && b < checkpoints_.back().blocks.size();
    if (known && !bits.changed()[b]) {
      next.blocks.push_back(checkpoints_.back().blocks[b]);
    } else if (bits.count(b) == 0) {
      next.blocks.push_back(nullptr);
    } else {
      auto block = std::make_shared<Block>();
      std::copy_n(bits.block(b), kBlockWords, block->words.begin());
      next.blocks.push_back(std::move(block));
      checkpoint_bytes_ += sizeof(Block);
    }
  }
  checkpoint_bytes_ += sizeof(Checkpoint) + next.blocks.size() * sizeof(next.blocks[0]);
  bits.changed().assign(bits.changed().size(), false);
  checkpoints_.push_back(std::move(next));
}

VersionImage::Bits VersionImage::bits_at(const Step& step, std::size_t rows) const {
  Bits bits(rows);
  const auto after = std::upper_bound(checkpoints_.begin(), checkpoints_.end(), step.csn,
                                      [](std::uint64_t c, const Checkpoint& k) { return c < k.at.csn; });
  Step from;
  if (after != checkpoints_.begin()) {
    bits.load(std::prev(after)->blocks);
    from = std::prev(after)->at;
  }
  bits.set(from.rows, step.rows);
  for (std::size_t i = from.ends; i < step.ends; ++i) bits.clear(ended_[i]);
  return bits;
}

std::vector<VisibleChunk> VersionImage::visible_at(std::uint64_t csn) const {
  FIRN_CHECK(csn <= csn_);
  std::vector<VisibleChunk> out;
  const auto after = std::upper_bound(steps_.begin(), steps_.end(), csn,
                                      [](std::uint64_t c, const Step& s) { return c < s.csn; });
  if (after == steps_.begin()) return out;
  Bits bits = bits_at(*std::prev(after), std::prev(after)->rows);
  for (std::size_t b = 0; b < blocks_of(std::prev(after)->rows); ++b) {
    const std::size_t count = bits.count(b);
    if (count == 0) continue;
    const std::size_t words = (chunks_[b]->rows + kWordBits - 1) / kWordBits;
    out.push_back({chunks_[b], {bits.block(b), bits.block(b) + words}, count});
  }
  return out;
}

std::uint64_t VersionImage::begin_of(std::uint32_t row) const {
  return std::upper_bound(steps_.begin(), steps_.end(), row,
                          [](std::uint32_t r, const Step& s) { return r < s.rows; })
      ->csn;
}

std::size_t VersionImage::byte_size() const {
  std::size_t bytes = checkpoint_bytes_ + ended_.size() * sizeof ended_[0] +
                      steps_.size() * sizeof steps_[0] + live_keys_.byte_size() +
                      live_rows_.size() * sizeof live_rows_[0];
  for (const auto& chunk : chunks_)
    for (const std::size_t c : columns_) bytes += chunk->columns[c].byte_size();
  return bytes;
}

}  // namespace firn::storage
