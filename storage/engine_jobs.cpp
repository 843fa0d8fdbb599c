// Moves: rows leave one tier and enter another without changing an answer.
//
//   1. pin a base CSN B and resolve the inputs to it: every end <= B of their rows is known
//   2. merge the inputs by key: versions without an end go to current files, ended ones to history files, ended ones that
//      nobody can read any more are dropped, as are tombstones with nothing below them
//   3. write and sync the new files
//   4. publish one record: adds these, retires those, drops these hot versions (inputs must still be live)
//   5. the old names go when the last reader lets go
// New files start as resolved to B: what ended their rows since is found by the next read, as for any file.
#include <algorithm>
#include <queue>

#include "storage/cold/segment.hpp"
#include "storage/engine.hpp"
#include "storage/warm/block.hpp"

namespace firn::storage {
namespace {

constexpr std::size_t kChunkRows = 65'536;
constexpr std::size_t kWarmChunkRows = 262'144;    // a warm block; what merging small blocks aims at
constexpr std::size_t kHotSliceVersions = 32'768;  // publishing a slice drops this many hot versions at most

// Rows that came through a move were the last of their commit: blocks of that commit that still lie elsewhere lose.
constexpr std::uint64_t kSurvivors = ~std::uint64_t{0};

/// One version on its way: where its row is, and its life.
struct Pick {
  std::uint32_t source = 0, row = 0;
  std::uint64_t csn = 0, end = 0;  ///< end 0: live
  bool tombstone = false;
};

/// An input file read in key order. Ascending files give up a row group once they are past it.
class Source {
 public:
  static Result<std::unique_ptr<Source>> open(FileEntryPtr entry, const Schema& schema) {
    std::unique_ptr<Source> s(new Source);
    FIRN_ASSIGN(s->file_, entry->open());
    FIRN_ASSIGN(s->keys_, s->file_->keys());
    s->schema_ = schema;
    s->entry_ = std::move(entry);
    s->ends_ = s->entry_->ends();
    const std::uint64_t rows = s->file_->info().rows;
    s->csns_.reserve(rows);
    ReadCost cost;
    for (std::size_t g = 0; g < s->file_->groups(); ++g) {
      const std::uint64_t count = s->file_->group_first(g + 1) - s->file_->group_first(g);
      FIRN_ASSIGN(const Column csns, s->file_->csns(g, cost));
      const Column plain = csns.to_plain();
      s->csns_.insert(s->csns_.end(), plain.as<std::uint64_t>().begin(), plain.as<std::uint64_t>().end());
      if (s->file_->info().history) {
        FIRN_ASSIGN(const Column ends, s->file_->ends(g, cost));
        const Column e = ends.to_plain();
        s->own_ends_.insert(s->own_ends_.end(), e.as<std::uint64_t>().begin(), e.as<std::uint64_t>().end());
      }
      if (s->file_->info().tombstones != 0) {
        FIRN_ASSIGN(const Buffer bits, s->file_->tombstones(g, cost));
        for (std::uint64_t i = 0; i < count; ++i)
          s->tombstones_.push_back(!bits.empty() && bit_at(bits.data(), i));
      }
    }
    s->groups_.resize(s->file_->groups());
    return s;
  }

  bool at_end() const { return position_ >= keys_->keys.size(); }
  const KeyColumn& keys() const { return keys_->keys; }
  std::size_t position() const { return position_; }
  void advance() { ++position_; }
  const FileEntryPtr& entry() const { return entry_; }
  bool history() const { return file_->info().history; }
  std::uint32_t row() const { return keys_->row(position_); }
  std::uint64_t csn() const { return csns_[row()]; }

  Pick pick(std::uint32_t index, std::uint64_t base) const {
    const std::uint32_t r = row();
    Pick p{index, r, csns_[r], 0, !tombstones_.empty() && tombstones_[r]};
    p.end = own_ends_.empty() ? ends_->end_of(r) : own_ends_[r];
    if (own_ends_.empty() && p.end > base) p.end = 0;  // ended since: found again by the new file's readers
    return p;
  }

  /// Columns of the current schema for these rows, in the given order.
  Result<std::vector<Column>> take(std::span<const std::uint32_t> rows) {
    std::vector<Column> out(schema_.size());
    std::vector<ColumnBuilder> builders;
    // Runs of rows of one group are gathered group by group.
    std::vector<std::vector<Column>> parts;
    std::size_t i = 0;
    while (i < rows.size()) {
      const std::size_t g = group_of(rows[i]);
      const auto first = static_cast<std::uint32_t>(file_->group_first(g));
      const auto last = static_cast<std::uint32_t>(file_->group_first(g + 1));
      std::vector<std::uint32_t> local;
      for (; i < rows.size() && rows[i] >= first && rows[i] < last; ++i) local.push_back(rows[i] - first);
      FIRN_TRY(load(g));
      std::vector<Column> part;
      for (const Column& c : groups_[g]) part.push_back(c.take(local));
      parts.push_back(std::move(part));
    }
    if (parts.size() == 1) return std::move(parts.front());
    for (std::size_t c = 0; c < schema_.size(); ++c) {
      ColumnBuilder b(schema_[c].type);
      for (const auto& part : parts) b.append_column(part[c]);
      out[c] = b.finish();
    }
    return out;
  }

  /// Lets go of groups that lie wholly before the next row of an ascending file.
  void release_passed() {
    if (!keys_->rows.empty() || at_end()) return;
    const std::size_t now = group_of(row());
    for (std::size_t g = 0; g < now; ++g) groups_[g].clear();
  }

 private:
  std::size_t group_of(std::uint32_t row) const {
    std::size_t low = 0, high = file_->groups();
    while (high - low > 1) {
      const std::size_t middle = (low + high) / 2;
      if (file_->group_first(middle) <= row)
        low = middle;
      else
        high = middle;
    }
    return low;
  }

  Result<void> load(std::size_t g) {
    if (!groups_[g].empty()) return {};
    ReadCost cost;
    const Schema& own = file_->schema();
    std::vector<std::size_t> wanted, target;
    std::vector<Column> columns(schema_.size());
    const auto rows = static_cast<std::size_t>(file_->group_first(g + 1) - file_->group_first(g));
    for (std::size_t i = 0; i < schema_.size(); ++i) {
      bool found = false;
      for (std::size_t j = 0; j < own.size() && !found; ++j) {
        if (own[j].id != schema_[i].id) continue;
        wanted.push_back(j);
        target.push_back(i);
        found = true;
      }
      if (found) continue;
      ColumnBuilder nulls(schema_[i].type);
      for (std::size_t r = 0; r < rows; ++r) nulls.append_null();
      columns[i] = nulls.finish();
    }
    FIRN_ASSIGN(std::vector<Column> read, file_->read(g, wanted, cost));
    for (std::size_t i = 0; i < target.size(); ++i) columns[target[i]] = std::move(read[i]);
    groups_[g] = std::move(columns);
    return {};
  }

  FileEntryPtr entry_;
  Schema schema_;
  std::shared_ptr<const RowFile> file_;
  std::shared_ptr<const FileKeys> keys_;
  std::shared_ptr<const EndVector> ends_;
  std::vector<std::uint64_t> csns_, own_ends_;
  std::vector<bool> tombstones_;
  std::vector<std::vector<Column>> groups_;
  std::size_t position_ = 0;
};

/// Rows of picks in their order, from several sources.
Result<Batch> gather(std::vector<std::unique_ptr<Source>>& sources, const std::vector<Pick>& picks,
                     const Schema& schema) {
  std::vector<std::vector<std::uint32_t>> rows(sources.size());
  for (const Pick& p : picks) rows[p.source].push_back(p.row);
  std::vector<Batch> parts;
  std::vector<std::uint32_t> first(sources.size(), 0);
  std::uint32_t total = 0;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    first[s] = total;
    if (rows[s].empty()) continue;
    FIRN_ASSIGN(std::vector<Column> columns, sources[s]->take(rows[s]));
    parts.emplace_back(schema, static_cast<std::int64_t>(rows[s].size()), std::move(columns));
    total += static_cast<std::uint32_t>(rows[s].size());
  }
  if (parts.size() == 1) return parts.front();
  for (Batch& part : parts) {
    std::vector<Column> plain;
    for (const Column& c : part.columns()) plain.push_back(c.to_plain());
    part = Batch(schema, part.rows(), std::move(plain));
  }
  const Batch all = concat(parts);
  std::vector<std::uint32_t> order;
  order.reserve(picks.size());
  for (const Pick& p : picks) order.push_back(first[p.source]++);
  return all.take(order);
}

/// A hot version may have been ended by a file before the next hot version of its key came.
Result<void> shorten(const View& view, const Batch& rows, std::vector<Pick>& picks) {
  std::vector<Column> key_columns;
  for (const std::size_t k : rows.schema().key()) key_columns.push_back(rows[k]);
  FIRN_ASSIGN(const KeyColumn keys, KeyColumn::encode(rows.schema(), key_columns, rows.rows()));
  std::vector<std::uint64_t> csns;
  for (const Pick& p : picks) csns.push_back(p.csn);
  FIRN_ASSIGN(const auto ends, ends_by_files(view, keys, csns, view.csn));
  for (std::size_t i = 0; i < picks.size(); ++i)
    if (ends[i] != 0) picks[i].end = std::min(picks[i].end, ends[i]);
  return {};
}

struct Lives {
  std::vector<std::uint64_t> csns, ends;
  Buffer tombstones;
};

Lives lives_of(const std::vector<Pick>& picks, bool history) {
  Lives out;
  bool any = false;
  MutableBuffer bits(bitmap_bytes(picks.size()));
  for (std::size_t i = 0; i < picks.size(); ++i) {
    out.csns.push_back(picks[i].csn);
    if (history) out.ends.push_back(picks[i].end);
    if (picks[i].tombstone) {
      set_bit(bits.data(), i);
      any = true;
    }
  }
  if (any) out.tombstones = bits.freeze();
  return out;
}

}  // namespace

bool Engine::version_needed(std::uint64_t begin, std::uint64_t end, std::uint64_t horizon) const {
  if (end > horizon) return true;
  std::lock_guard lock(pins_->mutex);
  const auto pin = pins_->csns.lower_bound(begin);
  return pin != pins_->csns.end() && *pin < end;
}

/// Keeps the delta from a CSN on while a job runs.
class BaseLease {
 public:
  BaseLease(std::multiset<std::uint64_t>& bases, std::mutex& mutex, std::uint64_t base)
      : bases_(bases), mutex_(mutex), base_(base) {
    std::lock_guard lock(mutex_);
    bases_.insert(base_);
  }
  ~BaseLease() {
    std::lock_guard lock(mutex_);
    bases_.erase(bases_.find(base_));
  }
  BaseLease(const BaseLease&) = delete;
  BaseLease& operator=(const BaseLease&) = delete;

 private:
  std::multiset<std::uint64_t>& bases_;
  std::mutex& mutex_;
  std::uint64_t base_;
};

/// Marks the inputs as lent for the life of a job.
class InputLease {
 public:
  static Result<std::unique_ptr<InputLease>> take(std::vector<FileEntryPtr> files) {
    std::unique_ptr<InputLease> lease(new InputLease);
    for (FileEntryPtr& f : files) {
      if (f->lent.exchange(true))
        return Error(ErrorCode::busy, "file " + std::to_string(f->info.id) + " is in another job");
      lease->files_.push_back(std::move(f));
    }
    return lease;
  }
  ~InputLease() {
    for (const FileEntryPtr& f : files_) f->lent = false;
  }
  const std::vector<FileEntryPtr>& files() const { return files_; }

 private:
  std::vector<FileEntryPtr> files_;
};

/// Takes picks in key order and makes files of the target tier of them.
class Rewriter {
 public:
  Rewriter(Engine& engine, StorageTier to, const View& view, std::vector<std::unique_ptr<Source>>& sources)
      : engine_(engine), to_(to), view_(view), sources_(sources) {}

  Result<void> add(const Pick& pick) {
    std::vector<Pick>& list = pick.end == 0 ? current_ : history_;
    list.push_back(pick);
    if (list.size() < (to_ == StorageTier::warm ? kWarmChunkRows : kChunkRows)) return {};
    FIRN_TRY(pick.end == 0 ? flush(false) : flush(true));
    for (const auto& s : sources_)
      if (current_.empty() && history_.empty()) s->release_passed();
    return {};
  }

  Result<void> finish(LogRecord& record, JobReport& report) {
    if (!current_.empty()) FIRN_TRY(flush(false));
    if (!history_.empty()) FIRN_TRY(flush(true));
    for (auto* writer : {&current_writer_, &history_writer_}) {
      if (!*writer) continue;
      FIRN_ASSIGN(RowFileInfo info, (*writer)->finish());
      keep(std::move(info));
      writer->reset();
    }
    for (RowFileInfo& info : outputs_) {
      info.created_us = created_us_;
      report.outputs += 1;
      report.rows_out += info.rows;
      report.bytes_out += info.length;
      record.adds.push_back(std::move(info));
    }
    record.moved_rows = std::move(moved_);
    report.rows_out += moved_count_;
    return {};
  }

  void set_base(std::uint64_t base, std::int64_t created_us) {
    base_ = base;
    created_us_ = created_us;
  }

 private:
  Result<void> flush(bool history) {
    std::vector<Pick>& picks = history ? history_ : current_;
    const Schema& schema = view_.catalog->schema();
    FIRN_ASSIGN(const Batch rows, gather(sources_, picks, schema));
    const Lives lives = lives_of(picks, history);
    picks.clear();
    if (to_ == StorageTier::hot && !history) return to_hot(rows, lives);
    if (to_ == StorageTier::cold) return to_segment(rows, lives, history);
    FIRN_ASSIGN(auto infos, engine_.append_blocks(rows, lives.csns, lives.ends, lives.tombstones, history));
    for (RowFileInfo& info : infos) keep(std::move(info));
    return {};
  }

  Result<void> to_hot(const Batch& rows, const Lives& lives) {
    std::string row, key;
    const hot::RowLayout& layout = *view_.catalog->layout;
    std::vector<Column> plain;
    for (const Column& c : rows.columns()) plain.push_back(c.to_plain());
    const Batch batch(rows.schema(), rows.rows(), std::move(plain));
    for (std::size_t i = 0; i < static_cast<std::size_t>(batch.rows()); ++i) {
      const bool tombstone = !lives.tombstones.empty() && bit_at(lives.tombstones.data(), i);
      key.clear();
      FIRN_TRY(encode_key(batch.schema(), batch, i, key));
      row.clear();
      if (!tombstone) layout.encode(batch, i, row);
      append_row(moved_, key, tombstone ? hot::Op::tombstone : hot::Op::put, lives.csns[i], row);
      moved_count_ += 1;
    }
    return {};
  }

  Result<void> to_segment(const Batch& rows, const Lives& lives, bool history) {
    auto& writer = history ? history_writer_ : current_writer_;
    if (!writer) {
      RowFileInfo info;
      info.id = engine_.next_file_id_++;
      info.tier = StorageTier::cold;
      info.history = history;
      info.schema_version = view_.catalog->schema_version;
      info.created_us = created_us_;
      char name[40];
      std::snprintf(name, sizeof name, "cold/%08llx.seg", static_cast<unsigned long long>(info.id));
      info.path = engine_.at(name);
      cold::SegmentOptions options;
      options.zstd_level = view_.catalog->config.cold_compression_level;
      options.store_id = engine_.store_id;
      FIRN_ASSIGN(writer, cold::SegmentWriter::create(*engine_.disk, view_.catalog->schema(), info, options));
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
    if (to_ == StorageTier::cold) engine_.bytes_written_ += info.length;
    outputs_.push_back(std::move(info));
  }

  Engine& engine_;
  StorageTier to_;
  const View& view_;
  std::vector<std::unique_ptr<Source>>& sources_;
  std::vector<Pick> current_, history_;
  std::unique_ptr<cold::SegmentWriter> current_writer_, history_writer_;
  std::vector<RowFileInfo> outputs_;
  std::string moved_;
  std::uint64_t moved_count_ = 0, base_ = 0;
  std::int64_t created_us_ = 0;
};

Result<JobReport> Engine::rewrite_files(const JobOrder& order) {
  JobReport report;
  report.to = order.to;
  View base_view;
  std::vector<FileEntryPtr> inputs;
  std::unique_ptr<InputLease> lease;
  std::unique_ptr<BaseLease> base_lease;
  std::unique_ptr<hot::HotReader> hot;
  {
    std::lock_guard lock(plan_mutex_);
    FIRN_ASSIGN(ReadContext context, begin_read());
    base_view = context.view;
    for (const std::uint64_t id : order.inputs) {
      const FileEntryPtr f = base_view.catalog->find(id);
      if (!f) return Error(ErrorCode::not_found, "file " + std::to_string(id) + " is not in the catalog");
      inputs.push_back(f);
    }
    FIRN_ASSIGN(lease, InputLease::take(inputs));
    FIRN_TRY(resolve_ends(base_view, delta_));
    base_lease = std::make_unique<BaseLease>(pins_->bases, pins_->mutex, base_view.csn);
    hot = std::make_unique<hot::HotReader>(std::move(context.hot));
  }
  const std::uint64_t base = base_view.csn, horizon = base_view.catalog->horizon;
  std::vector<std::unique_ptr<Source>> sources;
  std::int64_t created = 0;
  for (const FileEntryPtr& f : inputs) {
    FIRN_ASSIGN(auto s, Source::open(f, base_view.catalog->schema()));
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
    FIRN_ASSIGN(const auto version, hot->get(key, csn - 1));
    return version.has_value();
  };

  Rewriter rewriter(*this, order.to, base_view, sources);
  rewriter.set_base(base, created);
  const auto later = [&](std::uint32_t a, std::uint32_t b) {
    const auto o =
        sources[a]->keys().compare(sources[a]->position(), sources[b]->keys(), sources[b]->position());
    if (o != 0) return o > 0;
    return sources[a]->csn() > sources[b]->csn();
  };
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, decltype(later)> queue(later);
  for (std::uint32_t i = 0; i < sources.size(); ++i)
    if (!sources[i]->at_end()) queue.push(i);
  std::string scratch;
  while (!queue.empty()) {
    const std::uint32_t i = queue.top();
    queue.pop();
    Source& s = *sources[i];
    const Pick pick = s.pick(i, base);
    bool drop = pick.end != 0 && (pick.end == pick.csn || !version_needed(pick.csn, pick.end, horizon));
    if (!drop && pick.tombstone) {
      // In retained history it also proves that the key changed, for conditions on writes.
      FIRN_ASSIGN(const bool needed, hides_something(s.keys().at(s.position(), scratch), pick.csn));
      drop = !needed && pick.csn <= horizon;
    }
    if (drop)
      report.rows_dropped += 1;
    else
      FIRN_TRY(rewriter.add(pick));
    s.advance();
    if (!s.at_end()) queue.push(i);
  }
  hot.reset();  // no LMDB transaction while files are synced
  LogRecord record;
  record.tier = order.to;
  FIRN_TRY(rewriter.finish(record, report));
  if (report.rows_in != report.rows_out + report.rows_dropped)
    return Error(ErrorCode::internal, "a move of " + std::to_string(report.rows_in) +
                                          " versions would leave " + std::to_string(report.rows_out) +
                                          ": not published");
  if (order.to == StorageTier::warm || order.to == StorageTier::cold) {
    FIRN_TRY(disk->sync_directory(at(order.to == StorageTier::warm ? "warm" : "cold")));
  }
  if (options.job_hook) options.job_hook("written");
  FIRN_TRY(publish(std::move(record), inputs));
  report.done = true;
  return report;
}

/// Takes the hot versions with CSN <= upto out of the hot tier, slice by slice.
Result<JobReport> Engine::demote_hot(StorageTier to, std::uint64_t upto) {
  JobReport report;
  report.from = StorageTier::hot;
  report.to = StorageTier::warm;
  (void)to;  // hot rows become warm blocks first; the next job takes these further
  std::string from;
  const std::uint64_t moves_before = moves_to_hot_;
  std::optional<std::uint64_t> emptied;  // no hot version at or below it is left
  for (bool more = true; more;) {
    View base_view;
    std::unique_ptr<hot::HotReader> hot;
    std::unique_ptr<BaseLease> base_lease;
    {
      std::lock_guard lock(plan_mutex_);
      FIRN_ASSIGN(ReadContext context, begin_read());
      base_view = context.view;
      base_lease = std::make_unique<BaseLease>(pins_->bases, pins_->mutex, base_view.csn);
      hot = std::make_unique<hot::HotReader>(std::move(context.hot));
    }
    const std::uint64_t bound = std::min(upto, base_view.csn);
    if (!emptied) emptied = bound;
    const hot::RowLayout& layout = *base_view.catalog->layout;
    const Schema& schema = base_view.catalog->schema();
    struct Half {
      std::vector<ColumnBuilder> columns;
      std::vector<Pick> picks;
    } halves[2];  // current, history
    for (Half& half : halves)
      for (const ColumnSchema& c : schema.columns()) half.columns.emplace_back(c.type);
    const auto add = [&](Half& half, std::string_view key, const hot::HotVersion& v,
                         std::uint64_t end) -> Result<void> {
      const bool tombstone = v.op == hot::Op::tombstone;
      if (tombstone) {
        FIRN_ASSIGN(const Key values, decode_key(schema, key));
        for (std::size_t c = 0; c < schema.size(); ++c) {
          const auto k = std::find(schema.key().begin(), schema.key().end(), c);
          if (k == schema.key().end())
            half.columns[c].append_null();
          else
            FIRN_TRY(half.columns[c].append(values[static_cast<std::size_t>(k - schema.key().begin())]));
        }
      } else {
        FIRN_TRY(layout.check(v.row));
        for (std::size_t c = 0; c < schema.size(); ++c) layout.append_to(v.row, c, half.columns[c]);
      }
      half.picks.push_back({0, 0, v.csn, end, tombstone});
      return {};
    };
    std::string first_key, last_key, key_now;
    std::uint64_t newer = 0;  // CSN of the version of this key met just before: the end of the next older one
    std::uint64_t versions = 0;
    more = false;
    FIRN_TRY(hot->visit_versions(from, [&](std::string_view key, const hot::HotVersion& v) -> Result<bool> {
      if (key != key_now) {
        if (versions >= kHotSliceVersions) {
          from.assign(key);
          more = true;
          return false;
        }
        key_now.assign(key);
        newer = 0;
      }
      if (v.csn <= bound) {
        if (versions == 0) first_key = key_now;
        last_key = key_now;
        versions += 1;
        const bool history = newer != 0;
        if (history && !version_needed(v.csn, newer, base_view.catalog->horizon)) {
          report.rows_dropped += 1;
        } else {
          FIRN_TRY(add(halves[history ? 1 : 0], key, v, newer));
        }
      }
      newer = v.csn;
      return true;
    }));
    hot.reset();
    if (versions == 0) continue;
    LogRecord record;
    record.tier = StorageTier::none;
    for (Half& half : halves) {
      if (half.picks.empty()) continue;
      const bool history = &half == &halves[1];
      // History comes newest first within a key; files want ascending CSNs.
      std::vector<std::uint32_t> order;
      for (std::uint32_t i = 0; i < half.picks.size(); ++i) order.push_back(i);
      std::vector<Column> columns;
      for (ColumnBuilder& b : half.columns) columns.push_back(b.finish());
      Batch rows(schema, static_cast<std::int64_t>(half.picks.size()), std::move(columns));
      if (history) {
        FIRN_ASSIGN(const KeyColumn keys, [&] {
          std::vector<Column> key_columns;
          for (const std::size_t k : schema.key()) key_columns.push_back(rows[k]);
          return KeyColumn::encode(schema, key_columns, rows.rows());
        }());
        std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
          const auto o = keys.compare(a, keys, b);
          return o != 0 ? o < 0 : half.picks[a].csn < half.picks[b].csn;
        });
        rows = rows.take(order);
        std::vector<Pick> sorted;
        for (const std::uint32_t i : order) sorted.push_back(half.picks[i]);
        half.picks = std::move(sorted);
        FIRN_TRY(shorten(base_view, rows, half.picks));
      }
      // One key may have any number of versions: blocks of bounded size.
      for (std::size_t first = 0; first < half.picks.size(); first += kWarmChunkRows) {
        const std::size_t count = std::min(kWarmChunkRows, half.picks.size() - first);
        const auto begin = half.picks.begin() + static_cast<std::ptrdiff_t>(first);
        const Lives lives = lives_of({begin, begin + static_cast<std::ptrdiff_t>(count)}, history);
        const Batch part = count == half.picks.size() ? rows : rows.slice(first, count);
        FIRN_ASSIGN(auto infos, append_blocks(part, lives.csns, lives.ends, lives.tombstones, history));
        for (RowFileInfo& info : infos) {
          // Versions of these keys in other files may lie between the rows' CSNs and now: resolving begins at the oldest.
          info.base_csn = info.csn_min;
          info.block_number = kSurvivors;
          info.created_us = base_view.time_us;
          report.outputs += 1;
          report.rows_out += info.rows;
          report.bytes_out += info.length;
          record.adds.push_back(std::move(info));
        }
      }
    }
    report.rows_in += versions;
    record.drops.push_back({first_key, last_key, bound});
    FIRN_TRY(disk->sync_directory(at("warm")));
    if (options.job_hook) options.job_hook("written");
    FIRN_TRY(publish(std::move(record), {}, base_view.catalog->hot_epoch));
    report.done = true;
  }
  if (report.rows_in != report.rows_out + report.rows_dropped)
    return Error(ErrorCode::internal, "a demotion of hot rows lost count");
  if (emptied && moves_to_hot_ == moves_before) hot_emptied_to_ = *emptied;
  return report;
}

Result<JobReport> Engine::run_job(const JobOrder& order) {
  FIRN_TRY(check_open());
  if (const std::string why = read_only_reason(); !why.empty()) return Error(ErrorCode::read_only, why);
  try {
    if (order.from_hot) return demote_hot(order.to, order.hot_upto == 0 ? kCsnMax.value : order.hot_upto);
    if (order.inputs.empty()) return JobReport{};
    return rewrite_files(order);
  } catch (const Error& e) {
    return e;
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::memory, "no memory for the job");
  }
}

Result<void> Engine::expire() {
  FIRN_TRY(check_open());
  const View now = view();
  const std::int64_t until = std::max(clock->now().us, now.time_us) - now.catalog->config.history_us;
  std::uint64_t horizon = now.catalog->horizon;
  if (const auto csn = csn_at(Timestamp{until})) horizon = std::max(horizon, csn->value);
  LogRecord record;
  record.horizon = horizon;
  const auto files_past = [&] {
    std::vector<FileEntryPtr> gone;
    for (const FileEntryPtr& f : now.catalog->files)
      if (f->info.history && !f->lent && !version_needed(f->info.csn_min, f->info.end_max, horizon))
        gone.push_back(f);
    return gone;
  };
  if (files_past().empty()) return {};
  const auto set_floor = [&](std::uint64_t floor) {
    std::lock_guard lock(pins_->mutex);
    pins_->floor = floor;
  };
  set_floor(horizon);  // from here on nobody pins what goes
  const std::vector<FileEntryPtr> gone = files_past();
  // A horizon that moved by little is no reason for a commit of its own.
  Result<void> done;
  if (!gone.empty()) {
    const auto lease = InputLease::take(gone);
    done = lease ? publish(std::move(record), gone) : Result<void>(lease.error());
  }
  set_floor(0);  // the catalog's horizon says it now
  return done;
}

}  // namespace firn::storage
