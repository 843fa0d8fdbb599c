// An import on its way: one thread reads and parses, the calling thread writes, a bounded queue between them.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <firn/firn.hpp>

#include "io/row_source.hpp"

namespace firn::cli {

/// The input may have only some of the table's columns.
inline bool updates(WriteMode mode) {
  return mode == WriteMode::update || mode == WriteMode::update_or_insert;
}

struct ImportSettings {
  WriteMode mode = WriteMode::upsert;
  bool acks = false;              ///< print "CSN ROWS TOTAL" when a batch is durable
  bool quiet = false;             ///< no progress, no summary
  std::uint64_t bytes_total = 0;  ///< of the input; 0 = unknown
};

struct ImportOutcome {
  std::uint64_t rows = 0, commits = 0, bad_rows = 0;
  std::int64_t elapsed_us = 0;
  bool interrupted = false;
  std::optional<Error> error;  ///< what ended it early; the rows counted are durable all the same
};

/// Writes all batches of the source to the table that `open` gives; it is called once, when the first batch has been
/// read, so that an input that cannot be read leaves no trace.
ImportOutcome run_import(std::unique_ptr<io::RowSource> source,
                         const std::function<HybridTable(const Schema&)>& open,
                         const ImportSettings& settings);

}  // namespace firn::cli
