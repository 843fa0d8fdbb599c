// Append logs: every entry with its checksums, and what commit groups and warm blocks hold. Behind a bad entry the
// search for the next sound one goes on in steps of eight bytes: a header's checksum covers its own offset, so bytes
// of old files or of payloads are not mistaken for entries.
#include <algorithm>
#include <cstring>
#include <vector>

#include "human.hpp"
#include "inspect.hpp"
#include "io/crc32c.hpp"
#include "io/log_format.hpp"
#include "output.hpp"
#include "schema/value.hpp"
#include "storage/log_record.hpp"
#include "storage/warm/block_format.hpp"

namespace firn::cli {
namespace {

std::string describe(const storage::LogRecord& r) {
  std::string out = "    commit " + std::to_string(r.csn) + "  " + format_timestamp(r.time_us);
  if (r.tier != StorageTier::none) out += "  " + std::string(name_of(r.tier));
  out += "  " + std::to_string(r.row_count) + " rows";
  if (r.token) out += "  token " + r.token->producer + ":" + std::to_string(r.token->sequence);
  if (r.schema)
    out += "  schema " + std::to_string(r.schema->version) + " (" + r.schema->schema.to_string() + ")";
  if (r.config) out += "  options";
  if (r.horizon != 0) out += "  horizon " + std::to_string(r.horizon);
  if (r.cursor)
    out += "  cursor " + r.cursor->name +
           (r.cursor->dropped ? " dropped" : " at CSN " + std::to_string(r.cursor->cursor.csn));
  if (!r.moved_rows.empty()) out += "  moved into hot: " + human_bytes(r.moved_rows.size());
  out += "\n";
  for (const storage::RowFileInfo& file : r.adds)
    out += "      adds " + std::string(name_of(file.tier)) + (file.history ? " history" : "") + " file " +
           std::to_string(file.id) + "  " + file.path + "+" + std::to_string(file.offset) + "  " +
           std::to_string(file.rows) + " rows  " + human_bytes(file.length) + "\n";
  if (!r.retires.empty()) {
    out += "      retires";
    for (const std::uint64_t id : r.retires) out += " " + std::to_string(id);
    out += "\n";
  }
  for (const storage::HotDrop& drop : r.drops)
    out += "      drops hot versions up to commit " + std::to_string(drop.csn) + " of keys " +
           hex_of(drop.key_min) + ".." + hex_of(drop.key_max) + "\n";
  for (const storage::HotPurge& purge : r.purges)
    out += "      drops hot versions that ended by commit " + std::to_string(purge.rule.horizon) +
           " of keys " + hex_of(purge.key_min) + ".." + hex_of(purge.key_max) +
           (purge.rule.kept.empty() ? "" : ", but for " + std::to_string(purge.rule.kept.size()) + " pins") +
           (purge.dropped.count == 0 ? "" : ": " + purge.dropped.to_string()) + "\n";
  return out;
}

class LogPrinter {
 public:
  explicit LogPrinter(const InspectedFile& f) : f_(f) {}

  ExitStatus run() {
    io::LogHeaderBytes bytes{};
    if (f_.size < bytes.size()) return bad("the file is shorter than a log's header");
    f_.file->read_at(0, bytes).value();
    const auto header = io::decode_log_header(bytes);
    if (!header)
      return bad("offset 0: the log's header is not sound, and no entry can be checked without it");
    header_ = *header;
    chain_ = header->chain_start;
    next_sequence_ = header->first_sequence;
    print("append log  store " + std::to_string(header->identity.store_id) + "  file " +
          std::to_string(header->identity.file_id) + "  first sequence " +
          std::to_string(header->first_sequence) + "\n" + "    offset  sequence      bytes  checksum\n");
    for (std::uint64_t offset = io::kLogHeaderBytes; offset < f_.size;) offset = print_entry(offset);
    print(std::to_string(entries_) + " entries, " + (sealed_ ? "sealed" : "not sealed") + "\n");
    return sound_ ? ExitStatus::done : ExitStatus::damaged;
  }

 private:
  ExitStatus bad(const std::string& what) {
    print(what + "\n");
    return ExitStatus::damaged;
  }

  std::optional<io::EntryHeader> header_at(std::uint64_t offset, io::EntryHeaderBytes& bytes) const {
    if (f_.size - offset < bytes.size()) return std::nullopt;
    f_.file->read_at(offset, bytes).value();
    auto header = io::decode_entry_header(bytes, header_.identity, offset);
    if (header && io::entry_bytes(header->payload_bytes) > f_.size - offset) return std::nullopt;
    return header;
  }

  /// Prints what begins here; the offset behind it.
  std::uint64_t print_entry(std::uint64_t offset) {
    io::EntryHeaderBytes bytes{};
    const auto header = header_at(offset, bytes);
    if (!header) return skip(offset);
    std::vector<std::uint8_t> payload(header->payload_bytes);
    f_.file->read_at(offset + io::kEntryHeaderBytes, payload).value();
    const std::uint32_t crc = io::crc32c(payload, io::payload_seed(header_.identity, header->previous_chain));
    const bool payload_ok = crc == header->payload_crc;
    const bool follows = header->sequence == next_sequence_ && header->previous_chain == chain_;
    const bool footer = header->kind == io::kFooterKind;
    char line[160];
    std::snprintf(line, sizeof line, "%10llu %9llu %10u  %s%s%s\n", static_cast<unsigned long long>(offset),
                  static_cast<unsigned long long>(header->sequence), header->payload_bytes,
                  payload_ok ? "sound" : "PAYLOAD DAMAGED",
                  follows || footer ? "" : ", DOES NOT FOLLOW THE ONE BEFORE", footer ? ", footer" : "");
    print(line);
    sound_ = sound_ && payload_ok && (follows || footer);
    if (footer)
      sealed_ = payload_ok;
    else {
      ++entries_;
      next_sequence_ = header->sequence + 1;
      chain_ = io::chain_after(bytes, header->previous_chain);
      if (payload_ok) print_payload(offset + io::kEntryHeaderBytes, payload);
    }
    return offset + io::entry_bytes(header->payload_bytes);
  }

  void print_payload(std::uint64_t offset, std::span<const std::uint8_t> payload) {
    std::uint32_t magic = 0;
    if (payload.size() >= sizeof magic) std::memcpy(&magic, payload.data(), sizeof magic);
    if (magic == storage::warm::kBlockMagic) {
      sound_ = print_block(f_, offset, header_.identity.store_id) && sound_;
      return;
    }
    const auto group = storage::decode_group(payload);
    if (!group) {
      print("    no commit group: " + group.error().message() + "\n");
      return;
    }
    std::string out;
    for (const storage::LogRecord& record : *group) out += describe(record);
    print(out);
  }

  /// From a place where no sound entry begins to the next one, or to the end.
  std::uint64_t skip(std::uint64_t from) {
    std::uint64_t next = from + io::kEntryAlignment, used = from;
    io::EntryHeaderBytes bytes{};
    std::vector<std::uint8_t> window(std::size_t{1} << 20);
    bool found = false;
    for (std::uint64_t at = from; at < f_.size && !found; at += window.size()) {
      window.resize(static_cast<std::size_t>(std::min<std::uint64_t>(window.size(), f_.size - at)));
      f_.file->read_at(at, window).value();
      for (std::size_t i = 0; i < window.size(); ++i) {
        if (window[i] == 0) continue;
        used = at + i + 1;
        std::uint32_t magic = 0;
        if (i % io::kEntryAlignment != 0 || window.size() - i < sizeof magic || at + i == from) continue;
        std::memcpy(&magic, window.data() + i, sizeof magic);
        if (magic == io::kEntryMagic && header_at(at + i, bytes)) {
          next = at + i;
          found = true;
          break;
        }
      }
    }
    if (!found) next = f_.size;
    if (found || used > from) {
      sound_ = false;
      print("offset " + std::to_string(from) + ": " + std::to_string((found ? next : used) - from) +
            " bytes that are no sound entry" + (found ? "" : " (behind the last one)") + "\n");
    } else {
      print("offset " + std::to_string(from) + ": " + std::to_string(f_.size - from) +
            " zero bytes, preallocated\n");
    }
    return next;
  }

  const InspectedFile& f_;
  io::LogFileHeader header_;
  std::uint32_t chain_ = 0;
  std::uint64_t next_sequence_ = 0, entries_ = 0;
  bool sound_ = true, sealed_ = false;
};

}  // namespace

ExitStatus inspect_log(const InspectedFile& f) { return LogPrinter(f).run(); }

}  // namespace firn::cli
