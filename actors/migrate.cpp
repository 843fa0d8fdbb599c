// A file, or a table of another engine, becomes a table.
#include <algorithm>

#include "firn/firn.hpp"
#include "io/import_schema.hpp"
#include "io/row_source.hpp"
#include "storage/hot/lmdb_rows.hpp"

namespace firn {
namespace {

class Migration {
 public:
  Migration(Database& db, const std::string& name, const MigrateOptions& options)
      : db_(db), name_(name), options_(options) {}

  Result<MigrateReport> run(const std::string& source) {
    if (db_.table(name_)) return Error(ErrorCode::already_exists, "table \"" + name_ + "\" exists already");
    io::RowSourceOptions rows;
    rows.path = source;
    rows.batch_rows = options_.batch_rows;
    rows.choose = [this](const Schema& found) -> Result<Schema> {
      FIRN_ASSIGN(schema_, io::table_schema(found, {.key = options_.key, .time = options_.time}));
      return io::input_columns(schema_);
    };
    rows.table = options_.table;
    const bool lmdb = storage::hot::is_lmdb(source);
    FIRN_ASSIGN(const auto input, lmdb ? storage::hot::open_lmdb_rows(rows) : io::open_rows(rows));
    if (Result<void> moved = move(*input); !moved) return so_far(moved.error());
    return report_;
  }

 private:
  Result<void> move(io::RowSource& input) {
    for (;;) {
      if (options_.cancel && options_.cancel->cancelled())
        return Error(ErrorCode::cancelled, "the migration was cancelled");
      FIRN_ASSIGN(const auto batch, input.next());
      if (!table_) {
        FIRN_ASSIGN(table_, db_.create_table(name_, schema_));
      }
      report_.bytes = input.consumed();
      if (!batch) return count_replaced();
      FIRN_TRY(write(io::in_table_schema(*batch, schema_)));
      report_.rows += static_cast<std::uint64_t>(batch->rows());
      report_.commits += 1;
      if (options_.progress) options_.progress(report_);
    }
  }

  /// A table of which not even the first batch was taken goes again.
  Result<void> write(const Batch& rows) {
    const Result<Commit> commit = table_->write(rows);
    if (commit) return {};
    if (report_.commits == 0) (void)db_.drop_table(name_);
    return commit.error();
  }

  /// Keys that differ in the source may be equal here: 1, 1.0 and '1' of a column that holds texts.
  Result<void> count_replaced() {
    FIRN_ASSIGN(const TableStats stats, table_->get_stats());
    report_.replaced = report_.rows - std::min(report_.rows, stats.rows);
    if (report_.replaced == 0 || !options_.key.empty()) return {};
    return Error(ErrorCode::invalid_argument,
                 std::to_string(report_.replaced) +
                     " rows have the key of another, though the source tells their keys apart: the last of "
                     "each is in the table; say which columns are the key");
  }
  Error so_far(const Error& e) const {
    if (report_.commits == 0) return e;
    return {e.code(), e.message() + "; " + std::to_string(report_.rows) + " rows in " +
                          std::to_string(report_.commits) + " commits are in the table and durable"};
  }

  Database& db_;
  const std::string& name_;
  const MigrateOptions& options_;
  Schema schema_;
  std::optional<HybridTable> table_;
  MigrateReport report_;
};

}  // namespace

Result<MigrateReport> migrate_to_hybrid(const std::string& source, Database& db, const std::string& name,
                                        const MigrateOptions& options) {
  try {
    return Migration(db, name, options).run(source);
  } catch (const Error& e) {
    return e;
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::memory, "out of memory");
  }
}

}  // namespace firn
