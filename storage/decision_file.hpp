// The decisions about a table and why: the file `decisions.fb` in its folder, replaced whole and atomically. It is a
// record for people: nothing is decided by it, and a table without it, or with a damaged one, is sound.
//
// The envelope is that of message_file.hpp with the magic "FIRNDEC1", version 1; the message is decision_file.fbs.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "io/disk.hpp"
#include "schema/types.hpp"

namespace firn::storage {

inline constexpr const char* kDecisionFileName = "decisions.fb";
inline constexpr std::size_t kDecisionsMax = 1'000;  ///< kept a table

struct DecisionEntry {
  Timestamp time;
  std::string action, subject, reason;
};

std::vector<std::uint8_t> encode_decisions(std::span<const DecisionEntry> decisions);
/// {corrupt} saying what is wrong, {unsupported} for a newer format.
Result<std::vector<DecisionEntry>> decode_decisions(std::span<const std::uint8_t> bytes);

/// The newest kDecisionsMax of them, the oldest first. Durable on return.
Result<void> write_decisions(io::Disk& disk, const std::string& folder,
                             std::span<const DecisionEntry> decisions);
/// Empty if there is no such file.
Result<std::vector<DecisionEntry>> read_decisions(io::Disk& disk, const std::string& folder);

}  // namespace firn::storage
