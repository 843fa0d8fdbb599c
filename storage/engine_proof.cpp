// What stands between a finished job and its publication: its proof, and what happens to a job that has none. The old
// files stay named, the new ones are taken away, and the inputs rest, so that the same job is not offered at once again.
#include <algorithm>

#include "storage/cold/segment.hpp"
#include "storage/engine.hpp"
#include "storage/job_proof.hpp"
#include "storage/warm/block.hpp"

namespace firn::storage {
namespace {

constexpr std::int64_t kRestUs = 600'000'000;  // ten minutes
constexpr std::size_t kReadBackCacheBytes = std::size_t{64} << 20;

}  // namespace

/// Of a version that a job lets go of: no reader can reach it, now or later.
bool Engine::gone_for_all(const Pick& pick, std::uint64_t horizon) const {
  // Nothing below a tombstone: whoever asks for it may as well find nothing (that nothing is there, the job looked up).
  if (pick.tombstone && pick.csn <= horizon) return true;
  if (pick.end == 0 || pick.end > horizon)
    return pick.end != 0 && pick.end == pick.csn;  // a later block's row won
  return !pins_.inside(pick.csn, pick.end);
}

/// Opens the files anew, as they lie on the disk.
Result<void> Engine::read_back(std::span<const RowFileInfo> files, JobProof& proof) {
  BlockCache own(kReadBackCacheBytes);  // nobody else's pieces leave the shared one for these
  for (const RowFileInfo& info : files) {
    RowFileInfo where = info;
    where.path = at(info.path);
    Result<std::shared_ptr<const RowFile>> file =
        info.tier == StorageTier::cold ? cold::open_segment(*disk, where, store_id, own.common())
                                       : warm::open_block(*disk, where, store_id, own.common());
    if (!file) return file.error();
    FIRN_TRY(proof.add_file(info, **file, [&] { return may_go_on(); }));
  }
  return {};
}

/// The drop must take away the hot versions that were read, as far as they are still there, and no others. If rows were
/// moved into or out of the hot tier meanwhile, publication finds out.
Result<void> Engine::check_hot_drop(const HotDrop& drop, const HotSlice& read, std::uint64_t hot_epoch) {
  FIRN_ASSIGN(const ReadContext now, begin_read());
  if (now.view.catalog->hot_epoch != hot_epoch) return {};
  std::vector<HashPair> known = read.versions;
  std::sort(known.begin(), known.end());
  std::uint64_t unread = 0, left = 0;
  const std::string& last = std::max(drop.key_max, read.key_max);
  FIRN_TRY(now.hot.visit_versions(
      std::min(drop.key_min, read.key_min),
      [&](std::string_view key, const hot::HotVersion& v) -> Result<bool> {
        if (key > last) return false;
        const bool dropped = key >= drop.key_min && key <= drop.key_max && v.csn <= drop.csn;
        const bool was_read = std::binary_search(known.begin(), known.end(),
                                                 hash_of_version(key, v.csn, v.op == hot::Op::tombstone));
        unread += dropped && !was_read ? 1 : 0;
        left += was_read && !dropped ? 1 : 0;
        return true;
      }));
  if (unread == 0 && left == 0) return {};
  return Error(ErrorCode::internal, std::to_string(unread) +
                                        " hot versions would be dropped without having " + "been read, " +
                                        std::to_string(left) + " would stay though they moved");
}

Error Engine::refuse_job(const Error& why, std::span<const FileEntryPtr> inputs) {
  const bool passing = why.code() == ErrorCode::closed || why.code() == ErrorCode::memory;
  if (passing) return why;
  jobs_refused_ += 1;
  const std::int64_t until = clock->monotonic_us() + kRestUs;
  for (const FileEntryPtr& f : inputs) f->rests_until_us = until;
  if (inputs.empty()) hot_rests_until_us_ = until;
  Error refused = why.within("a maintenance job of table " + name + " was refused, nothing was changed");
  note(refused.message());
  return refused;
}

void Engine::end_rests() const {
  const std::int64_t time = clock->monotonic_us();
  const View now = view();
  for (const FileEntryPtr& f : now.catalog->files)
    if (f->rests_until_us != 0 && f->rests_until_us <= time) f->rests_until_us = 0;
}

bool Engine::hot_rests() const { return hot_rests_until_us_ > clock->monotonic_us(); }

}  // namespace firn::storage
