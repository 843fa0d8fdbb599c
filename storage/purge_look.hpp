// The search for what a purge of the hot tier drops, and the proof of it: that each of these versions is out of every
// reader's reach is asked of the pins and the horizon themselves, not of the rule by which the purge will drop them.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "storage/job_parts.hpp"
#include "storage/log_record.hpp"
#include "storage/table_store.hpp"

namespace firn::storage {

/// Walks a slice of the hot tier. The slice ends with a key, but its work is cut into pieces in the midst of one as well:
/// a key may have any number of versions. Owned by one thread.
class PurgeLook {
 public:
  /// `gone`: whether nobody can reach a version any more, by its end; `planted`: a version that is dropped by mistake.
  PurgeLook(hot::PurgeRule rule, PurgeBounds bounds, std::function<bool(const Pick&)> gone,
            std::function<bool(std::uint64_t, std::uint64_t)> planted);

  /// The next version of the walk. False at the first key behind the slice, which next() names then.
  bool visit(std::string_view key, const hot::HotVersion& v);
  /// Must be called once when the walk came to the end of the tier.
  void end_of_key();

  /// What would be purged, in the order in which it must be done: a version's end is the next newer one, so the older go
  /// first. `tombstones`: with those that hide nothing in the hot tier; they are part of the piece of whole keys. One below
  /// more versions than a piece may visit, which history keeps, has a piece of its own.
  std::vector<HotPurge> pieces(bool tombstones) const;
  /// The keys of those tombstones.
  const std::string& tombstones_min() const { return bare_.dropped.count != 0 ? bare_.first : deep_.first; }
  const std::string& tombstones_max() const { return deep_.dropped.count != 0 ? deep_.last : bare_.last; }
  const std::string& next() const { return next_; }
  std::uint64_t visited() const { return visited_; }
  std::uint64_t superseded_kept() const { return superseded_kept_; }
  /// The first version that is within somebody's reach though it would go; empty: none.
  const std::string& unproved() const { return unproved_; }

 private:
  struct Piece {
    std::string first, last;  ///< keys of which versions go
    std::uint64_t below = 0, visited = 0;
    Fingerprint dropped;
    void take(const std::string& key, HashPair version);
  };
  struct Version {
    std::uint64_t csn = 0;
    bool tombstone = false;
    std::uint64_t deep_below = 0;  ///< not 0: it lies too deep in its key for a piece of whole keys; its end
  };

  bool full(const Piece& piece) const {
    return piece.dropped.count + bare_.dropped.count >= bounds_.dropped || piece.visited >= bounds_.visited;
  }
  void prove(const Pick& pick);

  hot::PurgeRule rule_;
  PurgeBounds bounds_;
  std::function<bool(const Pick&)> gone_;
  std::function<bool(std::uint64_t, std::uint64_t)> planted_;
  std::vector<Piece>
      pieces_;      ///< the first has whole keys, each further one older versions of the last of these
  Piece bare_;      ///< tombstones that hide nothing
  Piece deep_;      ///< one more, of the last key
  Version oldest_;  ///< of those of this key that stay
  std::string key_, next_, unproved_;
  std::uint64_t newer_ = 0, visited_ = 0, superseded_kept_ = 0;
};

}  // namespace firn::storage
