#include "plan_text.hpp"

#include <fmt/format.h>

namespace firn::runtime {
namespace {

std::string tier_line(const char* name, const storage::QueryProfile::Tier& t, bool analyzed) {
  std::string line = fmt::format("{}: {} of {} files", name, t.files, t.files + t.files_pruned);
  if (t.groups + t.groups_pruned != 0)
    line += fmt::format(", {} of {} row groups", t.groups, t.groups + t.groups_pruned);
  if (analyzed || t.rows != 0) line += fmt::format(", {} rows", t.rows);
  return line;
}

std::string hot_line(const storage::QueryProfile::Tier& t) { return fmt::format("hot: {} rows", t.rows); }

}  // namespace

StoragePlan to_plan(const storage::QueryProfile& p, bool analyzed) {
  StoragePlan plan{p.plan, {"plan: " + p.plan}};
  plan.lines.insert(plan.lines.end(), p.operators.begin(), p.operators.end());
  plan.lines.push_back(hot_line(p.hot));
  plan.lines.push_back(tier_line("warm", p.warm, analyzed));
  plan.lines.push_back(tier_line("cold", p.cold, analyzed));
  if (!analyzed) return plan;
  plan.lines.push_back(
      fmt::format("rows: {} scanned, {} passed, {} out", p.rows_scanned, p.rows_passed, p.rows_out));
  plan.lines.push_back(fmt::format("read: {} bytes, decoded {} bytes, {} row groups, {} answered by filters",
                                   p.cost.bytes_read, p.cost.bytes_decoded, p.cost.groups_read,
                                   p.cost.blooms_hit));
  plan.lines.push_back(fmt::format("time: plan {} us, scan {} us, finish {} us, {} thread(s)", p.plan_us,
                                   p.scan_us, p.finish_us, p.threads));
  return plan;
}

}  // namespace firn::runtime
