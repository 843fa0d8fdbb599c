// Deletion vectors of a table's files: brought up to date by the first read that needs them or by the background,
// stored in the catalog, loaded again at open (DESIGN D7).
//
//   catalog  "d"+file id: u64 resolved_to | u64 greatest end | deletion vector (deletion_vector.hpp)
//
// No log record stands behind such an entry: it changes no answer, and whoever lacks it finds the ends again from the
// file's base CSN on. It never claims more than the transaction that holds it: vectors follow published views only, so
// resolved_to is at most the CSN of the state record beside it. A checkpoint is a dump of one transaction, so what
// recovery loads from it is as old as the checkpoint, and files that replay adds have no entry yet.
#include <algorithm>
#include <cstring>

#include "storage/apply_records.hpp"
#include "storage/engine.hpp"

namespace firn::storage {
namespace {

constexpr std::size_t kResolvedHeaderBytes = 2 * sizeof(std::uint64_t);
/// Vectors are stored as soon as all that changed is small, or the table has come to rest, or this much later.
constexpr std::size_t kStoreBytesAtOnce = std::size_t{64} << 10;
constexpr std::int64_t kStoreIntervalUs = 10'000'000;
/// What is stored in one transaction, for which writers wait: about a millisecond's worth. (One vector is never split.)
constexpr std::size_t kPartFiles = 32, kPartBytes = std::size_t{256} << 10;
constexpr std::int64_t kUnreadableRestUs = 60'000'000;
/// A larger vector whose ends have not changed is not written again for its resolved_to while writing goes on.
constexpr std::size_t kSmallVectorBytes = std::size_t{4} << 10;

std::string encode_resolved(const FileEntry::Resolved& r) {
  const std::uint64_t header[2] = {r.resolved_to, r.ends->greatest_end()};
  return std::string(reinterpret_cast<const char*>(header), sizeof header) + r.ends->encode();
}

Result<FileEntry::Resolved> decode_resolved(std::string_view bytes, const RowFileInfo& info,
                                            std::uint64_t csn) {
  std::uint64_t header[2];
  if (bytes.size() < kResolvedHeaderBytes)
    return Error(ErrorCode::corrupt, "a stored deletion vector is malformed: it is cut");
  std::memcpy(header, bytes.data(), sizeof header);
  const auto [resolved_to, greatest] = header;
  if (info.history || resolved_to < info.base_csn || resolved_to > csn)
    return Error(ErrorCode::corrupt, "a stored deletion vector claims CSN " + std::to_string(resolved_to) +
                                         ", the table has " + std::to_string(csn));
  FIRN_ASSIGN(auto ends, DeletionVector::decode(bytes.substr(kResolvedHeaderBytes), info.rows, csn));
  if (ends.greatest_end() != greatest)
    return Error(ErrorCode::corrupt, "a stored deletion vector is malformed: another greatest end");
  return FileEntry::Resolved{std::make_shared<DeletionVector>(std::move(ends)), resolved_to};
}

bool behind(const View& view) {
  return std::any_of(view.catalog->files.begin(), view.catalog->files.end(),
                     [&](const FileEntryPtr& f) { return !f->info.history && f->resolved_to() < view.csn; });
}

}  // namespace

/// Requires plan_mutex_.
void Engine::trim_delta(const View& view) {
  images_.drop_outgrown(delta_);
  std::uint64_t keep = std::min(images_.needs_delta_from(delta_), pins_.least_base());
  // The newest catalog, looked at after the bases: what a job published since `view` needs the delta from its base on.
  const View newest = this->view();
  for (const FileEntryPtr& f : newest.catalog->files)
    if (!f->info.history) keep = std::min(keep, f->resolved_to());
  delta_.trim(std::min(keep, view.csn));
}

/// Requires plan_mutex_. Brings all files of the context to its view; its transaction ends before files are read.
/// Returns how far they were behind.
Result<ResolveLag> Engine::resolve(ReadContext context, UnreadableFiles& unreadable) {
  const View view = context.view;
  FIRN_ASSIGN(const HotChanges changes, HotChanges::since_resolved(view, delta_, context.hot));
  { const hot::HotReader ended = std::move(context.hot); }
  const ResolveLag before = lag_of(view, changes);
  FIRN_ASSIGN(const std::size_t looked_at,
              resolve_ends(view, changes, options.resolve_set_rows, &unreadable));
  files_looked_at_ += looked_at;
  trim_delta(view);
  return before;
}

Result<View> Engine::resolve_all() {
  std::lock_guard lock(plan_mutex_);
  FIRN_ASSIGN(ReadContext context, begin_read());
  const View view = context.view;
  UnreadableFiles unreadable;  // whoever needs one of them will hear of it
  FIRN_TRY(resolve(std::move(context), unreadable));
  for (const UnreadableFile& u : unreadable) u.file->leave_alone(u.error);
  return view;
}

/// Back-pressure: keys that files have not been asked for take memory, so who writes more of them than allowed resolves
/// first. What still holds them then (an image, a job's base, a file that cannot be read) reads the hot tier instead.
void Engine::relieve_delta() {
  if (delta_.memory_bytes() <= options.unresolved_bytes_max) return;
  std::lock_guard lock(plan_mutex_);
  if (delta_.memory_bytes() <= options.unresolved_bytes_max) return;  // another writer has done it meanwhile
  const Result<View> resolved = resolve_all();
  if (!resolved) note("table " + name + ": " + resolved.error().message());
  if (delta_.memory_bytes() <= options.unresolved_bytes_max) return;
  images_.clear();
  delta_.trim(view().csn);
}

Result<void> Engine::follow_ends() {
  FIRN_TRY(check_open());
  if (!read_only_reason().empty()) return {};
  break_old_pins();
  const View now = view();
  const std::int64_t at = clock->monotonic_us();
  if (behind(now) && at >= follow_rests_until_us_) {
    FIRN_TRY(resolve_all());
    // What is behind still waits for a file that cannot be read: it will hardly be better in a moment.
    if (behind(now)) follow_rests_until_us_ = at + kUnreadableRestUs;
  } else {
    std::lock_guard lock(plan_mutex_);
    trim_delta(now);
  }
  const bool at_rest = followed_to_.exchange(now.csn) == now.csn;
  const bool due = at_rest || at - vectors_stored_us_ >= kStoreIntervalUs;
  return store_vectors_by_parts(due ? ~std::size_t{0} : kStoreBytesAtOnce, at_rest);
}

/// What has changed since it was last stored, if that is at most bytes_max; with `all` also what has only been looked at
/// again.
Engine::KnownEnds Engine::unstored_ends(std::size_t bytes_max, bool all) const {
  KnownEnds changed;
  std::size_t bytes = 0;
  const View now = view();
  for (const FileEntryPtr& f : now.catalog->files) {
    if (f->info.history) continue;
    const FileEntry::Resolved known = f->resolved(), stored = f->stored();
    if (known == stored) continue;
    const std::size_t size = known.ends->encoded_bytes() + kResolvedHeaderBytes;
    if (known.ends == stored.ends && size > kSmallVectorBytes && !all) continue;
    bytes += size;
    changed.emplace_back(f, known);
  }
  return bytes > bytes_max ? KnownEnds{} : changed;
}

/// Requires commit_mutex_. One transaction.
Result<void> Engine::put_vectors(std::span<const EncodedEnds> part) {
  if (part.empty()) return {};
  std::size_t bytes = 0;
  for (const EncodedEnds& e : part) bytes += e.bytes.size();
  FIRN_ASSIGN(auto writer, begin_write(2 * bytes));
  for (const EncodedEnds& e : part)
    if (!e.file->retired) FIRN_TRY(writer.put_catalog(catalog_key('d', e.file->info.id), e.bytes));
  FIRN_TRY(writer.commit());
  for (const EncodedEnds& e : part) e.file->set_stored(e.known);
  return {};
}

/// Requires commit_mutex_. All at once: for when nobody waits, or most is stored.
Result<void> Engine::store_vectors() {
  std::vector<EncodedEnds> all;
  for (auto& [f, known] : unstored_ends(~std::size_t{0}, true))
    all.push_back({f, known, encode_resolved(known)});
  return put_vectors(all);
}

/// Writers wait for a part at most.
Result<void> Engine::store_vectors_by_parts(std::size_t bytes_max, bool all) {
  const KnownEnds changed = unstored_ends(bytes_max, all);
  if (!changed.empty()) vectors_stored_us_ = clock->monotonic_us();
  for (auto next = changed.begin(); next != changed.end();) {
    std::vector<EncodedEnds> part;
    for (std::size_t bytes = 0; next != changed.end() && part.size() < kPartFiles && bytes < kPartBytes;
         ++next) {
      part.push_back({next->first, next->second, encode_resolved(next->second)});
      bytes += part.back().bytes.size();
    }
    {
      std::lock_guard lock(commit_mutex_);
      FIRN_TRY(check_open());
      FIRN_TRY(put_vectors(part));
    }
    if (options.job_hook) options.job_hook("stored");
  }
  return {};
}

/// What cannot be used is found again, as if it had never been stored.
Result<void> Engine::load_vectors(const Catalog& catalog, const hot::HotReader& reader) const {
  return reader.visit_catalog("d", [&](std::string_view key, std::string_view bytes) -> Result<bool> {
    std::uint64_t be;
    if (key.size() != 1 + sizeof be) return true;
    std::memcpy(&be, key.data() + 1, sizeof be);
    const FileEntryPtr f = catalog.find(__builtin_bswap64(be));
    if (!f) return true;
    const Result<FileEntry::Resolved> known = decode_resolved(bytes, f->info, reader.state().csn);
    if (!known) {
      note("table " + name + ": " + f->info.path + ": " + known.error().message() +
           "; its ends are found again");
      return true;
    }
    f->set_resolved(*known);
    f->set_stored(*known);
    return true;
  });
}

}  // namespace firn::storage
