#include "storage/decision_file.hpp"

#include <algorithm>

#include "storage/decision_file_generated.h"
#include "storage/message_file.hpp"

namespace firn::storage {
namespace {

constexpr MessageFile kDecisionFormat = {"FIRNDEC1", 1};
constexpr std::uint64_t kBytesMax = 16u << 20;
constexpr std::size_t kTextBytesMax = 4'096;  // so that kDecisionsMax of them stay below kBytesMax
static_assert(kDecisionsMax * (3 * kTextBytesMax + 64) < kBytesMax);

std::string text(const flatbuffers::String* s) { return s == nullptr ? std::string{} : s->str(); }

}  // namespace

std::vector<std::uint8_t> encode_decisions(std::span<const DecisionEntry> decisions) {
  flatbuffers::FlatBufferBuilder b;
  const auto put = [&](const std::string& s) { return b.CreateString(s.substr(0, kTextBytesMax)); };
  std::vector<flatbuffers::Offset<fb::DecisionEntry>> entries;
  for (const DecisionEntry& d : decisions.last(std::min(decisions.size(), kDecisionsMax)))
    entries.push_back(fb::CreateDecisionEntry(b, d.time.us, put(d.action), put(d.subject), put(d.reason)));
  b.Finish(fb::CreateDecisionFile(b, b.CreateVector(entries)));
  return kDecisionFormat.seal({b.GetBufferPointer(), b.GetSize()});
}

Result<std::vector<DecisionEntry>> decode_decisions(std::span<const std::uint8_t> bytes) {
  FIRN_ASSIGN(const MessageBody body, kDecisionFormat.open(bytes));
  flatbuffers::Verifier verifier(body.data(), body.size(), 8, 2 * kDecisionsMax);
  if (!verifier.VerifyBuffer<fb::DecisionFile>(nullptr))
    return Error(ErrorCode::corrupt, "no sound FlatBuffers message at offset 24");
  std::vector<DecisionEntry> out;
  const auto* list = flatbuffers::GetRoot<fb::DecisionFile>(body.data())->decisions();
  if (list == nullptr) return out;
  for (const fb::DecisionEntry* d : *list)
    out.push_back({Timestamp{d->time_us()}, text(d->action()), text(d->subject()), text(d->reason())});
  return out;
}

Result<void> write_decisions(io::Disk& disk, const std::string& folder,
                             std::span<const DecisionEntry> decisions) {
  return io::replace_file(disk, folder + "/" + kDecisionFileName, encode_decisions(decisions));
}

Result<std::vector<DecisionEntry>> read_decisions(io::Disk& disk, const std::string& folder) {
  const std::string path = folder + "/" + kDecisionFileName;
  FIRN_ASSIGN(const bool there, disk.exists(path));
  if (!there) return std::vector<DecisionEntry>{};
  FIRN_ASSIGN(const auto bytes, io::read_file(disk, path, kBytesMax));
  auto decisions = decode_decisions(bytes);
  if (!decisions) return decisions.error().within(path);
  return decisions;
}

}  // namespace firn::storage
