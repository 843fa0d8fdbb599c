#include "import_job.hpp"

#include <atomic>
#include <thread>

#include "batch_queue.hpp"
#include "interrupt.hpp"
#include "io/import_schema.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace firn::cli {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kQueuedBatches = 4;
constexpr milliseconds kPatience{100};  // how often an idle writer looks for an interruption

// What both threads hold; it outlives a reader that is stuck in a read of standard input.
struct Shared {
  explicit Shared(std::unique_ptr<io::RowSource> rows) : source(std::move(rows)) {}
  std::unique_ptr<io::RowSource> source;  // the reader's alone while it runs
  BatchQueue queue{kQueuedBatches};
  std::atomic<std::uint64_t> consumed{0}, bad_rows{0};
};

void read_rows(Shared& shared) {
  std::optional<Error> error;
  try {
    for (;;) {
      Result<std::optional<Batch>> batch = shared.source->next();
      shared.consumed = shared.source->consumed();
      shared.bad_rows = shared.source->bad_rows();
      if (!batch) error = batch.error();
      if (!batch || !*batch || !shared.queue.push(std::move(**batch))) break;
    }
  } catch (const Error& e) {
    error = e;
  } catch (const std::exception& e) {
    error = Error(ErrorCode::internal, e.what());
  }
  shared.queue.finish(std::move(error));
}

class AckPrinter {
 public:
  explicit AckPrinter(bool on) : on_(on) {}
  /// If nobody reads the acknowledgements any more, the import goes on without.
  void print_ack(const Commit& commit, std::uint64_t total) {
    if (!on_) return;
    try {
      print(std::to_string(commit.csn.value) + " " + std::to_string(commit.rows) + " " +
            std::to_string(total) + "\n");
    } catch (const PipeClosed&) {
      on_ = false;
    }
  }

 private:
  bool on_;
};

void write_rows(Shared& shared, const std::function<HybridTable(const Schema&)>& open,
                const ImportSettings& settings, ImportOutcome& outcome, Progress& progress) {
  std::optional<HybridTable> table;
  Schema schema;
  AckPrinter acks(settings.acks);
  WriteOptions options;
  options.mode = settings.mode;
  while (!shared.queue.finished() && !interrupted()) {
    std::optional<Batch> batch = shared.queue.pop(kPatience);
    if (batch) {
      if (!table) {
        table = open(batch->schema());
        schema = table->schema();
      }
      const bool partial = updates(settings.mode);  // its columns are found by name
      Result<Commit> commit = table->write(partial ? *batch : io::in_table_schema(*batch, schema), options);
      if (!commit) {
        outcome.error = commit.error();
        return;
      }
      outcome.rows += static_cast<std::uint64_t>(batch->rows());
      outcome.commits += 1;
      acks.print_ack(*commit, outcome.rows);
    }
    progress.show(outcome.rows, shared.consumed);
  }
  outcome.interrupted = !shared.queue.finished();
  if (!outcome.interrupted) outcome.error = shared.queue.error();
}

}  // namespace

ImportOutcome run_import(std::unique_ptr<io::RowSource> source,
                         const std::function<HybridTable(const Schema&)>& open,
                         const ImportSettings& settings) {
  const auto shared = std::make_shared<Shared>(std::move(source));
  const Cooperative cooperative;
  Progress progress(!settings.quiet, settings.bytes_total);
  std::thread reader([shared] { read_rows(*shared); });
  const auto stop_reader = [&] {
    shared->queue.abandon();
    // A reader that waits for standard input may wait for ever; it ends with the process then.
    if (shared->queue.wait_finished(milliseconds(500)))
      reader.join();
    else
      reader.detach();
  };
  ImportOutcome outcome;
  try {
    write_rows(*shared, open, settings, outcome, progress);
  } catch (...) {
    stop_reader();
    throw;
  }
  stop_reader();
  outcome.bad_rows = shared->bad_rows;
  outcome.elapsed_us = progress.elapsed_us();
  return outcome;
}

}  // namespace firn::cli
