// Reading a table that is another process's, or nobody's: beside a live writer, after a clean end, after a kill, with a
// damaged LMDB file. The writer is this test program once more, started with exec and led by a pipe.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <sstream>

#include "tests/storage/model_table.hpp"
#include "tests/storage/scratch_folder.hpp"

extern char** environ;

namespace firn::storage {
namespace {

using namespace model;
using firn::testing::content_of;
using firn::testing::ScratchFolder;
using firn::testing::set_content;
using firn::testing::tree_of;

constexpr const char* kRootVariable = "FIRN_TEST_WRITER_ROOT";
constexpr int kOrders = 50, kAnswers = 51;  // descriptors in the child
constexpr std::uint32_t kSmallRows = 40;

StoreOptions options_of(bool read_only) {
  StoreOptions options;
  options.hot_map_bytes = std::size_t{1} << 20;  // so small that it must grow
  options.read_only = read_only;
  return options;
}

/// A table in a real folder.
struct Table {
  explicit Table(const std::string& root) : disk(io::open_disk(root, true).value()) {}
  void create() {
    HybridTableConfig config;
    config.small_write_rows = kSmallRows;
    store = TableStore::create(disk, "t", "events", 7, shape.schema(), config, options_of(false)).value();
  }
  void open(bool read_only) { store = TableStore::open(disk, "t", options_of(read_only)).value(); }
  void write(int first, int rows, std::int64_t v, std::size_t tag_bytes = 0) {
    Change change;
    for (int i = 0; i < rows; ++i) change.emplace_back(first + i, Cell{true, v, std::string(tag_bytes, 'x')});
    store->commit_one(upsert_of(*store, shape.batch(change)).value()).value();
  }
  void move(StorageTier to) {
    while (const auto order = store->next_job_towards(to)) store->run_job(*order).value();
  }
  State state() const { return read_state(*store).value(); }
  std::int64_t sum() const {
    return store->query(parse_query("SELECT sum(v) FROM t").value(), store->snapshot().value())
        .value()[0]
        .value_at(0)
        .to_i64();
  }

  std::shared_ptr<io::Disk> disk;
  TableShape shape{KeyKind::number};
  std::unique_ptr<TableStore> store;
};

std::filesystem::path hot_file(const std::string& root) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root + "/t/hot"))
    if (entry.path().filename() == "data.mdb") return entry.path();
  return {};
}

// --- the other process -------------------------------------------------------------------------------------------------

/// Whether a process other than the asking one holds a lock on the file.
bool is_locked(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  const int rc = ::fcntl(fd, F_GETLK, &lock);
  ::close(fd);
  return rc == 0 && lock.l_type != F_UNLCK;
}

std::string obey(Table& table, const std::string& line) {
  std::istringstream in(line);
  std::string verb, text;
  int first = 0, rows = 0;
  in >> verb;
  if (verb == "create") {
    table.create();
  } else if (verb == "open") {
    table.open(false);
  } else if (verb == "write") {
    std::int64_t v = 0;
    std::size_t tag_bytes = 0;
    in >> first >> rows >> v >> tag_bytes;
    table.write(first, rows, v, tag_bytes);
  } else if (verb == "move") {
    in >> text;
    table.move(text == "cold" ? StorageTier::cold : text == "warm" ? StorageTier::warm : StorageTier::hot);
  } else if (verb == "forget") {  // history, at once
    HybridTableConfig config = table.store->config();
    config.history_us = 0;
    WriteRequest r;
    r.kind = WriteRequest::Kind::config;
    r.config = config;
    table.store->commit_one(std::move(r)).value();
    table.store->run_job({.to = StorageTier::hot, .from_hot = true, .hot_upto = 0, .inputs = {}}).value();
  } else if (verb == "checkpoint") {
    table.store->checkpoint().value();
  } else if (verb == "close") {
    table.store->close().value();
    table.store.reset();
  } else if (verb == "locked") {
    in >> text;
    return is_locked(text) ? "yes" : "no";
  }
  return "done";
}

/// Not a test: what the other process does.
TEST(ForeignWriter, DISABLED_Process) {
  const char* root = std::getenv(kRootVariable);
  ASSERT_NE(root, nullptr);
  Table table(root);
  FILE* orders = ::fdopen(kOrders, "r");
  char line[1'000];
  while (std::fgets(line, sizeof line, orders) != nullptr) {
    std::string answer;
    try {
      answer = obey(table, line) + "\n";
    } catch (const std::exception& e) {
      answer = std::string(e.what()) + "\n";
    }
    ASSERT_EQ(::write(kAnswers, answer.data(), answer.size()), static_cast<ssize_t>(answer.size()));
  }
}

class OtherProcess {
 public:
  explicit OtherProcess(const std::string& root) {
    int orders[2], answers[2];
    if (::pipe2(orders, O_CLOEXEC) != 0 || ::pipe2(answers, O_CLOEXEC) != 0) std::abort();
    const std::string variable = std::string(kRootVariable) + "=" + root;
    std::vector<char*> env;
    for (char** e = environ; *e != nullptr; ++e) env.push_back(*e);
    env.push_back(const_cast<char*>(variable.c_str()));
    env.push_back(nullptr);
    const char* argv[] = {"writer", "--gtest_filter=ForeignWriter.DISABLED_Process",
                          "--gtest_also_run_disabled_tests", "--gtest_brief=1", nullptr};
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(orders[0], kOrders);
      ::dup2(answers[1], kAnswers);
      const int quiet = ::open("/dev/null", O_WRONLY);
      ::dup2(quiet, STDOUT_FILENO);
      ::execve("/proc/self/exe", const_cast<char* const*>(argv), env.data());
      ::_exit(127);
    }
    ::close(orders[0]);
    ::close(answers[1]);
    orders_ = orders[1];
    answers_ = answers[0];
  }
  ~OtherProcess() { kill(); }
  void kill() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
    ::close(orders_);
    ::close(answers_);
  }
  void order(const std::string& what) {
    const std::string line = what + "\n";
    EXPECT_EQ(::write(orders_, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }
  std::string answer() {
    std::string text;
    for (char c = 0; ::read(answers_, &c, 1) == 1 && c != '\n';) text.push_back(c);
    return text;
  }
  bool answered() {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(answers_, &set);
    timeval none{};
    return ::select(answers_ + 1, &set, nullptr, nullptr, &none) == 1;
  }
  void operator()(const std::string& what) {
    order(what);
    EXPECT_EQ(answer(), "done") << what;
  }

 private:
  pid_t pid_ = -1;
  int orders_ = -1, answers_ = -1;
};

// --- nobody writes -------------------------------------------------------------------------------------------------------

enum class End { clean, killed };
enum class Harm { none, flipped, garbage, cut, gone };

class NobodyWritesTest : public ::testing::TestWithParam<std::tuple<End, Harm>> {};

TEST_P(NobodyWritesTest, AReaderAnswersAndChangesNoByte) {
  const auto [end, harm] = GetParam();
  ScratchFolder folder;
  State expected;
  {
    Table table(folder.path());
    table.create();
    table.write(0, 100, 1);
    table.move(StorageTier::cold);
    table.write(50, 100, 2);
    table.store->checkpoint().value();
    table.write(20, 30, 3);
    expected = table.state();
    if (end == End::clean) table.store->close().value();
  }
  const auto hot = hot_file(folder.path());
  std::string bytes = content_of(hot);
  if (harm == Harm::flipped) bytes[bytes.size() / 2] ^= 4;
  if (harm == Harm::garbage)
    for (char& c : bytes) c = static_cast<char>(c * 31 + 7);
  if (harm == Harm::cut) bytes.resize(bytes.size() / 3);
  if (harm == Harm::gone)
    std::filesystem::remove(hot);
  else if (harm != Harm::none)
    set_content(hot, bytes);
  const auto before = tree_of(folder.path());
  {
    Table reader(folder.path());
    reader.open(true);
    Table second(folder.path());
    second.open(true);
    EXPECT_EQ(reader.state(), expected);
    EXPECT_EQ(second.state(), expected);
    EXPECT_TRUE(reader.store->verify(true).value().empty());
    WriteRequest r;
    r.rows = reader.shape.batch({{1, Cell{true, 1, ""}}});
    EXPECT_EQ(reader.store->commit_one(std::move(r)).error().code(), ErrorCode::read_only);
    EXPECT_FALSE(reader.store->checkpoint());
    reader.store->close().value();
    EXPECT_EQ(second.state(), expected);
  }
  EXPECT_TRUE(tree_of(folder.path()) == before);
  Table writer(folder.path());
  writer.open(false);
  EXPECT_EQ(writer.state(), expected);
}

INSTANTIATE_TEST_SUITE_P(Ends, NobodyWritesTest,
                         ::testing::Combine(::testing::Values(End::clean, End::killed),
                                            ::testing::Values(Harm::none, Harm::flipped, Harm::garbage,
                                                              Harm::cut, Harm::gone)));

TEST(ForeignReaderTest, WithoutAnythingSoundToReadTheErrorNamesTheFile) {
  ScratchFolder folder;
  {
    Table table(folder.path());
    table.create();
    table.write(0, 10, 1);
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder.path() + "/t/hot"))
    if (entry.is_regular_file()) set_content(entry.path(), "nothing");
  const auto before = tree_of(folder.path());
  const auto disk = io::open_disk(folder.path(), false).value();
  const auto opened = TableStore::open(disk, "t", options_of(true));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::corrupt);
  EXPECT_NE(opened.error().message().find("hot/ckp-"), std::string::npos) << opened.error().message();
  EXPECT_TRUE(tree_of(folder.path()) == before);
}

// --- somebody writes -----------------------------------------------------------------------------------------------------

TEST(ForeignReaderTest, FollowsTheCommitsOfAnotherProcess) {
  ScratchFolder folder;
  OtherProcess writer(folder.path());
  writer("create");
  writer("write 0 10 1");
  Table reader(folder.path());
  reader.open(true);
  EXPECT_EQ(reader.sum(), 10);
  writer("write 10 100 1");
  EXPECT_EQ(reader.sum(), 110);
  const auto old = reader.store->snapshot().value();
  writer("write 0 5 3");
  EXPECT_EQ(reader.sum(), 120);
  EXPECT_EQ(read_state(*reader.store, old).value().at(0).v, 1);
  writer("move cold");
  EXPECT_EQ(reader.sum(), 120);
  writer("close");
  EXPECT_EQ(reader.sum(), 120);
  writer("open");
  writer("write 200 1 5");
  EXPECT_EQ(reader.sum(), 125);
}

TEST(ForeignReaderTest, ASnapshotThatTheWritersHorizonHasPassedIsAnErrorNeverOtherRows) {
  ScratchFolder folder;
  OtherProcess writer(folder.path());
  writer("create");
  writer("write 0 10 1");
  Table reader(folder.path());
  reader.open(true);
  const auto old = reader.store->snapshot().value();
  writer("write 0 10 2");
  writer("write 0 10 3");
  EXPECT_EQ(read_state(*reader.store, old).value().at(0).v, 1);
  writer("forget");
  const auto rows = read_state(*reader.store, old);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code(), ErrorCode::horizon);
  EXPECT_FALSE(reader.store->get(old, reader.shape.key(1)));
  EXPECT_EQ(reader.sum(), 30);
}

TEST(ForeignReaderTest, AnswersWhileFilesRetireUnderIt) {
  ScratchFolder folder;
  OtherProcess writer(folder.path());
  writer("create");
  writer("write 0 300 1");
  Table reader(folder.path());
  reader.open(true);
  int reads = 0;
  for (int round = 0; round < 6; ++round) {
    writer.order("move " + std::string(round % 3 == 0 ? "cold" : round % 3 == 1 ? "warm" : "hot"));
    do {
      ASSERT_EQ(reader.sum(), 300 + round) << "round " << round;
      const auto row = reader.store->get(reader.store->snapshot().value(), reader.shape.key(17));
      ASSERT_EQ(row.value().value()[3].to_i64(), 1);
      ++reads;
    } while (!writer.answered());
    ASSERT_EQ(writer.answer(), "done");
    writer("write " + std::to_string(round) + " 1 2");
  }
  EXPECT_GE(reads, 6);
}

TEST(ForeignReaderTest, AWriterMayDieAndAnotherComeWithANewGeneration) {
  ScratchFolder folder;
  Table reader(folder.path());
  {
    OtherProcess writer(folder.path());
    writer("create");
    writer("write 0 10 1");
    reader.open(true);
    EXPECT_EQ(reader.sum(), 10);
    writer.kill();
  }
  EXPECT_EQ(reader.sum(), 10);
  const auto before = hot_file(folder.path());
  OtherProcess writer(folder.path());
  writer("open");
  writer("write 0 10 4");
  EXPECT_NE(hot_file(folder.path()), before);
  EXPECT_EQ(reader.sum(), 40);
}

TEST(ForeignReaderTest, APrivateCopyIsGivenUpWhenAWriterComes) {
  ScratchFolder folder;
  {
    OtherProcess writer(folder.path());
    writer("create");
    writer("write 0 10 1");
    writer("write 10 100 1");
    writer.kill();
  }
  Table reader(folder.path());
  reader.open(true);
  EXPECT_EQ(reader.sum(), 110);
  OtherProcess writer(folder.path());
  writer("open");
  writer("write 0 10 4");
  EXPECT_EQ(reader.sum(), 140);
  writer("move cold");
  writer.kill();
  EXPECT_EQ(reader.sum(), 140);
  Table late(folder.path());
  late.open(true);
  EXPECT_EQ(late.sum(), 140);
}

TEST(ForeignReaderTest, AMapThatTheWriterMadeLargerIsTakenOver) {
  ScratchFolder folder;
  OtherProcess writer(folder.path());
  writer("create");
  Table reader(folder.path());
  reader.open(true);
  for (int i = 1; i <= 40; ++i) {
    writer("write " + std::to_string(i * 40) + " 40 1 2000");
    ASSERT_EQ(reader.sum(), i * 40);
  }
  EXPECT_GT(std::filesystem::file_size(hot_file(folder.path())), std::size_t{1} << 20);
}

// --- one process ---------------------------------------------------------------------------------------------------------

TEST(ForeignReaderTest, ClosingOneOfTwoHandlesLeavesTheLockOfTheOther) {
  ScratchFolder folder;
  OtherProcess other(folder.path());
  other("create");
  other("write 0 10 1");
  other("close");
  const auto is_held = [&] {
    other.order("locked " + (hot_file(folder.path()).parent_path() / "lock.mdb").string());
    return other.answer() == "yes";
  };
  EXPECT_FALSE(is_held());
  Table first(folder.path()), second(folder.path());
  first.open(true);
  second.open(true);
  EXPECT_TRUE(is_held());
  first.store.reset();
  EXPECT_TRUE(is_held());
  EXPECT_EQ(second.sum(), 10);
  second.store.reset();
  EXPECT_FALSE(is_held());
}

TEST(ForeignReaderTest, AReaderAndAWriterOfOneProcess) {
  for (const bool clean : {true, false}) {
    ScratchFolder folder;
    {
      Table table(folder.path());
      table.create();
      table.write(0, 10, 1);
      if (clean) table.store->close().value();
    }
    Table reader(folder.path()), writer(folder.path());
    reader.open(true);
    EXPECT_EQ(reader.sum(), 10);
    writer.open(false);
    writer.write(0, 10, 2);
    EXPECT_EQ(reader.sum(), 20) << clean;
    writer.move(StorageTier::cold);
    EXPECT_EQ(reader.sum(), 20) << clean;
    writer.store->close().value();
    writer.store.reset();
    EXPECT_EQ(reader.sum(), 20) << clean;
    writer.open(false);
    writer.write(100, 1, 5);
    EXPECT_EQ(reader.sum(), 25) << clean;
    reader.store.reset();
    EXPECT_EQ(writer.sum(), 25) << clean;
  }
}

TEST(ForeignReaderTest, ASecondWriterIsToldWhoHasTheTable) {
  ScratchFolder folder;
  Table table(folder.path());
  table.create();
  const auto second = TableStore::open(table.disk, "t", options_of(false));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::busy);
  EXPECT_NE(second.error().message().find(std::to_string(::getpid())), std::string::npos);
  OtherProcess other(folder.path());
  other.order("open");
  EXPECT_NE(other.answer().find("process " + std::to_string(::getpid())), std::string::npos);
}

}  // namespace
}  // namespace firn::storage
