// firn as a program uses it: the public interface and nothing else, with all defaults.
#include "firn/firn.hpp"

#include "tools/bench/firn_rows.hpp"

namespace firn::bench {

namespace {

class Firn final : public System {
 public:
  ~Firn() override { (void)db_.close(); }
  std::string name() const override { return "firn"; }
  std::string version() const override { return "firn, public interface, default settings"; }

  void create(const std::filesystem::path& folder, const TableKind& kind) override {
    HybridTableConfig config;
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
    (void)table_.compact({.to = StorageTier::cold}).value();
    table_.checkpoint().value();
  }

  bool get(std::uint64_t id) override { return table_.get({Value(id)}).value().has_value(); }
  Answer ask(const Asked& asked) override {
    return answer_of(asked, table_.query(sql_of(asked)).value().batch());
  }

 private:
  Database db_;
  HybridTable table_;
  Schema schema_;
};

}  // namespace

std::unique_ptr<System> make_firn() { return std::make_unique<Firn>(); }

}  // namespace firn::bench
