// A key whose encoding is longer than 503 bytes is refused on every way in, before anything is written; one of 503
// bytes goes all the way.
#include <fstream>
#include <set>

#include "fixture.hpp"

namespace firn::testing {
namespace {

constexpr std::size_t kTextMax = 503 - 2;  // two bytes end a text

Schema text_schema() { return Schema::parse("k utf8, v i64", {.key = {"k"}}).value(); }

/// So many rows; the last one has a key of this many bytes.
Batch rows_with(std::size_t key_bytes, int rows) {
  BatchBuilder b(text_schema());
  for (int i = 0; i + 1 < rows; ++i) b.append("key " + std::to_string(i), i);
  b.append(std::string(key_bytes, 'x'), rows);
  return b.finish().value();
}

class KeyLimits : public DatabaseTest {
 protected:
  HybridTable text_table() {
    DatabaseOptions quiet;
    quiet.background = false;
    open(quiet);
    return db_.create_table("t", text_schema()).value();
  }
  /// Every file's name, length and time of its last change.
  std::set<std::string> files() const {
    std::set<std::string> all;
    for (const auto& f : std::filesystem::recursive_directory_iterator(folder_))
      if (f.is_regular_file() && f.path().filename() != "lock.mdb")
        all.insert(f.path().string() + " " + std::to_string(f.file_size()) + " " +
                   std::to_string(f.last_write_time().time_since_epoch().count()));
    return all;
  }
  template <class T>
  static void expect_refused(const Result<T>& answer, const std::string& way) {
    ASSERT_FALSE(answer) << way;
    EXPECT_NE(answer.error().message().find("at most 503"), std::string::npos)
        << way << ": " << answer.error().message();
  }
  std::string write_csv(const std::string& name, const std::string& key) {
    const std::string path = folder_.string() + "." + name;
    std::ofstream(path) << "k,v\nshort,1\n" << key << ",2\n";
    return path;
  }
};

TEST_F(KeyLimits, TooLongIsRefusedOnEveryWayBeforeAnythingIsWritten) {
  auto t = text_table();
  t.write(rows_with(3, 10)).value();
  const Csn csn = t.get_stats().value().csn;
  const auto before = files();
  const std::string long_key(kTextMax + 1, 'x');
  const std::string zeros(kTextMax / 2 + 1, '\0');  // each takes two bytes

  for (const int rows : {1, 5'000}) {
    const Batch batch = rows_with(kTextMax + 1, rows);
    const std::string of = " of " + std::to_string(rows) + " rows";
    for (const WriteMode mode :
         {WriteMode::upsert, WriteMode::insert, WriteMode::update, WriteMode::update_or_insert}) {
      WriteOptions options;
      options.mode = mode;
      expect_refused(t.write(batch, options), "write" + of);
    }
    WriteOptions token;
    token.token = WriteToken{"producer", 1};
    expect_refused(t.write(batch, token), "write with a token" + of);
    bool given = false;
    expect_refused(t.bulk_import([&]() -> Result<std::optional<Batch>> {
      if (std::exchange(given, true)) return std::optional<Batch>();
      return std::optional<Batch>(batch);
    }),
                   "bulk import" + of);
  }
  for (const std::string& key : {long_key, zeros}) {
    const Key keys[] = {Key{"short"}, Key{Value(key)}};
    expect_refused(t.remove(keys), "remove");
    expect_refused(t.get(Key{Value(key)}), "get");
    const auto none = t.query("SELECT v FROM t WHERE k = '" + long_key + "'");
    EXPECT_TRUE(none && none->rows() == 0) << "a condition may say anything";
  }
  const std::string source = write_csv("long.csv", long_key);
  MigrateOptions by_key;
  by_key.key = {"k"};
  expect_refused(migrate_to_hybrid(source, db_, "migrated", by_key), "migrate");
  std::filesystem::remove(source);

  EXPECT_FALSE(db_.table("migrated"));
  EXPECT_EQ(t.get_stats().value().csn, csn);
  EXPECT_EQ(files(), before);
  EXPECT_EQ(count(t), 10);
}

TEST_F(KeyLimits, TooLongIsRefusedByMessageToo) {
  auto t = text_table();
  t.write(rows_with(3, 10)).value();
  const auto before = files();
  {
    const runtime::HostCall unpin;
    caf::actor_system_config config;
    caf::actor_system system{config};
    caf::scoped_actor self{system};
    const TableActor actor = t.actor();
    const auto refused = [](const caf::error& e) {
      EXPECT_NE(to_error(e).message().find("at most 503"), std::string::npos) << to_error(e).message();
    };
    const auto upsert = make_flat<fb::WriteRequest>([](auto& b) { return fb::CreateWriteRequest(b); });
    for (const int rows : {1, 5'000}) {
      self->request(actor, 30s, upsert, ArrowBody(rows_with(kTextMax + 1, rows)))
          .receive([](const flat<fb::Commit>&) { FAIL(); }, refused);
    }
    const auto row = [](auto& b) {
      const Value key[] = {Value(std::string(kTextMax + 1, 'x'))};
      return to_row(b, key);
    };
    const auto remove = make_flat<fb::RemoveRequest>([&](auto& b) {
      const auto key = row(b);
      return fb::CreateRemoveRequest(b, b.CreateVector(&key, 1));
    });
    self->request(actor, 30s, remove).receive([](const flat<fb::Commit>&) { FAIL(); }, refused);
    const auto get = make_flat<fb::GetRequest>([&](auto& b) { return fb::CreateGetRequest(b, row(b)); });
    self->request(actor, 30s, get).receive([](const flat<fb::GetAnswer>&) { FAIL(); }, refused);
  }
  EXPECT_EQ(files(), before);
  EXPECT_EQ(count(t), 10);
}

TEST_F(KeyLimits, TheLongestGoThroughAllTiersAndAReopening) {
  auto t = text_table();
  const std::string longest(kTextMax, 'x'), zeros(kTextMax / 2, '\0');
  t.write(rows_with(kTextMax, 1)).value();
  t.write(rows_with(kTextMax - 1, 5'000)).value();
  BatchBuilder b(text_schema());
  t.write(b.append(zeros, -1).append("", -2).finish().value()).value();
  const auto check = [&](const HybridTable& table) {
    EXPECT_EQ((*table.get(Key{Value(longest)}).value())["v"].to_i64(), 1);
    EXPECT_EQ((*table.get(Key{Value(std::string(kTextMax - 1, 'x'))}).value())["v"].to_i64(), 5'000);
    EXPECT_EQ((*table.get(Key{Value(zeros)}).value())["v"].to_i64(), -1);
    EXPECT_EQ((*table.get(Key{""}).value())["v"].to_i64(), -2);
    EXPECT_EQ(count(table), 5'003);
  };
  check(t);
  for (const StorageTier to : {StorageTier::warm, StorageTier::cold, StorageTier::hot, StorageTier::cold}) {
    t.compact({.to = to}).value();
    check(t);
  }
  const Key keys[] = {Key{Value(longest)}};
  t.remove(keys).value();
  EXPECT_FALSE(t.get(keys[0]).value());
  t.write(rows_with(kTextMax, 1)).value();
  close_in_time();
  open();
  check(db_.table("t").value());
}

/// Text that is no UTF-8 is no key of a text column, whoever names it: its tombstone could not be moved.
TEST_F(KeyLimits, TextThatIsNoUtf8IsRefused) {
  auto t = text_table();
  t.write(rows_with(3, 10)).value();
  const Csn csn = t.get_stats().value().csn;
  const Key keys[] = {Key{Value(std::string("\xC0\x80"))}};
  const auto removed = t.remove(keys);
  EXPECT_FALSE(removed);
  BatchBuilder b(text_schema());
  b.append("\xC0\x80", 1);
  const auto batch = b.finish();
  EXPECT_FALSE(batch && t.write(*batch).ok());
  EXPECT_EQ(t.get_stats().value().csn, csn);
  t.compact({.to = StorageTier::cold}).value();
  EXPECT_EQ(count(t), 10);
}

}  // namespace
}  // namespace firn::testing
