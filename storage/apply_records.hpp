// The effects of log records on LMDB, rows and catalog alike: the same at commit and at replay, from the record and
// what LMDB holds alone.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/hot/hot_store.hpp"
#include "storage/log_record.hpp"

namespace firn::storage {

/// How many sequences of a producer are remembered with their answers (D11).
inline constexpr std::uint64_t kTokensKept = 1'024;

/// The answer that belongs to a token, as the catalog keeps it.
struct StoredAnswer {
  std::uint64_t csn;
  std::int64_t time_us;
  std::uint64_t rows;
  std::uint64_t tier;
};

/// Applies one group of the log, as its entry number `log_sequence`.
Result<void> apply_to_hot(hot::HotWriter& writer, std::span<const LogRecord> group,
                          std::uint64_t log_sequence);

/// The last CSN whose commit time is <= time_us, by the catalog's map of commit times; nullopt if it lies before all
/// that the map still holds.
Result<std::optional<std::uint64_t>> csn_at_time(const hot::HotReader& reader, std::int64_t time_us);

/// The commit times of these CSNs (ascending), the inverse of csn_at_time(). Error {corrupt} if the map does not know
/// one: none is forgotten above the horizon.
Result<std::vector<std::int64_t>> commit_times(const hot::HotReader& reader,
                                               const std::vector<std::uint64_t>& csns);

// Catalog keys.
std::string cursor_key(std::string_view name);
std::string catalog_key(char kind, std::uint64_t id);
std::string token_key(std::string_view producer, std::uint64_t sequence);
/// The sequence in a token's key.
std::uint64_t token_sequence(std::string_view key);

}  // namespace firn::storage
