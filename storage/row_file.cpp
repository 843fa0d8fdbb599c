#include "storage/row_file.hpp"

#include "storage/row_selection.hpp"

namespace firn::storage {

/// For files whose CSNs lie in memory as they are.
Result<std::vector<std::uint32_t>> RowFile::living(std::size_t group, const LifeTest& test,
                                                   std::optional<std::vector<std::uint32_t>> among,
                                                   ReadCost& cost) const {
  std::vector<std::uint32_t> rows;
  if (among) rows = std::move(*among);
  const auto keep = [&](const Column& column, auto passes) {
    const Column plain = column.to_plain();
    const std::uint64_t* csns = plain.as<std::uint64_t>().data();
    const auto pass = [&](std::size_t r) { return passes(csns[r]); };
    if (among) {
      rows.resize(keep_rows(rows.data(), rows.size(), pass));
    } else {
      rows.resize(static_cast<std::size_t>(column.length));
      rows.resize(choose_rows(rows.size(), rows.data(), pass));
      among.emplace();
    }
  };
  if (test.begins) {
    FIRN_ASSIGN(const Column begins, csns(group, cost));
    keep(begins, [&](std::uint64_t begin) { return begin <= test.csn; });
  }
  if (test.ends) {
    FIRN_ASSIGN(const Column column, ends(group, cost));
    keep(column, [&](std::uint64_t end) { return test.csn < end; });
  }
  return rows;
}

}  // namespace firn::storage
