// Power cuts at random moments of a log's life, recoveries included, against a model: what was acknowledged
// is there, in order and whole, and nothing that was never written. And the same with deliberate offenders,
// which must be found.
#include <algorithm>
#include <chrono>
#include <random>

#include "tests/io/log_fixture.hpp"

namespace firn::io {
namespace {

constexpr std::uint64_t kStore = 0x5707E;
constexpr const char* kFolder = "table/commit";

std::string path_of(std::uint64_t id) {
  std::string digits = std::to_string(id);
  return std::string(kFolder) + "/" + std::string(8 - digits.size(), '0') + digits;
}

/// The smallest engine over a log: a chain of sealed files and one that grows.
class Engine {
 public:
  explicit Engine(Disk& disk, bool trusts_page_cache = false) : disk_(disk), trusting_(trusts_page_cache) {}

  /// Reads everything, rewrites the unsealed tail, begins a new file. The entries, or why not.
  Result<std::vector<Bytes>> recover() {
    entries_.clear();
    FIRN_TRY(disk_.make_directories(kFolder));
    FIRN_ASSIGN(auto ids, file_ids());
    LogPosition end{0, 0, 0};
    for (std::size_t i = 0; i < ids.size(); ++i) {
      auto step = read_file_of(ids[i], end);
      const bool never_promised = !step && i + 1 == ids.size() && !header_is_sound(ids[i]);
      if (never_promised) {
        FIRN_TRY(disk_.remove(path_of(ids[i])));
        ids.pop_back();
        break;
      }
      if (!step) return step.error();
    }
    next_id_ = ids.empty() ? 1 : ids.back() + 1;
    if (!ids.empty() && !last_sealed_ && !trusting_) FIRN_TRY(rewrite(ids.back(), end));
    FIRN_ASSIGN(
        log_, AppendLog::create(disk_, path_of(next_id_), {{kStore, next_id_}, end.sequence + 1, end.chain}));
    return entries_;
  }

  Result<void> roll() {
    FIRN_TRY(log_->seal());
    ++next_id_;
    FIRN_ASSIGN(log_, AppendLog::create(disk_, path_of(next_id_),
                                        {{kStore, next_id_}, log_->last_sequence() + 1, log_->chain()}));
    return {};
  }

  AppendLog& log() { return *log_; }

 private:
  Result<std::vector<std::uint64_t>> file_ids() {
    FIRN_ASSIGN(const auto names, disk_.list(kFolder));
    std::vector<std::uint64_t> ids;
    for (const DirEntry& e : names) {
      if (e.name.size() == 8) {
        ids.push_back(std::stoull(e.name));
      } else {
        FIRN_TRY(disk_.remove(std::string(kFolder) + "/" + e.name));
      }
    }
    return ids;
  }

  bool header_is_sound(std::uint64_t id) {
    LogExpectation expect;
    expect.store_id = kStore;
    return LogReader::open(disk_, path_of(id), expect).ok();
  }

  // A file that begins where the one before it began is its rewritten form.
  Result<void> read_file_of(std::uint64_t id, LogPosition& end) {
    LogExpectation expect;
    expect.store_id = kStore;
    expect.file_id = id;
    FIRN_ASSIGN(const auto reader, LogReader::open(disk_, path_of(id), expect));
    const std::uint64_t first = reader->header().first_sequence;
    const bool rewritten = previous_ != 0 && first == previous_first_;
    if (rewritten) {
      FIRN_TRY(disk_.remove(path_of(previous_)));
      entries_.resize(static_cast<std::size_t>(first - 1));
    } else if (first != end.sequence + 1 || reader->header().chain_start != end.chain) {
      return Error(ErrorCode::corrupt, "a gap before '" + path_of(id) + "'");
    }
    for (;;) {
      const LogStep step = reader->next();
      if (const auto* error = std::get_if<Error>(&step)) return *error;
      if (const auto* tail = std::get_if<TailInfo>(&step)) {
        last_sealed_ = tail->sealed;
        end = tail->end;
        break;
      }
      const auto payload = std::get<LogRecord>(step).payload;
      entries_.emplace_back(payload.begin(), payload.end());
    }
    previous_ = id;
    previous_first_ = first;
    return {};
  }

  Result<void> rewrite(std::uint64_t id, LogPosition& end) {
    RewriteRequest request;
    request.expect.store_id = kStore;
    request.expect.file_id = id;
    request.new_file_id = next_id_;
    FIRN_ASSIGN(const auto made, rewrite_tail(disk_, path_of(id), path_of(next_id_), request));
    end = made.end;
    FIRN_TRY(disk_.remove(path_of(id)));
    FIRN_TRY(disk_.sync_directory(kFolder));
    ++next_id_;
    return {};
  }

  Disk& disk_;
  bool trusting_;
  std::unique_ptr<AppendLog> log_;
  std::vector<Bytes> entries_;
  std::uint64_t next_id_ = 1, previous_ = 0, previous_first_ = 0;
  bool last_sealed_ = false;
};

enum class Offender {
  none,
  sync_lies,
  directory_sync_lies,
  link_broken,
  retry_after_failed_sync,
  page_cache_trusted,
  acknowledged_early,
};

/// One history: several lives of an engine on one disk after another, with cuts between and during them.
class History {
 public:
  History(std::uint64_t seed, Offender offender) : rng_(seed), offender_(offender) {}

  /// Empty, or what was found wrong.
  std::string run() {
    disk_ = std::make_unique<SimDisk>();
    const int lives = 1 + static_cast<int>(rng_() % 3);
    for (int life = 0; life < lives && wrong_.empty(); ++life) {
      misbehave();
      live();
      for (const CutPolicy policy : kCutPolicies) {
        if (wrong_.empty()) check_image(policy);
      }
      next_disk();
    }
    return wrong_;
  }

  std::uint64_t cuts() const { return cuts_; }

 private:
  void misbehave() {
    disk_->lie_about_sync(offender_ == Offender::sync_lies);
    disk_->lie_about_directory_sync(offender_ == Offender::directory_sync_lies);
    disk_->break_link(offender_ == Offender::link_broken);
    disk_->fail_at(0, SimDisk::Failure::io);
    if (offender_ == Offender::retry_after_failed_sync) {
      disk_->set_fault([this](SimOp op, const std::string&, std::uint64_t) -> std::optional<Error> {
        if (op == SimOp::sync && rng_() % 10 == 0) return Error(ErrorCode::io, "ordered");
        return std::nullopt;
      });
    } else if (rng_() % 2 == 0) {
      disk_->fail_at(disk_->operations() + 1 + rng_() % 60, SimDisk::Failure::freeze);
    }
  }

  void live() {
    Engine engine(*disk_, offender_ == Offender::page_cache_trusted);
    const auto found = engine.recover();
    if (!found) {
      // The disk was switched off on the way, or an ordered failure struck: nothing was promised in this
      // life.
      if (found.error().code() == ErrorCode::corrupt) wrong_ = found.error().message();
      return;
    }
    judge(*found);
    // Recovery showed these to readers: they are promises from now on.
    written_.resize(found->size());
    acknowledged_ = written_.size();
    const int steps = static_cast<int>(rng_() % 40);
    for (int i = 0; i < steps && wrong_.empty(); ++i) {
      if (!step(engine)) return;
      if (rng_() % 8 == 0) check_image(kCutPolicies[rng_() % 6]);
    }
  }

  bool step(Engine& engine) {
    const auto choice = rng_() % 20;
    if (choice == 0) return engine.roll().ok();
    if (choice < 5) return acknowledge(engine, engine.log().sync());
    written_.push_back(pattern(rng_() % 10 == 0 ? rng_() % 4000 : rng_() % 200, rng_()));
    const Bytes& payload = written_.back();
    if (choice < 12) {
      const auto done = engine.log().append_and_sync(payload, 1);
      return acknowledge(engine, done ? Result<void>() : Result<void>(done.error()));
    }
    if (!engine.log().append(payload, 1)) return false;
    if (offender_ == Offender::acknowledged_early) acknowledged_ = written_.size();
    return true;
  }

  bool acknowledge(Engine& engine, const Result<void>& synced) {
    if (!synced && offender_ == Offender::retry_after_failed_sync) {
      const auto again = disk_->open(engine.log().path(), Disk::Mode::read_write);
      if (again && (*again)->sync().ok()) acknowledged_ = written_.size();
      return false;
    }
    if (synced) acknowledged_ = written_.size();
    return synced.ok();
  }

  void check_image(CutPolicy policy) {
    auto image = disk_->cut(policy, rng_());
    ++cuts_;
    if (rng_() % 4 == 0) {  // the power goes off during the recovery too
      image->fail_at(1 + rng_() % 12, SimDisk::Failure::freeze);
      (void)Engine(*image).recover();
      image = image->cut(kCutPolicies[rng_() % 6], rng_());
      ++cuts_;
    }
    const auto found = Engine(*image).recover();
    if (!found) {
      wrong_ = "recovery after a cut failed: " + found.error().message();
      return;
    }
    judge(*found);
  }

  void judge(const std::vector<Bytes>& found) {
    if (found.size() < acknowledged_) {
      wrong_ = std::to_string(acknowledged_) + " acknowledged, found " + std::to_string(found.size());
    } else if (found.size() > written_.size()) {
      wrong_ = "found more than was written";
    } else if (!std::equal(found.begin(), found.end(), written_.begin())) {
      wrong_ = "found other bytes than were written";
    }
  }

  void next_disk() {
    if (rng_() % 3 == 0) {  // kill -9 and a restart in place, if the power is still on
      auto frozen = disk_->open("no such file", Disk::Mode::create_new);
      if (frozen) (void)disk_->remove("no such file");
      if (frozen) return;
    }
    disk_ = disk_->cut(kCutPolicies[rng_() % 6], rng_());
    ++cuts_;
  }

  std::mt19937_64 rng_;
  Offender offender_;
  std::unique_ptr<SimDisk> disk_;
  std::vector<Bytes> written_;
  std::size_t acknowledged_ = 0;
  std::uint64_t cuts_ = 0;
  std::string wrong_;
};

TEST(PowerCut, EveryAcknowledgedEntrySurvivesThousandsOfCuts) {
  constexpr std::uint64_t kCuts = 8000;
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t cuts = 0;
  for (std::uint64_t seed = 1; cuts < kCuts; ++seed) {
    History history(seed, Offender::none);
    ASSERT_EQ(history.run(), "") << "seed " << seed;
    cuts += history.cuts();
  }
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  RecordProperty("cuts", static_cast<int>(cuts));
  RecordProperty("ms", static_cast<int>(ms.count()));
}

class Alarm : public ::testing::TestWithParam<Offender> {};

TEST_P(Alarm, Rings) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    if (!History(seed, GetParam()).run().empty()) return;
  }
  FAIL() << "300 histories with a deliberate fault, and nothing was noticed";
}

INSTANTIATE_TEST_SUITE_P(PowerCut, Alarm,
                         ::testing::Values(Offender::sync_lies, Offender::directory_sync_lies,
                                           Offender::link_broken, Offender::retry_after_failed_sync,
                                           Offender::page_cache_trusted, Offender::acknowledged_early));

}  // namespace
}  // namespace firn::io
