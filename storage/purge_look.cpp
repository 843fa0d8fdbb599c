#include "storage/purge_look.hpp"

#include <algorithm>
#include <utility>

namespace firn::storage {

PurgeLook::PurgeLook(hot::PurgeRule rule, PurgeBounds bounds, std::function<bool(const Pick&)> gone,
                     std::function<bool(std::uint64_t, std::uint64_t)> planted)
    : rule_(std::move(rule)),
      bounds_(bounds),
      gone_(std::move(gone)),
      planted_(std::move(planted)),
      pieces_(1) {}

void PurgeLook::Piece::take(const std::string& key, HashPair version) {
  if (dropped.count == 0) first = key;
  last = key;
  dropped.add(version);
}

void PurgeLook::prove(const Pick& pick) {
  if (gone_(pick) || !unproved_.empty()) return;
  unproved_ = "the hot version of CSN " + std::to_string(pick.csn) + " that ends at CSN " +
              std::to_string(pick.end) + " would be dropped though it may be read";
}

bool PurgeLook::visit(std::string_view key, const hot::HotVersion& v) {
  const bool newest = visited_ == 0 || key != key_, tombstone = v.op == hot::Op::tombstone;
  if (newest) {
    end_of_key();
    if (pieces_.size() > 1 || full(pieces_.front())) {
      next_.assign(key);
      return false;
    }
    key_.assign(key);
  }
  const std::uint64_t end = newest ? 0 : newer_;
  const bool planted = planted_ && planted_(v.csn, end);
  if (planted || (!newest && rule_.covers(v.csn, end))) {
    if (full(pieces_.back())) pieces_.emplace_back().below = end;
    pieces_.back().take(key_, hash_of_version(key, v.csn, tombstone));
    prove({0, 0, v.csn, end, false});
  } else {
    superseded_kept_ += newest ? 0 : 1;
    const bool deep = (pieces_.size() > 1 || full(pieces_.front())) && pieces_.front().last != key_;
    oldest_ = {v.csn, tombstone, deep ? end : 0};
  }
  newer_ = v.csn;
  visited_ += 1;
  pieces_.back().visited += 1;
  return true;
}

void PurgeLook::end_of_key() {
  const Version oldest = std::exchange(oldest_, {});
  if (!oldest.tombstone || oldest.csn > rule_.horizon) return;
  Piece& piece = oldest.deep_below != 0 ? deep_ : bare_;
  piece.take(key_, hash_of_version(key_, oldest.csn, true));
  piece.below = oldest.deep_below;
}

std::vector<HotPurge> PurgeLook::pieces(bool tombstones) const {
  std::vector<HotPurge> out;
  for (auto piece = pieces_.rbegin(); piece != pieces_.rend(); ++piece) {
    HotPurge purge{piece->first, piece->last, rule_, piece->dropped};
    purge.rule.below = piece->below;
    purge.rule.tombstones = tombstones && piece->below == 0 && bare_.dropped.count != 0;
    if (purge.rule.tombstones) {
      const bool alone = piece->dropped.count == 0;
      purge.key_min = alone ? bare_.first : std::min(piece->first, bare_.first);
      purge.key_max = std::max(piece->last, bare_.last);
      purge.dropped += bare_.dropped;
    }
    if (purge.dropped.count != 0) out.push_back(std::move(purge));
  }
  if (tombstones && deep_.dropped.count != 0) {
    HotPurge purge{deep_.first, deep_.last, rule_, deep_.dropped};
    purge.rule.below = deep_.below;
    purge.rule.tombstones = true;
    out.push_back(std::move(purge));
  }
  return out;
}

}  // namespace firn::storage
