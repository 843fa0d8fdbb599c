#include "tests/storage/model_script.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace firn::storage::model {
namespace {

/// Fails at the last of these steps if all of them are run.
Attempt needing(std::vector<int> steps, int* attempts = nullptr) {
  return [steps = std::move(steps), attempts](const Script& script) -> std::optional<Failure> {
    if (attempts != nullptr) *attempts += 1;
    for (const int step : steps)
      if (!std::binary_search(script.steps.begin(), script.steps.end(), step)) return std::nullopt;
    return Failure{steps.back(), "wrong", {"last note"}};
  };
}

Shrunk shrunk_by(const std::vector<int>& needed, ShrinkLimits limits = {}) {
  const Script script = Script::whole(3, 1'000);
  const Attempt attempt = needing(needed);
  return shrink(script, attempt(script).value(), attempt, limits);
}

TEST(ModelScript, TextIsReadBackAsTheSameScript) {
  for (const Script& script :
       {Script{7, {1, 2, 3, 9, 11, 12}}, Script{0, {5}}, Script{18'446'744'073'709'551'615U, {}}})
    EXPECT_EQ(Script::parse(script.text()), script) << script.text();
  EXPECT_EQ(Script::whole(2, 1'000).text(), "2:1-1000");
}

TEST(ModelScript, OtherTextIsRefused) {
  for (const char* text :
       {"", "7", "7:x", "7:0", "7:3-1", "7:3,2", "7:1,", "7:1-", "x:1", "7:1 2", "7:1-999999999"})
    EXPECT_FALSE(Script::parse(text)) << text;
}

TEST(ModelScript, StepsOfOneSeedHaveDifferentGenerators) {
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    for (int step = 1; step <= 1'000; ++step) seeds.push_back(seed_of_step(seed, step));
  std::sort(seeds.begin(), seeds.end());
  EXPECT_EQ(std::adjacent_find(seeds.begin(), seeds.end()), seeds.end());
}

TEST(ModelShrinking, FindsTheStepsThatMatter) {
  for (const std::vector<int>& needed :
       {std::vector{1}, std::vector{1'000}, std::vector{17, 230}, std::vector{1, 2, 500, 999, 1'000}}) {
    const Shrunk shrunk = shrunk_by(needed);
    EXPECT_EQ(shrunk.script.steps, needed);
    EXPECT_TRUE(shrunk.minimal);
    EXPECT_LT(shrunk.attempts, 300);
  }
}

TEST(ModelShrinking, EndsAtItsLimitsWithWhatFails) {
  const Shrunk by_attempts = shrunk_by({17, 230, 800}, {.attempts = 5});
  EXPECT_EQ(by_attempts.attempts, 5);
  EXPECT_FALSE(by_attempts.minimal);
  EXPECT_TRUE(needing({17, 230, 800})(by_attempts.script));
  const Shrunk by_time = shrunk_by({17, 230, 800}, {.time = std::chrono::milliseconds(0)});
  EXPECT_EQ(by_time.attempts, 0);
  EXPECT_EQ(by_time.script, Script::whole(3, 800)) << "what comes after the failure goes without a trial";
}

TEST(ModelShrinking, ReportNamesTheScriptAndItsNotes) {
  const std::string report = report_of(Script::whole(3, 1'000), shrunk_by({17, 230}));
  for (const char* part : {"seed 3", "last note", "at step 230: wrong", "FIRN_SCRIPT=3:17,230 "})
    EXPECT_NE(report.find(part), std::string::npos) << part << " in\n" << report;
}

}  // namespace
}  // namespace firn::storage::model
