// The proof that a maintenance job has changed nothing, before it is published (DESIGN D8): what went in, as the sources
// gave it, equals what came out, as it is read back from the finished files, plus what was dropped, each version of
// which is proved by its end. Files are opened anew for that, as LevelDB's builder does with what it has just written.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "storage/fingerprint.hpp"
#include "storage/job_parts.hpp"
#include "storage/log_record.hpp"
#include "storage/versioned_rows.hpp"

namespace firn::storage {

/// The hot versions that a slice of a demotion has read.
struct HotSlice {
  std::string key_min, key_max;
  std::vector<HashPair> versions;
};

/// Adds up both sides of one job, or of one slice of it. Owned by one thread.
class JobProof {
 public:
  /// What went in: every version, and the contents of those that are kept.
  VersionSums in;

  /// One version that is let go of. `gone`: whether its end shows that nobody can read it any more.
  void drop(std::string_view encoded_key, const Pick& pick, bool gone);
  /// Reads a finished file back. Error: what reading says; {internal} if it is not what `info` says of it.
  /// `go_on` is asked before each row group; its error ends it.
  Result<void> add_file(const RowFileInfo& info, const RowFile& file,
                        const std::function<Result<void>()>& go_on = {});
  /// Rows on their way into the hot tier, from the list that will be logged; `reader` gives them in the job's schema.
  Result<void> add_hot(std::string_view row_list, VersionedRows& reader);
  /// Error{internal} with both sides if they differ, or if a version was dropped without proof.
  Result<void> check() const;

 private:
  void add(const Batch& rows, const KeyColumn& keys, std::span<const std::uint64_t> csns,
           std::span<const std::uint64_t> ends, const Buffer& tombstones);

  VersionSums out_;
  Fingerprint dropped_;
  std::string unproved_;  ///< the first version that was dropped without proof
};

}  // namespace firn::storage
