// Random operations on one table against its oracle (tests/storage/model.hpp): writes of every kind, moves in all
// directions, also in the midst of other moves, expiry, checkpoints, closes, kills and power cuts.
//
// FIRN_SEED=n runs that seed alone; FIRN_SCRIPT=n:1-20,33 only these of its steps, as a failure prints them;
// FIRN_SOAK_SECONDS=n goes on with fresh seeds for that long, a third of it for each kind of key. A script that fails is
// made shorter for at most FIRN_SHRINK_SECONDS (60).
#include <gtest/gtest.h>

#include "tests/scale.hpp"
#include "tests/storage/model.hpp"

namespace firn::storage::model {
namespace {

constexpr int kSeeds = 4;  // a kind of key
constexpr int kStepsPerSeed = 8'500;

const char* variable(const char* name) { return std::getenv(name); }  // NOLINT(concurrency-mt-unsafe)

std::optional<std::uint64_t> number_from(const char* name) {
  const char* text = variable(name);
  if (text == nullptr) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

void print(const Counts& counts) {
  for (const auto* list : {&counts.done, &counts.moved, &counts.overwritten}) {
    std::printf(list == &counts.done    ? "  operations:"
                : list == &counts.moved ? "  moves:"
                                        : "  of them overwritten in mid-move:");
    for (const auto& [name, n] : *list) std::printf(" %s %d,", name.c_str(), n);
    std::printf("\n");
  }
  std::printf("  reads through snapshots that had been given up: %d\n", counts.pins_broken);
}

/// What went wrong, by the shortest script that shows it.
std::optional<std::string> run(const Script& script, Counts& counts) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(script.seed));
  std::fflush(stdout);
  Model model(script);
  const auto failure = model.run();
  counts.add(model.counts());
  if (!failure) return std::nullopt;
  std::printf("failed at step %d: %s\nlooking for a shorter script\n", failure->step, failure->what.c_str());
  std::fflush(stdout);
  ShrinkLimits limits;
  if (const auto most = number_from("FIRN_SHRINK_SECONDS")) limits.time = std::chrono::seconds(*most);
  return report_of(script, shrink(
                               script, *failure, [](const Script& s) { return Model(s).run(); }, limits));
}

class ModelTest : public ::testing::TestWithParam<KeyKind> {
 protected:
  static bool mine(std::uint64_t seed) { return static_cast<KeyKind>(seed % kKeyKinds) == GetParam(); }
  /// The i-th seed of this kind of key.
  static std::uint64_t seed(std::uint64_t first, int i) {
    first -= first % kKeyKinds;
    return first + kKeyKinds * static_cast<std::uint64_t>(i) + static_cast<std::uint64_t>(GetParam());
  }
  static void expect_enough(const Counts& counts) {
    // A short run must have met everything; how often is for the long one to say.
    const auto at_least = [](const std::map<std::string, int>& list, const std::string& name, int n) {
      const auto it = list.find(name);
      EXPECT_GE(it == list.end() ? 0 : it->second, testing::short_scale() ? 1 : n) << name;
    };
    for (const auto& [name, n] : counts.done) at_least(counts.done, name, 200);
    EXPECT_GE(counts.pins_broken, testing::short_scale() ? 0 : 20);
    at_least(counts.moved, "hot -> hot", 100);
    for (const char* move : {"hot -> warm", "warm -> cold", "cold -> warm", "warm -> hot", "cold -> hot",
                             "warm -> warm", "cold -> cold"}) {
      at_least(counts.moved, move, 100);
      at_least(counts.overwritten, move, 20);
    }
  }
};

std::string name_of_kind(const ::testing::TestParamInfo<KeyKind>& kind) {
  static constexpr const char* kNames[] = {"number", "composite", "text"};
  return kNames[static_cast<int>(kind.param)];
}
INSTANTIATE_TEST_SUITE_P(Keys, ModelTest,
                         ::testing::Values(KeyKind::number, KeyKind::composite, KeyKind::text), name_of_kind);

TEST_P(ModelTest, EveryAnswerIsTheOraclesWhateverMovesAndDies) {
  Counts counts;
  if (const char* text = variable("FIRN_SCRIPT")) {
    const auto script = Script::parse(text);
    ASSERT_TRUE(script) << "FIRN_SCRIPT is SEED:STEP[-STEP][,...]";
    if (!mine(script->seed)) GTEST_SKIP() << "a script for another kind of key";
    const auto failure = Model(*script).run();
    EXPECT_FALSE(failure) << report_of(*script, {*script, *failure, 0, false});
    return;
  }
  const int steps = testing::scaled(kStepsPerSeed);
  if (const auto one = number_from("FIRN_SEED")) {
    if (!mine(*one)) GTEST_SKIP() << "a seed for another kind of key";
    const auto wrong = run(Script::whole(*one, steps), counts);
    EXPECT_FALSE(wrong) << *wrong;
    return;
  }
  const auto soak = number_from("FIRN_SOAK_SECONDS");
  const auto began = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  };
  const std::uint64_t first = soak ? std::random_device{}() : 0;
  for (int i = 0; i < kSeeds || (soak && seconds() * kKeyKinds < static_cast<double>(*soak)); ++i)
    if (const auto wrong = run(Script::whole(seed(first, i), steps), counts)) FAIL() << *wrong;
  std::printf("%.1f s\n", seconds());
  print(counts);
  expect_enough(counts);
}

TEST(ModelAlarmTest, PlantedFaultIsFoundAndItsScriptIsShrunk) {
  const PlantedFault fault{"bulk", "checkpoint"};
  const Attempt attempt = [&](const Script& s) { return Model(s, fault).run(); };
  const Script script = Script::whole(1, 300);
  const auto failure = attempt(script);
  ASSERT_TRUE(failure);
  const Shrunk shrunk = shrink(script, *failure, attempt);
  EXPECT_TRUE(shrunk.minimal);
  ASSERT_EQ(shrunk.script.steps.size(), 2U) << shrunk.script.text();
  ASSERT_EQ(shrunk.failure.notes.size(), 2U);
  EXPECT_NE(shrunk.failure.notes[0].find("bulk"), std::string::npos) << shrunk.failure.notes[0];
  EXPECT_NE(shrunk.failure.notes[1].find("checkpoint"), std::string::npos) << shrunk.failure.notes[1];
  // What is printed runs exactly that again.
  const std::string report = report_of(script, shrunk);
  const std::size_t at = report.find("FIRN_SCRIPT=") + std::string_view("FIRN_SCRIPT=").size();
  const auto again = attempt(Script::parse(report.substr(at, report.find(' ', at) - at)).value());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->what, shrunk.failure.what);
  EXPECT_FALSE(Model(shrunk.script).run()) << "without the fault nothing fails";
}

}  // namespace
}  // namespace firn::storage::model
