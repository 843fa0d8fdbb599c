#include "storage/checkpoint.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <functional>

#include "io/crc32c.hpp"

namespace firn::storage {
namespace {

constexpr std::uint32_t kBlock = 0x4B43464BU, kEnd = 0x4B43464EU;
constexpr std::size_t kHeaderBytes = 16, kFooterBodyBytes = 24, kEntryHeaderBytes = 7;
constexpr std::size_t kBodyAim = std::size_t{1} << 20;
constexpr std::size_t kBodyMax = std::size_t{1} << 30;
constexpr std::size_t kLoadTxnBytes = std::size_t{32} << 20;
constexpr std::string_view kPrefix = "ckp-";

std::uint32_t crc_of(std::uint64_t store_id, std::uint64_t block, std::string_view body) {
  const std::uint64_t seed[2] = {store_id, block};
  const std::uint32_t crc = io::crc32c({reinterpret_cast<const std::uint8_t*>(seed), sizeof seed});
  return io::crc32c({reinterpret_cast<const std::uint8_t*>(body.data()), body.size()}, crc);
}

template <class T>
void put(std::string& out, T v) {
  out.append(reinterpret_cast<const char*>(&v), sizeof v);
}

class Writer {
 public:
  Writer(io::File& file, std::uint64_t store_id) : file_(file), store_id_(store_id) {}

  Result<void> add(int database, std::string_view key, std::string_view value) {
    body_.push_back(static_cast<char>(database));
    put(body_, static_cast<std::uint16_t>(key.size()));
    put(body_, static_cast<std::uint32_t>(value.size()));
    body_.append(key).append(value);
    in_block_ += 1;
    total_ += 1;
    if (body_.size() >= kBodyAim) return flush(kBlock);
    return {};
  }

  Result<void> finish(std::uint64_t log_sequence) {
    if (in_block_ != 0) FIRN_TRY(flush(kBlock));
    put(body_, total_);
    put(body_, log_sequence);
    put(body_, blocks_);
    return flush(kEnd);
  }

 private:
  Result<void> flush(std::uint32_t magic) {
    std::string block;
    put(block, magic);
    put(block, static_cast<std::uint32_t>(body_.size()));
    put(block, in_block_);
    put(block, crc_of(store_id_, blocks_, body_));
    block += body_;
    FIRN_TRY(file_.write_at(offset_, {reinterpret_cast<const std::uint8_t*>(block.data()), block.size()}));
    offset_ += block.size();
    blocks_ += 1;
    in_block_ = 0;
    body_.clear();
    return {};
  }

  io::File& file_;
  std::uint64_t store_id_, offset_ = 0, blocks_ = 0, total_ = 0;
  std::uint32_t in_block_ = 0;
  std::string body_;
};

using Visit = std::function<Result<void>(int database, std::string_view key, std::string_view value)>;

Result<void> visit_body(std::string_view body, std::uint32_t count, const Visit& visit) {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (body.size() < kEntryHeaderBytes) return Error(ErrorCode::corrupt, "an entry is cut");
    std::uint16_t key_size;
    std::uint32_t value_size;
    std::memcpy(&key_size, body.data() + 1, 2);
    std::memcpy(&value_size, body.data() + 3, 4);
    const int database = body[0];
    body.remove_prefix(kEntryHeaderBytes);
    if (body.size() < std::size_t{key_size} + value_size || database < 0 || database > 1)
      return Error(ErrorCode::corrupt, "an entry is cut");
    FIRN_TRY(visit(database, body.substr(0, key_size), body.substr(key_size, value_size)));
    body.remove_prefix(std::size_t{key_size} + value_size);
  }
  if (!body.empty()) return Error(ErrorCode::corrupt, "bytes follow the last entry");
  return {};
}

Result<void> read_all(io::Disk& disk, const CheckpointRef& checkpoint, std::uint64_t store_id,
                      const Visit& visit) {
  FIRN_ASSIGN(const auto file, disk.open(checkpoint.path, io::Disk::Mode::read));
  FIRN_ASSIGN(const std::uint64_t size, file->size());
  std::uint64_t offset = 0, blocks = 0, total = 0;
  std::string body;
  const auto damaged = [&](const std::string& what) {
    return Error(ErrorCode::corrupt, checkpoint.path + ": at offset " + std::to_string(offset) + ": " + what);
  };
  for (;;) {
    std::uint32_t header[4];
    if (size - offset < kHeaderBytes) return damaged("the file ends without its footer");
    FIRN_TRY(file->read_at(offset, {reinterpret_cast<std::uint8_t*>(header), kHeaderBytes}));
    const auto [magic, bytes, count, crc] = header;
    if ((magic != kBlock && magic != kEnd) || bytes > kBodyMax || bytes > size - offset - kHeaderBytes)
      return damaged("no sound block header");
    body.resize(bytes);
    FIRN_TRY(
        file->read_at(offset + kHeaderBytes, {reinterpret_cast<std::uint8_t*>(body.data()), body.size()}));
    if (crc_of(store_id, blocks, body) != crc) return damaged("checksum mismatch");
    if (magic == kEnd) {
      std::uint64_t footer[3];
      if (bytes != kFooterBodyBytes) return damaged("the footer has another size");
      std::memcpy(footer, body.data(), sizeof footer);
      if (footer[0] != total || footer[1] != checkpoint.log_sequence || footer[2] != blocks)
        return damaged("the footer belongs to another checkpoint");
      return {};
    }
    if (Result<void> r = visit_body(body, count, visit); !r)
      return r.error().code() == ErrorCode::corrupt ? damaged(r.error().message()) : r.error();
    offset += kHeaderBytes + bytes;
    blocks += 1;
    total += count;
  }
}

}  // namespace

Result<std::vector<CheckpointRef>> list_checkpoints(io::Disk& disk, const std::string& folder) {
  std::vector<CheckpointRef> list;
  FIRN_ASSIGN(const auto entries, disk.list(folder));
  for (const io::DirEntry& entry : entries) {
    std::string_view name = entry.name;
    if (entry.is_directory || !name.starts_with(kPrefix)) continue;
    name.remove_prefix(kPrefix.size());
    std::uint64_t sequence = 0;
    const auto [end, ec] = std::from_chars(name.data(), name.data() + name.size(), sequence, 16);
    if (ec != std::errc() || end != name.data() + name.size()) continue;
    list.push_back({folder + "/" + entry.name, sequence});
  }
  std::sort(list.begin(), list.end(),
            [](const auto& a, const auto& b) { return a.log_sequence > b.log_sequence; });
  return list;
}

Result<CheckpointRef> write_checkpoint(io::Disk& disk, const std::string& folder, std::uint64_t store_id,
                                       const hot::HotReader& reader) {
  char name[32];
  std::snprintf(name, sizeof name, "ckp-%016llx",
                static_cast<unsigned long long>(reader.state().log_sequence));
  CheckpointRef ref{folder + "/" + name, reader.state().log_sequence};
  FIRN_ASSIGN(const bool there, disk.exists(ref.path));
  if (there && verify_checkpoint(disk, ref, store_id)) return ref;
  const std::string born = ref.path + ".new";
  FIRN_ASSIGN(const bool leftover, disk.exists(born));
  if (leftover) FIRN_TRY(disk.remove(born));
  const auto write = [&]() -> Result<void> {
    FIRN_ASSIGN(const auto file, disk.open(born, io::Disk::Mode::create_new));
    Writer writer(*file, store_id);
    FIRN_TRY(reader.visit_raw([&](int database, std::string_view key, std::string_view value) {
      return writer.add(database, key, value);
    }));
    FIRN_TRY(writer.finish(ref.log_sequence));
    return file->sync();
  };
  if (Result<void> written = write(); !written) {
    (void)disk.remove(born);  // on a full disk it would only take room
    return written.error();
  }
  FIRN_TRY(disk.rename(born, ref.path));
  FIRN_TRY(disk.sync_directory(folder));
  return ref;
}

Result<void> load_checkpoint(io::Disk& disk, const CheckpointRef& checkpoint, std::uint64_t store_id,
                             hot::HotStore& store) {
  std::optional<hot::HotWriter> writer;
  std::size_t pending = 0;
  hot::HotState state;
  const auto flush = [&]() -> Result<void> {
    if (!writer) return {};
    state = writer->state();
    FIRN_TRY(writer->commit());
    writer.reset();
    pending = 0;
    return {};
  };
  FIRN_TRY(read_all(disk, checkpoint, store_id,
                    [&](int database, std::string_view key, std::string_view value) -> Result<void> {
                      if (!writer) {
                        FIRN_ASSIGN(auto w, store.write(kLoadTxnBytes));
                        writer.emplace(std::move(w));
                      }
                      FIRN_TRY(writer->append_raw(database, key, value));
                      pending += key.size() + value.size();
                      if (pending >= kLoadTxnBytes && database == 0) return flush();
                      return {};
                    }));
  return flush();
}

Result<void> verify_checkpoint(io::Disk& disk, const CheckpointRef& checkpoint, std::uint64_t store_id) {
  return read_all(disk, checkpoint, store_id,
                  [](int, std::string_view, std::string_view) { return Result<void>(); });
}

}  // namespace firn::storage
