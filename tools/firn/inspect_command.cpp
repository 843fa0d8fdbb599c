// inspect: recognises a file by its first bytes.
#include <algorithm>
#include <cstring>
#include <filesystem>

#include "commands.hpp"
#include "human.hpp"
#include "inspect.hpp"
#include "io/log_format.hpp"
#include "io/posix_disk.hpp"
#include "output.hpp"
#include "schema/arrow_ipc.hpp"
#include "storage/cold/segment_format.hpp"
#include "storage/database_list.hpp"
#include "storage/decision_file.hpp"
#include "storage/warm/block_format.hpp"

namespace firn::cli {
namespace {

constexpr std::size_t kHeadBytes = 64;
constexpr std::uint32_t kCheckpointMagic = 0x4B43464BU, kCheckpointEnd = 0x4B43464EU;
constexpr std::uint32_t kLmdbMagic = 0xBEEFC0DEU;
constexpr std::size_t kLmdbMagicOffset = 16;

template <class T>
T number_at(std::span<const std::uint8_t> bytes, std::size_t offset) {
  T v{};
  if (offset + sizeof v <= bytes.size()) std::memcpy(&v, bytes.data() + offset, sizeof v);
  return v;
}

InspectedFile open_file(const std::string& name) {
  const std::filesystem::path path = std::filesystem::absolute(name);
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  if (!std::filesystem::exists(status)) throw Failure(ExitStatus::not_found, "no file " + name);
  if (std::filesystem::is_directory(status))
    throw Failure(ExitStatus::failed,
                  name + " is a folder; name one file of it, or check it with 'firn verify'");
  InspectedFile f;
  f.folder = path.parent_path().string();
  f.path = path.filename().string();
  f.disk = io::PosixDisk::open_root(f.folder, false).value();
  f.file = f.disk->open(f.path, io::Disk::Mode::read).value();
  f.size = f.file->size().value();
  return f;
}

using Printer = ExitStatus (*)(const InspectedFile&);

Printer printer_for(const InspectedFile& f, std::span<const std::uint8_t> head) {
  if (number_at<std::uint64_t>(head, 0) == io::kLogMagic) return inspect_log;
  const auto magic = number_at<std::uint32_t>(head, 0);
  if (magic == storage::cold::kSegmentMagic) return inspect_segment;
  if (magic == storage::warm::kBlockMagic) return inspect_block;
  if (magic == kCheckpointMagic || magic == kCheckpointEnd) return inspect_checkpoint;
  if (number_at<std::uint32_t>(head, kLmdbMagicOffset) == kLmdbMagic) return inspect_lmdb;
  if (arrow::looks_like_arrow(head)) return inspect_arrow;
  if (f.path == "table.fb") return inspect_table_file;
  if (f.path == storage::kDatabaseListName) return inspect_table_list;
  if (f.path == storage::kDecisionFileName) return inspect_decisions;
  // Its beginning is damaged: the name says what it was.
  if (f.path.ends_with(".log") || f.path.ends_with(".new")) return inspect_log;
  if (f.path.starts_with("ckp-")) return inspect_checkpoint;
  if (f.path.ends_with(".seg")) return inspect_segment;
  return nullptr;
}

ExitStatus run_inspect(const Arguments& a) {
  const InspectedFile f = open_file(a.word(0));
  std::vector<std::uint8_t> head(static_cast<std::size_t>(std::min<std::uint64_t>(f.size, kHeadBytes)));
  f.file->read_at(0, head).value();
  const Printer printer = printer_for(f, head);
  print(a.word(0) + ": " + human_bytes(f.size) + "\n");
  if (printer == nullptr) {
    print("first bytes  " + hex_of({reinterpret_cast<const char*>(head.data()), head.size()}) + "\n");
    throw Failure(ExitStatus::failed, a.word(0) + " is no file of a firn database that is known here");
  }
  const ExitStatus status = printer(f);
  if (status == ExitStatus::damaged)
    throw Failure(status,
                  a.word(0) + " has bytes that are not sound; 'firn verify DB --deep' tells what they held");
  return status;
}

}  // namespace

std::string hex_of(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes.substr(0, 48)) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return bytes.size() > 48 ? out + "..." : out;
}

std::vector<Command> inspect_commands() {
  return {{"inspect",
           "Shows the bytes of a file of a database, as far as they can be read",
           {{"FILE",
             "a log, checkpoint, segment, table.fb, tables.fb, decisions.fb, data.mdb, or an Arrow file"}},
           {},
           "Works on a single file without its database. Exit status 4 if bytes are met that are not sound: "
           "behind the\n"
           "last entry of a log that was open in a crash this is normal, recovery drops them.",
           run_inspect}};
}

}  // namespace firn::cli
