// Bulk data on its way to a commit: rows become blocks of a warm log, durable before anything names them (D3). What no
// commit names in the end is taken away again.
#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "storage/engine.hpp"
#include "storage/warm/block.hpp"

namespace firn::storage {
namespace {

constexpr std::size_t kBlockRows = 262'144;
constexpr std::uint32_t kBlockKind = 1;

}  // namespace

/// Rows on their way to a warm log.
struct Engine::PreparedBlock {
  std::uint64_t id = 0;
  Batch rows;
  warm::KeyOrder order;
  std::optional<warm::BlockEncoder> encoder;
};

std::shared_ptr<DiskName> Engine::name_of_path(const std::string& path) {
  std::lock_guard lock(names_mutex_);
  std::weak_ptr<DiskName>& slot = names_[path];
  if (auto known = slot.lock()) return known;
  auto fresh = std::make_shared<DiskName>(disk, at(path));
  slot = fresh;
  if (names_.size() >= names_sweep_) {
    std::erase_if(names_, [](const auto& entry) { return entry.second.expired(); });
    names_sweep_ = 2 * names_.size() + 64;
  }
  return fresh;
}

FileEntryPtr Engine::make_entry(const RowFileInfo& info) {
  return std::make_shared<FileEntry>(disk, folder, store_id, info, name_of_path(info.path), cache_share_);
}

bool Engine::named_in_catalog(const std::string& path) const {
  const View now = view();
  return std::any_of(now.catalog->files.begin(), now.catalog->files.end(),
                     [&](const FileEntryPtr& f) { return f->info.path == path; });
}

/// Requires the log's mutex. The next block begins another file; one that holds nothing goes.
Result<void> Engine::roll_warm_log(WarmLog& log) {
  Result<void> sealed;
  if (log.file && !log.file->failure()) sealed = log.file->seal();
  log.file.reset();
  const std::string path = std::exchange(log.path, {});
  std::lock_guard lock(blocks_mutex_);
  const bool open = open_logs_.erase(path) != 0;
  if (open && !unnamed_blocks_.contains(path) && !named_in_catalog(path)) name_of_path(path)->doom();
  return sealed;
}

/// Gives back the descriptors and the room of logs of which nothing is left. One that takes a block just now sees to it
/// itself.
void Engine::close_dead_logs() {
  for (WarmLog* log : {&written_log_, &other_log_, &moved_log_}) {
    const std::unique_lock hold(log->mutex, std::try_to_lock);
    if (!hold) continue;
    std::unique_ptr<io::AppendLog> dead;  // closed after the lock: its room may be given back then
    std::lock_guard lock(blocks_mutex_);
    if (!open_logs_.contains(log->path)) dead = std::move(log->file);
  }
}

/// Requires the log's mutex. Makes sure that the log takes another block, and that its file stays for the sake of this one.
Result<void> Engine::begin_block(WarmLog& log, RowFileInfo& info) {
  std::unique_ptr<io::AppendLog> dead;
  {
    std::lock_guard lock(blocks_mutex_);
    if (log.file && !open_logs_.contains(log.path))
      dead = std::move(log.file);  // all that was in it is retired: it is gone
    info.path = log.path;
    if (log.file && !log.file->failure() && log.file->end() < options.warm_log_bytes) {
      unnamed_blocks_[info.path].insert(info.id);
      return {};
    }
  }
  FIRN_TRY(roll_warm_log(log));
  const std::uint64_t id = next_file_id_++;
  char path[40];
  std::snprintf(path, sizeof path, "warm/%08llx.log", static_cast<unsigned long long>(id));
  io::LogFileHeader header;
  header.identity = {store_id, id};
  FIRN_ASSIGN(log.file, io::AppendLog::create(*disk, at(path), header));
  info.path = log.path = path;
  std::lock_guard lock(blocks_mutex_);
  open_logs_.insert(log.path);
  unnamed_blocks_[log.path].insert(info.id);
  return {};
}

Result<std::vector<RowFileInfo>> Engine::append_blocks(const Batch& rows, std::span<const std::uint64_t> csns,
                                                       std::span<const std::uint64_t> ends,
                                                       const Buffer& tombstones, bool history,
                                                       std::uint32_t schema_version) {
  const auto total = static_cast<std::size_t>(rows.rows());
  const bool whole = total <= kBlockRows;
  FIRN_CHECK(whole || (csns.empty() && tombstones.empty()));  // moves give one block at a time
  const bool moved = history || !csns.empty();
  std::deque<PreparedBlock> blocks;  // encoders point into their elements
  for (std::size_t first = 0; first < total; first += kBlockRows) {
    const std::size_t count = std::min(kBlockRows, total - first);
    RowFileInfo info;
    info.id = next_file_id_++;
    info.tier = StorageTier::warm;
    info.history = history;
    info.schema_version = schema_version;
    info.block_number = blocks.size();
    warm::BlockOptions block_options;
    block_options.store_id = store_id;
    // Groups of warm blocks begin at multiples of 64 rows.
    if (history)
      block_options.group_rows = static_cast<std::uint32_t>(options.history_group_rows + 63) / 64 * 64;
    PreparedBlock& block = blocks.emplace_back();
    block.id = info.id;
    block.rows = whole ? rows : rows.slice(first, count);
    // A tombstone block comes from a list of distinct keys: no row of it is dropped.
    if (!moved) {
      FIRN_ASSIGN(block.rows, warm::drop_duplicate_keys(block.rows, &block.order));
    }
    FIRN_ASSIGN(auto encoder, warm::BlockEncoder::begin({block.rows, csns, ends, tombstones, history,
                                                         moved ? nullptr : &block.order},
                                                        info, block_options));
    block.encoder.emplace(std::move(encoder));
  }
  if (moved) {
    const std::lock_guard hold(moved_log_.mutex);
    return write_blocks(moved_log_, blocks);
  }
  // Two writers do not wait for one another's syncs.
  for (WarmLog* log : {&written_log_, &other_log_})
    if (const std::unique_lock hold(log->mutex, std::try_to_lock); hold) return write_blocks(*log, blocks);
  const std::lock_guard hold(written_log_.mutex);
  return write_blocks(written_log_, blocks);
}

/// Requires the log's mutex. Durable when it returns.
Result<std::vector<RowFileInfo>> Engine::write_blocks(WarmLog& log, std::deque<PreparedBlock>& blocks) {
  std::vector<RowFileInfo> infos;
  const auto write_all = [&]() -> Result<void> {
    for (PreparedBlock& block : blocks) {
      RowFileInfo& info = infos.emplace_back();
      info.id = block.id;
      FIRN_TRY(begin_block(log, info));
      std::vector<std::span<const std::uint8_t>> parts;
      for (const Buffer& b : block.encoder->parts()) parts.push_back(b.bytes());
      warm::EncodedBlock encoded;
      const auto finish = [&]() -> io::AppendLog::Head {
        encoded = block.encoder->finish();
        return {encoded.parts.front().bytes(), encoded.crc};
      };
      FIRN_ASSIGN(const io::EntryPosition position,
                  log.file->append(block.encoder->head_bytes(), parts, kBlockKind, finish));
      encoded.info.path = std::move(info.path);
      encoded.info.offset = position.payload_offset;
      info = std::move(encoded.info);
      bytes_written_ += position.length;
    }
    return log.file->sync();
  };
  Result<void> written;
  try {
    written = write_all();
  } catch (const std::bad_alloc&) {
    written = Error(ErrorCode::memory, "no memory for the blocks of a write");
  } catch (const Error& e) {
    written = e;
  }
  if (written) return infos;
  std::lock_guard blocks_lock(blocks_mutex_);
  for (const RowFileInfo& info : infos) forget_block(info);
  return written.error();
}

/// Requires blocks_mutex_. A block that no commit will name; its log goes once it holds nothing else, also if it is being
/// written: the next block begins another.
void Engine::forget_block(const RowFileInfo& info) {
  const auto log = unnamed_blocks_.find(info.path);
  if (log == unnamed_blocks_.end()) return;
  log->second.erase(info.id);
  if (!log->second.empty()) return;
  unnamed_blocks_.erase(log);
  if (named_in_catalog(info.path)) return;
  open_logs_.erase(info.path);
  name_of_path(info.path)->doom();
}

void Engine::discard(std::span<const RowFileInfo> files) {
  {
    std::lock_guard lock(blocks_mutex_);
    for (const RowFileInfo& info : files) {
      if (info.tier == StorageTier::cold)
        name_of_path(info.path)->doom();
      else
        forget_block(info);
    }
  }
  close_dead_logs();
}

Result<std::vector<RowFileInfo>> Engine::prepare_blocks(const Batch& rows) {
  FIRN_TRY(check_open());
  if (const std::string why = read_only_reason(); !why.empty()) return Error(ErrorCode::read_only, why);
  relieve_files();
  const View now = view();
  FIRN_ASSIGN(Batch batch, recast(*now.catalog, rows));
  if (batch.schema().has_row_key()) {
    const auto count = static_cast<std::uint64_t>(batch.rows());
    const std::uint64_t first = next_row_id_.fetch_add(count);
    ColumnBuilder ids(TypeId::u64);
    for (std::uint64_t i = 0; i < count; ++i) ids.append_fixed(first + i);
    std::vector<Column> columns = batch.columns();
    columns.back() = ids.finish();
    batch = Batch(batch.schema(), batch.rows(), std::move(columns));
  }
  bytes_ingested_ += batch.byte_size();
  return append_blocks(batch, {}, {}, {}, false, now.catalog->schema_version());
}

}  // namespace firn::storage
