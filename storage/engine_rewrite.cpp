// Moves of whole files: merged by key, rewritten into another tier (or the same, larger); history by the lives of versions.
#include <algorithm>
#include <queue>
#include <utility>

#include "storage/cold/segment.hpp"
#include "storage/column_mapping.hpp"
#include "storage/engine.hpp"
#include "storage/job_proof.hpp"

namespace firn::storage {
namespace {

constexpr std::size_t kChunkRows = 65'536;    // a multiple of 8: bitmaps of chunks follow each other
constexpr std::uint64_t kLivesPerCell = 256;  // looked at to cut the cells of history

/// A warm block in the making, chunk by chunk: what a chunk needs beside its rows is gone when the next one comes.
class GrowingBlock {
 public:
  void add(const Batch& rows, Lives&& lives) {
    if (columns_.empty())
      for (const ColumnSchema& c : rows.schema().columns()) columns_.emplace_back(c.type);
    for (std::size_t c = 0; c < columns_.size(); ++c) columns_[c].append_column(rows[c]);
    const std::size_t before = lives_.csns.size();
    lives_.csns.insert(lives_.csns.end(), lives.csns.begin(), lives.csns.end());
    lives_.ends.insert(lives_.ends.end(), lives.ends.begin(), lives.ends.end());
    if (lives.tombstones.empty()) return;
    tombstones_.resize(before / 8);
    tombstones_.append(lives.tombstones.data(), bitmap_bytes(lives.csns.size()));
  }
  std::size_t rows() const { return lives_.csns.size(); }
  /// What was added; this object is empty afterwards.
  std::pair<Batch, Lives> finish(const Schema& schema) {
    const auto count = static_cast<std::int64_t>(rows());
    std::vector<Column> columns;
    for (ColumnBuilder& b : columns_) columns.push_back(b.finish());
    if (tombstones_.size() != 0) {
      tombstones_.resize(bitmap_bytes(rows()));
      lives_.tombstones = tombstones_.freeze();
    }
    columns_.clear();
    return {Batch(schema, count, std::move(columns)), std::exchange(lives_, {})};
  }

 private:
  std::vector<ColumnBuilder> columns_;
  Lives lives_;
  MutableBuffer tombstones_;
};

}  // namespace

/// Takes picks, those of current rows in key order, and makes files of the target tier of them.
class Rewriter {
 public:
  /// `schema`: of the sources' rows and of the files to be written.
  Rewriter(Engine& engine, StorageTier to, const View& view, const Schema& schema,
           std::vector<std::unique_ptr<Source>>& sources)
      : engine_(engine), to_(to), view_(view), schema_(schema), sources_(sources), outputs_(engine) {}

  /// Must be called first if history goes to cold segments: from what has ended at `base`, how their groups are cut.
  void cut_history(std::uint64_t base) {
    std::uint64_t ended = 0;
    for (const auto& s : sources_) ended += s->ended();
    ended = std::min(ended, engine_.options.segment_rows);
    const std::uint64_t cells = ended / engine_.options.history_group_rows;
    if (cells < 2) return;
    std::vector<Life> lives;
    const std::uint64_t every = std::max<std::uint64_t>(1, ended / (cells * kLivesPerCell));
    for (const auto& s : sources_) s->sample(base, every, lives);
    cells_ = LifeCells::cut(std::move(lives), cells);
  }

  Result<void> add(const Pick& pick) {
    std::vector<Pick>& list = pick.end == 0 ? current_ : history_;
    list.push_back(pick);
    return list.size() < kChunkRows ? Result<void>() : flush(pick.end != 0);
  }

  /// Ends the files and names them in the record.
  Result<void> finish(JobReport& report) {
    if (!current_.empty()) FIRN_TRY(flush(false));
    if (!history_.empty()) FIRN_TRY(flush(true));
    for (const bool history : {false, true}) FIRN_TRY(end_block(history));
    current_ = history_ = {};  // the proof needs room
    for (auto* writer : {&current_writer_, &history_writer_}) {
      if (!*writer) continue;
      FIRN_ASSIGN(RowFileInfo info, (*writer)->finish());
      keep(std::move(info));
      writer->reset();
    }
    for (const RowFileInfo& info : outputs_.files()) {
      report.outputs += 1;
      report.rows_out += info.rows;
      report.bytes_out += info.length;
    }
    report.rows_out += moved_count_;
    return {};
  }

  /// What came of it, read back.
  Result<void> prove(JobProof& proof) {
    FIRN_TRY(engine_.read_back(outputs_.files(), proof));
    VersionedRows reader(view_.catalog->schemas, schema_);
    return proof.add_hot(moved_, reader);
  }

  /// The record's part in the move; call once, right before it is published.
  void hand_over(LogRecord& record) {
    record.adds = outputs_.hand_over();
    record.moved_rows = std::move(moved_);
  }

  void set_base(std::uint64_t base, std::int64_t created_us) {
    base_ = base;
    created_us_ = created_us;
  }

 private:
  Result<void> flush(bool history) {
    FIRN_TRY(engine_.may_go_on());
    std::vector<Pick>& picks = history ? history_ : current_;
    FIRN_ASSIGN(Batch rows, gather(sources_, picks, schema_));
    Lives lives = lives_of(picks, history);
    if (const auto& fault = engine_.options.job_faults.rows)
      fault(rows, lives.csns, lives.ends, lives.tombstones);
    picks.clear();
    if (to_ == StorageTier::hot && !history) return to_hot(rows, lives);
    if (to_ == StorageTier::cold) return to_segment(rows, lives, history);
    GrowingBlock& block = history ? history_block_ : current_block_;
    block.add(rows, std::move(lives));
    return block.rows() < kWarmChunkRows ? Result<void>() : end_block(history);
  }

  Result<void> end_block(bool history) {
    GrowingBlock& block = history ? history_block_ : current_block_;
    if (block.rows() == 0) return {};
    const auto [rows, lives] = block.finish(schema_);
    FIRN_ASSIGN(auto infos, engine_.append_blocks(rows, lives.csns, lives.ends, lives.tombstones, history,
                                                  view_.catalog->schema_version()));
    for (RowFileInfo& info : infos) keep(std::move(info));
    return {};
  }

  Result<void> to_hot(const Batch& rows, const Lives& lives) {
    std::string row, key;
    // Each row in the layout of the schema in force at its commit: all that AS OF may still ask for.
    std::map<std::uint32_t, Batch> by_version;
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows.rows()); ++i) {
      const bool tombstone = !lives.tombstones.empty() && bit_at(lives.tombstones.data(), i);
      const SchemaHistory::Entry& entry = view_.catalog->schemas->at(lives.csns[i]);
      const auto [slot, fresh] = by_version.try_emplace(entry.version.version);
      const Batch& batch = fresh ? slot->second = as_version(rows, entry.version.schema) : slot->second;
      key.clear();
      FIRN_TRY(encode_key(batch.schema(), batch, i, key));
      row.clear();
      if (!tombstone) entry.layout.encode(batch, i, row);
      append_row(moved_, key, tombstone ? hot::Op::tombstone : hot::Op::put, lives.csns[i], row);
      moved_count_ += 1;
    }
    return {};
  }

  static Batch as_version(const Batch& rows, const Schema& schema) {
    const ColumnMapping mapping(rows.schema(), schema);
    std::vector<Column> columns;
    for (const std::size_t c : mapping.stored()) columns.push_back(rows[c].to_plain());
    columns = mapping.columns(std::move(columns), static_cast<std::size_t>(rows.rows()));
    for (Column& c : columns) c = c.to_plain();
    return {schema, rows.rows(), std::move(columns)};
  }

  Result<void> to_segment(const Batch& rows, const Lives& lives, bool history) {
    auto& writer = history ? history_writer_ : current_writer_;
    if (!writer) {
      RowFileInfo info;
      info.id = engine_.next_file_id_++;
      info.tier = StorageTier::cold;
      info.history = history;
      info.schema_version = view_.catalog->schema_version();
      info.created_us = created_us_;
      char name[40];
      std::snprintf(name, sizeof name, "cold/%08llx.seg", static_cast<unsigned long long>(info.id));
      info.path = engine_.at(name);
      cold::SegmentOptions options;
      options.zstd_level = view_.catalog->config.cold_compression_level;
      options.store_id = engine_.store_id;
      options.cells = cells_;
      FIRN_ASSIGN(writer, cold::SegmentWriter::create(*engine_.disk, schema_, info, options));
    }
    FIRN_TRY(writer->append(rows, lives.csns, lives.ends, lives.tombstones));
    if (writer->rows() < engine_.options.segment_rows) return {};
    FIRN_ASSIGN(RowFileInfo info, writer->finish());
    keep(std::move(info));
    writer.reset();
    return {};
  }

  void keep(RowFileInfo info) {
    const std::string prefix = engine_.folder + "/";
    if (info.path.starts_with(prefix)) info.path = info.path.substr(prefix.size());
    info.block_number = kSurvivors;
    info.base_csn = base_;
    info.created_us = created_us_;
    if (to_ == StorageTier::cold) engine_.bytes_written_ += info.length;
    outputs_.add(std::move(info));
  }

  Engine& engine_;
  StorageTier to_;
  const View& view_;
  const Schema& schema_;
  std::vector<std::unique_ptr<Source>>& sources_;
  std::vector<Pick> current_, history_;
  GrowingBlock current_block_, history_block_;
  LifeCells cells_;
  std::unique_ptr<cold::SegmentWriter> current_writer_, history_writer_;
  PendingFiles outputs_;
  std::string moved_;
  std::uint64_t moved_count_ = 0, base_ = 0;
  std::int64_t created_us_ = 0;
};

Result<JobReport> Engine::rewrite_files(const JobOrder& order) {
  JobReport report;
  report.to = order.to;
  FIRN_TRY(advance_horizon());  // what nobody can read any more is not moved
  View base_view;
  std::vector<FileEntryPtr> inputs;
  std::unique_ptr<InputLease> lease;
  std::unique_ptr<BaseLease> base_lease;
  {
    std::lock_guard lock(plan_mutex_);
    FIRN_ASSIGN(ReadContext context, begin_read());
    base_view = context.view;
    for (const std::uint64_t id : order.inputs) {
      const FileEntryPtr f = base_view.catalog->find(id);
      if (!f) return Error(ErrorCode::conflict, "file " + std::to_string(id) + " was replaced meanwhile");
      inputs.push_back(f);
    }
    FIRN_ASSIGN(lease, InputLease::take(inputs));
    UnreadableFiles unreadable;
    FIRN_TRY(resolve(std::move(context), unreadable));
    for (const UnreadableFile& u : unreadable) {
      u.file->leave_alone(u.error);
      for (const FileEntryPtr& f : inputs)
        if (f == u.file || ranges_overlap(f->info, u.file->info.key_min, u.file->info.key_max)) {
          f->leave_alone(u.error);
          return u.error.within("a move of " + f->info.path);
        }
    }
    base_lease = std::make_unique<BaseLease>(pins_, base_view.csn);
  }
  const std::uint64_t base = base_view.csn, horizon = base_view.catalog->horizon;
  FIRN_ASSIGN(const Schema schema, storage_schema(*base_view.catalog->schemas, horizon));
  std::vector<std::unique_ptr<Source>> sources;
  std::int64_t created = 0;
  for (const FileEntryPtr& f : inputs) {
    FIRN_TRY(may_go_on());
    FIRN_ASSIGN(auto s, Source::open(f, schema, base_view.catalog->schemas));
    s->account(base);
    sources.push_back(std::move(s));
    report.rows_in += f->info.rows;
    report.bytes_in += f->info.length;
    report.from = f->info.tier;
    created = std::max(created, f->info.created_us);
  }
  report.inputs = inputs.size();

  // A live tombstone is needed as long as an older version of its key may stand outside of the inputs as current.
  const auto hides_something = [&](std::string_view key, std::uint64_t csn) -> Result<bool> {
    for (const FileEntryPtr& f : base_view.catalog->files) {
      if (f->info.history || f->info.csn_min >= csn || !ranges_overlap(f->info, key, key)) continue;
      if (std::find(inputs.begin(), inputs.end(), f) == inputs.end()) return true;
    }
    // A transaction of its own: none may last as long as the job. If rows left hot since, nobody knows: it stays.
    FIRN_ASSIGN(const ReadContext now, begin_read());
    if (now.view.catalog->hot_epoch != base_view.catalog->hot_epoch) return true;
    FIRN_ASSIGN(const auto version, now.hot.get(key, csn - 1));
    return version.has_value();
  };

  Rewriter rewriter(*this, order.to, base_view, schema, sources);
  rewriter.set_base(base, created);
  if (order.to == StorageTier::cold) rewriter.cut_history(base);
  const auto later = [&](std::uint32_t a, std::uint32_t b) {
    const auto o =
        sources[a]->keys().compare(sources[a]->position(), sources[b]->keys(), sources[b]->position());
    if (o != 0) return o > 0;
    return sources[a]->csn() > sources[b]->csn();
  };
  std::string scratch;
  JobProof proof;
  const auto take_next = [&](std::uint32_t i) -> Result<void> {
    Source& s = *sources[i];
    const Pick pick = s.pick(i, base);
    bool drop = pick.end != 0 && (pick.end == pick.csn || !version_needed(pick.csn, pick.end, horizon));
    if (!drop && pick.tombstone) {
      // In retained history it also proves that the key changed, for conditions on writes.
      FIRN_ASSIGN(const bool needed, hides_something(s.keys().at(s.position(), scratch), pick.csn));
      drop = !needed && pick.csn <= horizon;
    }
    if (options.job_faults.drop) drop = drop || options.job_faults.drop(pick.csn, pick.end);
    if (drop) {
      report.rows_dropped += 1;
      proof.drop(s.keys().at(s.position(), scratch), pick, gone_for_all(pick, horizon));
    } else {
      FIRN_TRY(rewriter.add(pick));
    }
    s.advance();
    return {};
  };
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, decltype(later)> queue(later);
  for (std::uint32_t i = 0; i < sources.size(); ++i)
    if (!sources[i]->is_history() && !sources[i]->at_end()) queue.push(i);
  while (!queue.empty()) {
    const std::uint32_t i = queue.top();
    queue.pop();
    FIRN_TRY(take_next(i));
    if (!sources[i]->at_end()) queue.push(i);
  }
  for (std::uint32_t i = 0; i < sources.size(); ++i)
    while (sources[i]->is_history() && !sources[i]->at_end()) FIRN_TRY(take_next(i));
  FIRN_TRY(rewriter.finish(report));
  if (report.rows_in != report.rows_out + report.rows_dropped)
    return refuse_job(Error(ErrorCode::internal, "of " + std::to_string(report.rows_in) + " versions " +
                                                     std::to_string(report.rows_out) + " are written and " +
                                                     std::to_string(report.rows_dropped) + " dropped"),
                      inputs);
  if (order.to == StorageTier::warm || order.to == StorageTier::cold) {
    FIRN_TRY(disk->sync_directory(at(order.to == StorageTier::warm ? "warm" : "cold")));
  }
  if (options.job_hook) options.job_hook("written");
  for (const auto& s : sources) {
    proof.in.versions += s->sums().versions;
    proof.in.contents += s->sums().contents;
  }
  Result<void> proved = rewriter.prove(proof);
  if (proved) proved = proof.check();
  if (!proved) return refuse_job(proved.error(), inputs);
  LogRecord record;
  record.tier = order.to;
  rewriter.hand_over(record);
  FIRN_TRY(publish(std::move(record), inputs));
  report.done = true;
  return report;
}

}  // namespace firn::storage
