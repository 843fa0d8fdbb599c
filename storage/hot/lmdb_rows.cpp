#include "storage/hot/lmdb_rows.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "io/import_schema.hpp"
#include "storage/hot/lmdb_env.hpp"

namespace firn::storage::hot {
namespace {

constexpr std::uint32_t kMagic = 0xBEEFC0DE;  // of a meta page, behind its header of 16 bytes
constexpr std::size_t kMagicAt = 16;
constexpr unsigned kNamesMax = 1'000;              // named databases that are looked at
constexpr std::size_t kBatchBytesMax = 64u << 20;  // large values make small batches

struct CloseEnv {
  void operator()(MDB_env* env) const { mdb_env_close(env); }
};

Error source_error(const std::string& path, int code) {
  const ErrorCode kind = lmdb_error(code, "").code();
  return {kind, path + ": LMDB: " + mdb_strerror(code)};
}

/// The folder of an environment that has one; an environment in a single file by its name. Whoever uses an environment is
/// known by the lock file beside it, and that depends on how it is opened.
std::filesystem::path place_of(const std::string& path) {
  const std::filesystem::path given(path);
  return given.filename() == "data.mdb" ? given.parent_path() : given;
}

/// One of firn's own hot tiers: its rows are firn's, and it may be open in this process.
bool is_own(const std::filesystem::path& folder) {
  std::error_code ec;
  return std::filesystem::exists(folder / ".." / ".." / "table.fb", ec);
}

std::filesystem::path data_file(const std::filesystem::path& place) {
  std::error_code ec;
  return std::filesystem::is_directory(place, ec) ? place / "data.mdb" : place;
}

/// A meta page of data version 1 of a 64-bit LMDB: header, magic, version, address, map size, two databases of 48 bytes
/// (the first begins with the size of pages), last page, transaction.
struct MetaPage {
  char header[kMagicAt];
  std::uint32_t magic, version;
  std::uint64_t address, map_bytes;
  std::uint32_t page_bytes;
  char databases[92];
  std::uint64_t last_page, transaction;
};
static_assert(sizeof(MetaPage) == 152 && offsetof(MetaPage, last_page) == 136);

/// LMDB maps the file and believes its newest meta page: a page behind the file's end would be the process's end (SIGBUS).
Result<void> check_whole(const std::string& path) {
  const std::filesystem::path file = data_file(place_of(path));
  std::ifstream in(file, std::ios::binary);
  MetaPage newest{}, other{};
  const auto read = [&](MetaPage& page, std::uint64_t at) {
    in.clear();
    in.seekg(static_cast<std::streamoff>(at));
    return static_cast<bool>(in.read(reinterpret_cast<char*>(&page), sizeof page)) && page.magic == kMagic;
  };
  const auto cut = [&] {
    return Error(ErrorCode::corrupt,
                 path +
                     ": LMDB: the file is shorter than it says; if it was not cut off, copy it "
                     "with mdb_copy first");
  };
  if (!read(newest, 0)) return cut();
  const std::uint64_t page_bytes = newest.page_bytes;
  if (page_bytes < 256 || page_bytes > 65'536 || (page_bytes & (page_bytes - 1)) != 0)
    return Error(ErrorCode::corrupt, path + ": LMDB: pages of " + std::to_string(page_bytes) + " bytes");
  if (!read(other, page_bytes)) return cut();
  if (other.transaction > newest.transaction) newest = other;
  std::error_code ec;
  const std::uint64_t bytes = std::filesystem::file_size(file, ec);
  if (ec || newest.last_page >= bytes / page_bytes) return cut();
  return {};
}

class LmdbRows : public io::RowSource {
 public:
  explicit LmdbRows(const io::RowSourceOptions& options) : options_(options) {}

  Result<void> begin() {
    std::error_code ec;
    const std::filesystem::path place = place_of(options_.path);
    const bool folder = std::filesystem::is_directory(place, ec);
    MDB_env* raw = nullptr;
    FIRN_TRY(check(mdb_env_create(&raw)));
    env_.reset(raw);
    FIRN_TRY(check(mdb_env_set_maxdbs(raw, kNamesMax)));
    const unsigned flags = MDB_RDONLY | MDB_NOTLS | (folder ? 0U : static_cast<unsigned>(MDB_NOSUBDIR));
    FIRN_TRY(check(mdb_env_open(raw, place.c_str(), flags, 0600)));
    MDB_txn* txn = nullptr;
    FIRN_TRY(check(mdb_txn_begin(raw, nullptr, MDB_RDONLY, &txn)));
    txn_ = LmdbTxn(txn);
    FIRN_ASSIGN(const MDB_dbi database, choose());
    unsigned kind = 0;
    FIRN_TRY(check(mdb_dbi_flags(txn, database, &kind)));
    several_ = (kind & MDB_DUPSORT) != 0;
    numbers_ = (kind & MDB_INTEGERKEY) != 0;
    MDB_cursor* cursor = nullptr;
    FIRN_TRY(check(mdb_cursor_open(txn, database, &cursor)));
    cursor_.emplace(cursor);
    return {};
  }

  Result<std::optional<Batch>> next() override {
    if (!options_.schema) FIRN_TRY(choose_schema());
    const auto key_at = options_.schema->find("key"), value_at = options_.schema->find("value");
    if (options_.schema->size() != 2 || !key_at || !value_at)
      return Error(ErrorCode::invalid_argument,
                   options_.path + ": an LMDB database gives the columns key and value, and no other");
    ColumnBuilder keys((*options_.schema)[*key_at].type), values((*options_.schema)[*value_at].type);
    std::size_t rows = 0, bytes = 0;
    while (!ended_ && rows < options_.batch_rows && bytes < kBatchBytesMax) {
      std::string_view key, value;
      FIRN_ASSIGN(const bool there, cursor_->move(rows_ == 0 ? MDB_FIRST : MDB_NEXT, key, value));
      ended_ = !there;
      if (!there) break;
      ++rows;
      ++rows_;
      bytes += key.size() + value.size();
      Result<void> taken = keys.append(value_of_key(key));
      if (taken) taken = values.append(Value::of_bytes(TypeId::binary, std::string(value)));
      if (!taken) return taken.error().within(options_.path + ": entry " + std::to_string(rows_));
    }
    if (rows == 0) return std::optional<Batch>();
    std::vector<Column> columns(2);
    columns[*key_at] = keys.finish();
    columns[*value_at] = values.finish();
    bytes_ += bytes;
    return std::optional<Batch>(Batch(*options_.schema, static_cast<std::int64_t>(rows), std::move(columns)));
  }
  const Schema& schema() const override { return *options_.schema; }
  std::uint64_t consumed() const override { return bytes_; }
  std::uint64_t bad_rows() const override { return 0; }

 private:
  Result<void> check(int code) const {
    if (code != 0) return source_error(options_.path, code);
    return {};
  }
  Result<MDB_dbi> open(const char* name) const {
    MDB_dbi database = 0;
    if (const int code = mdb_dbi_open(txn_.get(), name, 0, &database); code != 0)
      return source_error(options_.path, code);
    return database;
  }

  /// Names of databases lie among the keys of the environment's own: it has only such, or none.
  Result<MDB_dbi> choose() {
    FIRN_ASSIGN(const MDB_dbi own, open(nullptr));
    if (!options_.table.empty()) {
      auto named = open(options_.table.c_str());
      if (named || named.error().code() != lmdb_error(MDB_NOTFOUND, "").code()) return named;
      return Error(ErrorCode::not_found, options_.path + ": no database \"" + options_.table + "\" in it");
    }
    MDB_cursor* raw = nullptr;
    FIRN_TRY(check(mdb_cursor_open(txn_.get(), own, &raw)));
    LmdbCursor cursor(raw);
    std::optional<MDB_dbi> only;
    std::string names;
    std::size_t count = 0;
    std::string_view key, value;
    for (MDB_cursor_op op = MDB_FIRST; count < kNamesMax; op = MDB_NEXT) {
      FIRN_ASSIGN(const bool there, cursor.move(op, key, value));
      if (!there) break;
      const std::string name(key);
      const auto named = name.find('\0') == std::string::npos && !name.empty()
                             ? open(name.c_str())
                             : Result<MDB_dbi>(Error(ErrorCode::not_found, ""));
      if (!named) return own;
      only = *named;
      names += (count++ == 0 ? "" : ", ") + name;
    }
    if (count == 0) return own;
    if (count == 1) return *only;
    return Error(ErrorCode::invalid_argument,
                 options_.path + ": say which of its databases is meant: " + names);
  }

  Result<void> choose_schema() {
    const TypeId type = numbers_ ? TypeId::u64 : TypeId::binary;
    std::vector<ColumnSchema> columns = {{0, "key", type, false, {}},
                                         {0, "value", TypeId::binary, false, {}}};
    Schema found = Schema::for_result(columns);
    if (!several_) {
      FIRN_ASSIGN(found, Schema::make(std::move(columns), {.key = {"key"}}));
    }
    FIRN_ASSIGN(options_.schema, options_.chosen(found, io::input_columns(found)));
    return {};
  }
  Value value_of_key(std::string_view key) const {
    if (!numbers_) return Value::of_bytes(TypeId::binary, std::string(key));
    std::uint64_t number = 0;  // of the machine's own form, as LMDB asks for it
    std::memcpy(&number, key.data(), std::min(key.size(), sizeof number));
    return Value(number);
  }

  io::RowSourceOptions options_;
  std::unique_ptr<MDB_env, CloseEnv> env_;
  LmdbTxn txn_;  ///< ends before the environment
  std::optional<LmdbCursor> cursor_;
  bool several_ = false, numbers_ = false, ended_ = false;
  std::uint64_t rows_ = 0, bytes_ = 0;
};

}  // namespace

bool is_lmdb(const std::string& path) {
  std::error_code ec;
  const std::filesystem::path file = data_file(path);
  if (!std::filesystem::is_regular_file(file, ec)) return false;
  std::array<char, kMagicAt + sizeof kMagic> head{};
  if (!std::ifstream(file, std::ios::binary).read(head.data(), head.size())) return false;
  return std::memcmp(head.data() + kMagicAt, &kMagic, sizeof kMagic) == 0;
}

Result<std::unique_ptr<io::RowSource>> open_lmdb_rows(const io::RowSourceOptions& options) {
  if (is_own(place_of(options.path)))
    return Error(ErrorCode::invalid_argument,
                 options.path + ": part of a firn database; use export, or a query, on that");
  FIRN_TRY(check_whole(options.path));
  auto rows = std::make_unique<LmdbRows>(options);
  FIRN_TRY(rows->begin());
  return std::unique_ptr<io::RowSource>(std::move(rows));
}

}  // namespace firn::storage::hot
