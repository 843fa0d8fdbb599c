// firn's store without its actors: what it costs to go through them is the difference to `firn`.
//
// Writers that come while a sync runs are committed together by the next one, as the actors do it: the first of them
// takes the whole queue.
#include <condition_variable>
#include <mutex>

#include "storage/table_store.hpp"
#include "tools/bench/firn_rows.hpp"

namespace firn::bench {

namespace {

constexpr const char* kFolder = "events";

/// Commits what several threads bring with one call each.
class CommitQueue {
 public:
  explicit CommitQueue(storage::TableStore& store) : store_(store) {}
  storage::CommitInfo commit(storage::WriteRequest request) {
    Waiting own{std::move(request), std::nullopt};
    std::unique_lock lock(mutex_);
    queue_.push_back(&own);
    while (!own.answer && leading_) arrived_.wait(lock);
    if (!own.answer) lead(lock);
    lock.unlock();
    return std::move(*own.answer).value();
  }

 private:
  struct Waiting {
    storage::WriteRequest request;
    std::optional<Result<storage::CommitInfo>> answer;
  };
  void lead(std::unique_lock<std::mutex>& lock) {
    leading_ = true;
    const std::vector<Waiting*> group = std::exchange(queue_, {});
    lock.unlock();
    std::vector<storage::WriteRequest> requests;
    for (Waiting* w : group) requests.push_back(std::move(w->request));
    auto answers = store_.commit(requests);
    lock.lock();
    for (std::size_t i = 0; i < group.size(); ++i) group[i]->answer = std::move(answers[i]);
    leading_ = false;
    arrived_.notify_all();
  }

  storage::TableStore& store_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Waiting*> queue_;
  bool leading_ = false;
};

class FirnStore final : public System {
 public:
  std::string name() const override { return "firn-store"; }
  Skills skills() const override { return {.recovers = false, .bulk_by_many = true}; }
  std::string version() const override {
    return "firn's store, called directly" + (notice_.empty() ? "" : ": " + notice_);
  }

  void create(const std::filesystem::path& folder, const TableKind& kind) override {
    HybridTableConfig config;
    if (!kind.keep_history) config.history_us = 0;
    disk_ = io::open_disk(folder.string(), true, &notice_).value();
    begin(storage::TableStore::create(disk_, kFolder, "events", 1, kind.schema, config, {}).value());
  }
  void open(const std::filesystem::path& folder, const TableKind&) override {
    disk_ = io::open_disk(folder.string(), false, &notice_).value();
    begin(storage::TableStore::open(disk_, kFolder, {}).value());
  }
  void close() override {
    if (store_) store_->close().value();
    queue_.reset();
    store_.reset();
    disk_.reset();
  }

  void write(const EventChunk& chunk, Handover how) override {
    write_rows(how == Handover::arrow ? chunk.batch : batch_of(schema_, chunk.rows));
  }
  void write_one(const Event& event) override {
    storage::WriteRequest request;
    request.rows = batch_of(schema_, {&event, 1});
    queue_->commit(std::move(request));
  }
  void write_rows(const Batch& batch) override {
    storage::WriteRequest request;
    if (store_->is_small(batch)) {
      request.rows = batch;
    } else {
      request.kind = storage::WriteRequest::Kind::blocks;
      request.blocks = store_->prepare_blocks(batch).value();
    }
    queue_->commit(std::move(request));
  }
  void settle() override {
    while (const auto order = store_->next_job_towards(StorageTier::cold)) {
      if (!store_->run_job(*order).value().done) break;
    }
    store_->expire().value();
    store_->checkpoint().value();
  }

  bool get(std::uint64_t id) override {
    const Value key(id);
    return store_->get(store_->snapshot().value(), {&key, 1}).value().has_value();
  }
  std::optional<std::uint64_t> decoded_by_get(std::uint64_t id) override {
    const Value key(id);
    storage::ReadCost cost;
    (void)store_->get(store_->snapshot().value(), {&key, 1}, &cost).value();
    return cost.bytes_decoded;
  }
  Answer ask(const Asked& asked) override {
    const Query query = parse_query(sql_of(asked)).value();
    return answer_of(asked, store_->query(query, store_->snapshot().value()).value());
  }

 private:
  void begin(std::unique_ptr<storage::TableStore> store) {
    store_ = std::move(store);
    schema_ = store_->schema();
    queue_ = std::make_unique<CommitQueue>(*store_);
  }

  std::string notice_;
  std::shared_ptr<io::Disk> disk_;
  std::unique_ptr<storage::TableStore> store_;
  std::unique_ptr<CommitQueue> queue_;
  Schema schema_;
};

}  // namespace

std::unique_ptr<System> make_firn_store() { return std::make_unique<FirnStore>(); }

}  // namespace firn::bench
