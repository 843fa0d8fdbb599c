#include "io/append_log.hpp"

#include <algorithm>
#include <array>

#include "io/crc32c.hpp"
#include "io/disk_path.hpp"

namespace firn::io {
namespace {

constexpr std::uint64_t kFirstAllocation = 64 * 1024;
constexpr std::uint64_t kAllocationStepMax = std::uint64_t{64} << 20;
// Up to here an entry is glued into one buffer for one write; beyond, its parts go to the file from where they are. A copy
// of 256 KiB costs some 20 us, less than the write that it saves.
constexpr std::size_t kGluedBytesMax = 256 * 1024;

// The first write to a preallocated block costs a synced small entry half as much again: the file system notes that the
// block holds something. So blocks get zeros some time before they are needed, all of them with one sync.
constexpr std::uint64_t kFileBlock = 4096;
constexpr std::uint64_t kZeroedAhead = 128 * 1024;
constexpr std::uint64_t kZeroedEntryBytesMax =
    kZeroedAhead / 4;  // larger ones would write most of their blocks twice
constexpr std::array<std::uint8_t, kZeroedAhead> kZeros{};

constexpr std::array<std::uint8_t, kEntryAlignment> kPadding{};

std::uint64_t total_bytes(AppendLog::Parts parts) {
  std::uint64_t sum = 0;
  for (const auto& part : parts) sum += part.size();
  return sum;
}

// The length that a log of `now` bytes gets so that `needed` bytes fit: doubled, in steps of at most 64 MiB.
std::uint64_t grown(std::uint64_t now, std::uint64_t needed) {
  std::uint64_t size = std::max(now, kFirstAllocation);
  while (size < needed) size += std::min(size, kAllocationStepMax);
  return size;
}

}  // namespace

AppendLog::AppendLog(std::unique_ptr<File> file, const LogFileHeader& header)
    : file_(std::move(file)),
      header_(header),
      written_{kLogHeaderBytes, header.first_sequence - 1, header.chain_start},
      durable_(written_) {}

Result<std::unique_ptr<AppendLog>> AppendLog::create(Disk& disk, const std::string& path,
                                                     const LogFileHeader& header) {
  if (header.first_sequence == 0) return Error(ErrorCode::invalid_argument, "sequences of a log begin at 1");
  FIRN_ASSIGN(auto file, disk.open(path, Disk::Mode::create_new));
  std::unique_ptr<AppendLog> log(new AppendLog(std::move(file), header));
  auto made = log->make_room(kLogHeaderBytes);
  if (made) made = log->file_->write_and_sync(0, encode_log_header(header));
  if (made) made = disk.sync_directory(parent_path(path));
  if (made) return log;
  (void)disk.remove(path);  // nothing was promised yet; the name is free for another try
  return made.error();
}

Error AppendLog::fail(const Error& error) {
  if (!failure_) failure_ = error.within("log '" + file_->path() + "' takes no more entries");
  return *failure_;
}

Result<void> AppendLog::make_room(std::uint64_t end) {
  if (end <= allocated_) return {};
  std::uint64_t size = grown(allocated_, end);
  auto made = file_->allocate(size);
  if (!made && made.error().code() == ErrorCode::full &&
      size > end) {  // no room to spare: only what is needed
    size = end;
    made = file_->allocate(size);
  }
  if (!made) return made.error().code() == ErrorCode::full ? made.error() : fail(made.error());
  allocated_ = size;
  return {};
}

Result<EntryPosition> AppendLog::append(Parts parts, std::uint32_t kind) {
  return append_entry(parts, kind, false);
}
Result<EntryPosition> AppendLog::append(std::span<const std::uint8_t> payload, std::uint32_t kind) {
  return append_entry({&payload, 1}, kind, false);
}
Result<EntryPosition> AppendLog::append_and_sync(Parts parts, std::uint32_t kind) {
  return append_entry(parts, kind, true);
}
Result<EntryPosition> AppendLog::append_and_sync(std::span<const std::uint8_t> payload, std::uint32_t kind) {
  return append_entry({&payload, 1}, kind, true);
}

Result<void> AppendLog::begin_entry(std::uint64_t payload_bytes, std::uint32_t kind) {
  if (failure_) return *failure_;
  if (kind == 0 || kind >= kReservedKinds)
    return Error(ErrorCode::invalid_argument, "log entry of a reserved kind");
  if (payload_bytes > kPayloadBytesMax) {
    return Error(ErrorCode::out_of_range, "a log entry of " + std::to_string(payload_bytes) +
                                              " bytes; the limit is " + std::to_string(kPayloadBytesMax));
  }
  return make_room(written_.offset + entry_bytes(payload_bytes));
}

EntryHeader AppendLog::header_of(std::uint64_t payload_bytes, std::uint32_t kind) const {
  return {
      static_cast<std::uint32_t>(payload_bytes),     kind, written_.sequence + 1, durable_, written_.chain,
      payload_seed(header_.identity, written_.chain)};
}

EntryPosition AppendLog::end_entry(const EntryHeader& header, const EntryHeaderBytes& bytes) {
  const EntryPosition position{written_.offset, entry_bytes(header.payload_bytes),
                               written_.offset + kEntryHeaderBytes, header.payload_bytes, header.sequence};
  written_ = {written_.offset + position.length, header.sequence, chain_after(bytes, written_.chain)};
  return position;
}

Result<EntryPosition> AppendLog::append_entry(Parts parts, std::uint32_t kind, bool and_sync) {
  const std::uint64_t payload_bytes = total_bytes(parts);
  FIRN_TRY(begin_entry(payload_bytes, kind));
  EntryHeader header = header_of(payload_bytes, kind);
  for (const auto& part : parts) header.payload_crc = crc32c(part, header.payload_crc);
  const EntryHeaderBytes bytes = encode_entry_header(header, header_.identity, written_.offset);
  if (auto written = write_entry(written_.offset, bytes, parts, and_sync); !written)
    return fail(written.error());
  const EntryPosition position = end_entry(header, bytes);
  if (and_sync) durable_ = written_;
  return position;
}

Result<void> AppendLog::write_entry(std::uint64_t offset, std::span<const std::uint8_t> header, Parts parts,
                                    bool and_sync) {
  std::vector<std::span<const std::uint8_t>> all{header};
  all.insert(all.end(), parts.begin(), parts.end());
  all.push_back(std::span(kPadding).first(padding_after(total_bytes(parts))));
  if (const std::uint64_t bytes = total_bytes(all); bytes <= kGluedBytesMax) {
    staging_.clear();
    staging_.reserve(bytes);
    for (const auto& part : all) staging_.insert(staging_.end(), part.begin(), part.end());
    if (!and_sync) return file_->write_at(offset, staging_);
    if (bytes <= kZeroedEntryBytesMax) FIRN_TRY(zero_ahead(offset + bytes));
    return file_->write_and_sync(offset, staging_);
  }
  FIRN_TRY(file_->write_parts(offset, all));
  return and_sync ? file_->sync() : Result<void>();
}

/// Zeros in the blocks behind `end`, unless there are some left; written with the next sync.
Result<void> AppendLog::zero_ahead(std::uint64_t end) {
  if (end <= zeroed_) return {};
  const std::uint64_t begin = (end + kFileBlock - 1) / kFileBlock * kFileBlock;
  zeroed_ = std::max(end, std::min(allocated_, begin + kZeroedAhead));
  if (zeroed_ <= begin) return {};
  auto zeroed = file_->write_at(begin, std::span(kZeros).first(zeroed_ - begin));
  if (!zeroed && zeroed.error().code() == ErrorCode::full) return {};  // the file system cannot preallocate
  return zeroed;
}

// What is known last is written last. No order among the writes is needed: until the sync any of them may be lost, and
// the checksums say so.
Result<EntryPosition> AppendLog::append(std::size_t head_bytes, Parts parts, std::uint32_t kind,
                                        const std::function<Head()>& finish) {
  const std::uint64_t payload_bytes = head_bytes + total_bytes(parts);
  Head head;
  const auto finish_head = [&] {
    head = finish();
    FIRN_CHECK(head.bytes.size() == head_bytes);
  };
  std::vector<std::span<const std::uint8_t>> rest(parts.begin(), parts.end());
  if (payload_bytes <= kGluedBytesMax) {
    finish_head();
    rest.insert(rest.begin(), head.bytes);
    return append_entry(rest, kind, false);
  }
  FIRN_TRY(begin_entry(payload_bytes, kind));
  rest.push_back(std::span(kPadding).first(padding_after(payload_bytes)));
  const std::uint64_t behind_head = written_.offset + kEntryHeaderBytes + head_bytes;
  if (auto written = file_->write_parts(behind_head, rest, finish_head); !written)
    return fail(written.error());
  EntryHeader header = header_of(payload_bytes, kind);
  header.payload_crc = crc32c_combine(header.payload_crc, head.crc, payload_bytes);
  const EntryHeaderBytes bytes = encode_entry_header(header, header_.identity, written_.offset);
  staging_.assign(bytes.begin(), bytes.end());
  staging_.insert(staging_.end(), head.bytes.begin(), head.bytes.end());
  if (auto written = file_->write_at(written_.offset, staging_); !written) return fail(written.error());
  return end_entry(header, bytes);
}

Result<void> AppendLog::sync() {
  if (failure_) return *failure_;
  if (durable_ == written_) return {};
  if (auto synced = file_->sync(); !synced) return fail(synced.error());
  durable_ = written_;
  return {};
}

Result<void> AppendLog::seal() {
  if (failure_) return *failure_;
  FIRN_TRY(make_room(written_.offset + kFooterEntryBytes));
  if (auto sealed = seal_file(); !sealed) return fail(sealed.error());
  failure_ = Error(ErrorCode::closed, "log '" + file_->path() + "' is sealed");
  return {};
}

// The entries are synced before the footer is written: so a sound footer proves, by its watermark, that every
// entry before it was durable, and a bad one among them is damage.
Result<void> AppendLog::seal_file() {
  FIRN_TRY(sync());
  const LogFooter footer{written_.sequence + 1 - header_.first_sequence, written_.offset, written_.chain};
  const FooterPayloadBytes payload = encode_footer(footer);
  const EntryHeader header{
      kFooterPayloadBytes,   kFooterKind,
      written_.sequence + 1, durable_,
      written_.chain,        crc32c(payload, payload_seed(header_.identity, written_.chain))};
  const EntryHeaderBytes bytes = encode_entry_header(header, header_.identity, written_.offset);
  std::array<std::uint8_t, kFooterEntryBytes> entry{};
  std::copy(bytes.begin(), bytes.end(), entry.begin());
  std::copy(payload.begin(), payload.end(), entry.begin() + kEntryHeaderBytes);
  const std::uint64_t length = written_.offset + entry.size();
  // Into preallocated room, then the cut: a full device cannot keep a log from being sealed.
  FIRN_TRY(file_->write_at(written_.offset, entry));
  FIRN_TRY(file_->truncate(length));
  FIRN_TRY(file_->sync());
  durable_ = written_;
  allocated_ = length;
  return {};
}

}  // namespace firn::io
