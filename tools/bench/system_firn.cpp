// firn as a program uses it: the public interface and nothing else, with all defaults, or pinned to one tier, or with
// single rows written by messages.
#include "firn/firn.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <caf/scoped_actor.hpp>

#include "firn/messages.hpp"

#include "tools/bench/firn_rows.hpp"

namespace firn::bench {

namespace {

/// `firn import` of the folder that this program lies in: the way by which CSV comes in.
void run_import(const std::filesystem::path& folder, const std::filesystem::path& csv) {
  const std::filesystem::path program =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / "firn";
  const pid_t child = ::fork();
  if (child < 0) throw Error(ErrorCode::io, "fork");
  if (child == 0) {
    if (std::freopen("/dev/null", "w", stdout) == nullptr ||
        std::freopen("/dev/null", "w", stderr) == nullptr)
      ::_exit(127);
    ::execl(program.c_str(), "firn", "import", folder.c_str(), "flights", csv.c_str(), "--create", "--key",
            "id", "--time", "date", nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Error(ErrorCode::io, program.string() + " import failed");
}

class Firn : public System {
 public:
  explicit Firn(StorageTier placement) : placement_(placement) {}
  ~Firn() override { (void)db_.close(); }
  std::string name() const override {
    return placement_ == StorageTier::none ? "firn" : "firn-" + std::string(name_of(placement_));
  }
  Skills skills() const override {
    const bool free = placement_ == StorageTier::none;
    return {.recovers = free, .reads_csv = free, .bulk_by_many = true};
  }
  std::string version() const override {
    if (placement_ == StorageTier::none) return "firn, public interface, default settings";
    return "the same with placement=" + std::string(name_of(placement_));
  }

  void create(const std::filesystem::path& folder, const TableKind& kind) override {
    HybridTableConfig config;
    config.placement = placement_;
    if (!kind.keep_history) config.history_us = 0;
    db_ = Database::open(folder.string()).value();
    table_ = db_.create_table("events", kind.schema, config).value();
    schema_ = kind.schema;
  }
  void open(const std::filesystem::path& folder, const TableKind& kind) override {
    DatabaseOptions options;
    options.create = false;
    db_ = Database::open(folder.string(), options).value();
    table_ = db_.table("events").value();
    schema_ = kind.schema;
  }
  void close() override {
    table_ = {};
    db_.close().value();
    db_ = {};
  }

  void write(const EventChunk& chunk, Handover how) override {
    write_rows(how == Handover::arrow ? chunk.batch : batch_of(schema_, chunk.rows));
  }
  void write_one(const Event& event) override { write_rows(batch_of(schema_, {&event, 1})); }
  void write_rows(const Batch& batch) override { (void)table_.write(batch).value(); }
  void settle() override {
    (void)table_.compact({.to = placement_ == StorageTier::none ? StorageTier::cold : placement_}).value();
    table_.checkpoint().value();
  }
  void import_csv(const std::filesystem::path& folder, const std::filesystem::path& csv) override {
    run_import(folder, csv);
  }
  bool caught_up() override { return table_.get_stats().value().lag_commits == 0; }

  bool get(std::uint64_t id) override { return table_.get({Value(id)}).value().has_value(); }
  Answer ask(const Asked& asked) override {
    return answer_of(asked, table_.query(sql_of(asked)).value().batch());
  }

 protected:
  const HybridTable& table() const { return table_; }
  const Schema& schema() const { return schema_; }

 private:
  StorageTier placement_;
  Database db_;
  HybridTable table_;
  Schema schema_;
};

caf::actor_system& client_actors() {
  static caf::actor_system_config config;
  config.add_error_category(caf::atom("firn"), render_error);
  static caf::actor_system system{config};
  return system;
}

/// Small changes as a program of actors makes them: a request to the table's actor, and the wait for its answer.
class FirnMessages final : public Firn {
 public:
  FirnMessages() : Firn(StorageTier::none) {}
  std::string name() const override { return "firn-messages"; }
  Skills skills() const override { return {.recovers = false}; }
  std::string version() const override { return "firn, single rows as messages to the table's actor"; }
  void write_one(const Event& event) override {
    thread_local caf::scoped_actor self{client_actors()};
    const auto upsert = make_flat<fb::WriteRequest>([](auto& b) { return fb::CreateWriteRequest(b); });
    self->request(table().actor(), caf::infinite, upsert, ArrowBody(batch_of(schema(), {&event, 1})))
        .receive([](const flat<fb::Commit>&) {}, [](const caf::error& why) { throw to_error(why); });
  }
};

}  // namespace

std::unique_ptr<System> make_firn(StorageTier placement) { return std::make_unique<Firn>(placement); }
std::unique_ptr<System> make_firn_messages() { return std::make_unique<FirnMessages>(); }

}  // namespace firn::bench
