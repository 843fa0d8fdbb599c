#include "io/log_reader.hpp"

#include <algorithm>
#include <cstring>

#include "io/crc32c.hpp"

namespace firn::io {
namespace {

constexpr std::uint64_t kWindowBytes = 256 * 1024;

template <std::size_t n>
std::span<const std::uint8_t, n> fixed(std::span<const std::uint8_t> bytes) {
  return std::span<const std::uint8_t, n>(bytes.data(), n);
}

std::size_t last_nonzero(std::span<const std::uint8_t> bytes) {  // one past it; 0 if all are zero
  std::size_t n = bytes.size();
  while (n >= 8) {
    std::uint64_t v = 0;
    std::memcpy(&v, bytes.data() + n - 8, sizeof v);
    if (v != 0) break;
    n -= 8;
  }
  while (n > 0 && bytes[n - 1] == 0) --n;
  return n;
}

std::string at(const std::string& path, std::uint64_t offset) {
  return "log '" + path + "' at offset " + std::to_string(offset);
}

}  // namespace

LogReader::LogReader(std::unique_ptr<File> file, std::uint64_t size, const LogExpectation& expect)
    : file_(std::move(file)), size_(size), expect_(expect) {}

Error LogReader::corrupt(std::uint64_t offset, const std::string& what) const {
  return {ErrorCode::corrupt, at(file_->path(), offset) + ": " + what};
}

Result<std::unique_ptr<LogReader>> LogReader::open(Disk& disk, const std::string& path,
                                                   const LogExpectation& expect) {
  FIRN_ASSIGN(auto file, disk.open(path, Disk::Mode::read));
  FIRN_ASSIGN(const std::uint64_t size, file->size());
  std::unique_ptr<LogReader> reader(new LogReader(std::move(file), size, expect));
  if (size < kLogHeaderBytes) {
    return reader->corrupt(0, "the file has " + std::to_string(size) + " bytes, less than a log's header");
  }
  FIRN_ASSIGN(const auto bytes, reader->view(0, kLogHeaderBytes));
  FIRN_TRY(reader->check_file_header(fixed<kLogHeaderBytes>(bytes)));
  reader->header_ = *decode_log_header(fixed<kLogHeaderBytes>(bytes));
  reader->at_ = {kLogHeaderBytes, reader->header_.first_sequence - 1, reader->header_.chain_start};
  if (expect.watermark) reader->synced_to_ = expect.watermark->offset;
  return reader;
}

Result<void> LogReader::check_file_header(std::span<const std::uint8_t, kLogHeaderBytes> bytes) const {
  const auto version = log_version_of(bytes);
  if (version && *version > kLogVersion) {
    return Error(ErrorCode::unsupported, "log '" + file_->path() + "' has format version " +
                                             std::to_string(*version) + "; this build reads up to " +
                                             std::to_string(kLogVersion));
  }
  const auto header = decode_log_header(bytes);
  if (!header || header->first_sequence == 0) return corrupt(0, "the file header is damaged");
  if (header->identity.store_id != expect_.store_id) return corrupt(0, "the file belongs to another store");
  if (expect_.file_id && header->identity.file_id != *expect_.file_id) {
    return corrupt(0, "the file carries id " + std::to_string(header->identity.file_id) + " instead of " +
                          std::to_string(*expect_.file_id));
  }
  if (expect_.first_sequence && header->first_sequence != *expect_.first_sequence) {
    return corrupt(0, "the file begins with sequence " + std::to_string(header->first_sequence) +
                          " instead of " + std::to_string(*expect_.first_sequence));
  }
  if (expect_.chain_start && header->chain_start != *expect_.chain_start) {
    return corrupt(0, "the file does not continue the log before it (chain value differs)");
  }
  return {};
}

Result<std::span<const std::uint8_t>> LogReader::view(std::uint64_t offset, std::uint64_t length) {
  const bool inside = offset >= window_offset_ && offset + length <= window_offset_ + window_.size();
  if (!inside) {
    const std::uint64_t n = std::min(std::max(length, kWindowBytes), size_ - offset);
    window_.resize(static_cast<std::size_t>(n));
    window_offset_ = offset;
    if (auto read = file_->read_at(offset, window_); !read) {
      window_.clear();
      return read.error();
    }
  }
  return std::span<const std::uint8_t>(window_).subspan(static_cast<std::size_t>(offset - window_offset_),
                                                        static_cast<std::size_t>(length));
}

Result<std::optional<LogReader::Entry>> LogReader::entry_at(std::uint64_t offset) {
  std::optional<Entry> none;
  if (size_ - offset < kEntryHeaderBytes) return none;
  FIRN_ASSIGN(auto bytes, view(offset, kEntryHeaderBytes));
  const auto header = decode_entry_header(fixed<kEntryHeaderBytes>(bytes), header_.identity, offset);
  if (!header || entry_bytes(header->payload_bytes) > size_ - offset) return none;
  Entry entry{*header, chain_after(fixed<kEntryHeaderBytes>(bytes), header->previous_chain), {}};
  FIRN_ASSIGN(bytes, view(offset, entry_bytes(header->payload_bytes)));
  entry.payload = bytes.subspan(kEntryHeaderBytes, header->payload_bytes);
  const std::uint32_t crc = crc32c(entry.payload, payload_seed(header_.identity, header->previous_chain));
  if (crc != header->payload_crc ||
      last_nonzero(bytes.subspan(kEntryHeaderBytes + header->payload_bytes)) != 0) {
    return none;
  }
  return std::optional<Entry>(entry);
}

bool LogReader::follows(const Entry& entry) const {
  return entry.header.sequence == at_.sequence + 1 && entry.header.previous_chain == at_.chain &&
         entry.header.watermark.offset <= at_.offset;
}

// The log itself says what it held where the caller's watermark lies; another history there is damage (an old
// copy of the file, a rolled back disk).
Result<void> LogReader::check_watermark_here() const {
  if (!expect_.watermark || expect_.watermark->offset != at_.offset || *expect_.watermark == at_) return {};
  return corrupt(at_.offset, "sequence " + std::to_string(at_.sequence) +
                                 " ends here, the catalog knows sequence " +
                                 std::to_string(expect_.watermark->sequence) + " with another chain value");
}

LogStep LogReader::finish(LogStep last) {
  last_ = last;
  return last;
}

LogStep LogReader::next() {
  if (last_) return *last_;
  if (auto same = check_watermark_here(); !same) return finish(same.error());
  auto entry = entry_at(at_.offset);
  if (!entry) return finish(entry.error());
  if (!*entry || !follows(**entry)) return finish(end_unsealed());
  if ((*entry)->header.kind == kFooterKind) return finish(end_sealed(**entry));
  return give(**entry);
}

LogStep LogReader::give(const Entry& entry) {
  const EntryHeader& h = entry.header;
  const std::uint64_t length = entry_bytes(h.payload_bytes);
  LogRecord record{{at_.offset, length, at_.offset + kEntryHeaderBytes, h.payload_bytes, h.sequence},
                   h.kind,
                   entry.chain,
                   entry.payload};
  synced_to_ = std::max(synced_to_, h.watermark.offset);
  const std::uint64_t before = at_.offset;
  at_ = {at_.offset + length, h.sequence, entry.chain};
  if (expect_.watermark && before < expect_.watermark->offset && at_.offset > expect_.watermark->offset) {
    return finish(corrupt(before, "an entry lies across the catalog's watermark at offset " +
                                      std::to_string(expect_.watermark->offset)));
  }
  return record;
}

LogStep LogReader::end_sealed(const Entry& footer) {
  const std::uint64_t end = at_.offset + kFooterEntryBytes;
  if (footer.payload.size() != kFooterPayloadBytes)
    return corrupt(at_.offset, "the footer has a wrong length");
  const LogFooter f = decode_footer(fixed<kFooterPayloadBytes>(footer.payload));
  if (f.count != at_.sequence + 1 - header_.first_sequence || f.end_offset != at_.offset ||
      f.chain != at_.chain) {
    return corrupt(at_.offset, "the footer speaks of another log");
  }
  if (synced_to_ > at_.offset)
    return corrupt(at_.offset, "the log was sealed before the catalog's watermark");
  if (expect_.must_be_sealed && end != size_) {
    return corrupt(end, "the sealed file has " + std::to_string(size_ - end) + " bytes too many");
  }
  return TailInfo{true, false, at_, 0};
}

LogStep LogReader::end_unsealed() {
  const std::uint64_t bad = at_.offset;
  if (expect_.must_be_sealed)
    return corrupt(bad, "an entry or the footer of a sealed log is damaged or missing");
  if (bad < synced_to_) {
    return corrupt(bad, "the entry is damaged or missing; the log was durable up to offset " +
                            std::to_string(synced_to_));
  }
  auto witness = find_witness(bad);
  if (!witness) return witness.error();
  if (*witness) {
    return corrupt(bad, "the entry is damaged; the entry at offset " + std::to_string(**witness) +
                            " was written when it was durable");
  }
  auto content = end_of_content(bad);
  if (!content) return content.error();
  const std::uint64_t dropped = std::max(*content, bad) - bad;
  return TailInfo{false, dropped != 0, at_, dropped};
}

Result<std::optional<std::uint64_t>> LogReader::find_witness(std::uint64_t bad) {
  std::uint64_t offset = bad + kEntryAlignment;
  while (offset < size_ && size_ - offset >= kEntryHeaderBytes) {
    const std::uint64_t n = std::min(kWindowBytes, size_ - offset);
    FIRN_ASSIGN(const auto bytes, view(offset, n));
    std::uint64_t i = 0;
    for (; n - i >= kEntryHeaderBytes; i += kEntryAlignment) {
      std::uint32_t magic = 0;
      std::memcpy(&magic, bytes.data() + i, sizeof magic);
      if (magic == kEntryMagic) break;
    }
    if (n - i < kEntryHeaderBytes) {  // none here; the rest of the window begins the next one
      offset += i;
      continue;
    }
    offset += i;
    FIRN_ASSIGN(const auto entry, entry_at(offset));
    if (entry && entry->header.sequence > at_.sequence && entry->header.watermark.offset > bad) {
      return std::optional<std::uint64_t>(offset);
    }
    offset += kEntryAlignment;
  }
  return std::optional<std::uint64_t>();
}

Result<std::uint64_t> LogReader::end_of_content(std::uint64_t from) {
  std::uint64_t end = from;
  for (std::uint64_t offset = from; offset < size_;) {
    const std::uint64_t n = std::min(kWindowBytes, size_ - offset);
    FIRN_ASSIGN(const auto bytes, view(offset, n));
    if (const std::size_t used = last_nonzero(bytes); used != 0) end = offset + used;
    offset += n;
  }
  return end;
}

Result<std::vector<std::uint8_t>> read_entry(const File& file, const LogIdentity& identity,
                                             const EntryPosition& position) {
  const Error damaged(ErrorCode::corrupt, at(file.path(), position.offset) + ": the entry is damaged");
  EntryHeaderBytes bytes{};
  FIRN_TRY(file.read_at(position.offset, bytes));
  const auto header = decode_entry_header(bytes, identity, position.offset);
  if (!header || header->payload_bytes != position.payload_bytes || header->sequence != position.sequence) {
    return damaged;
  }
  std::vector<std::uint8_t> payload(header->payload_bytes);
  FIRN_TRY(file.read_at(position.offset + kEntryHeaderBytes, payload));
  if (crc32c(payload, payload_seed(identity, header->previous_chain)) != header->payload_crc) return damaged;
  return payload;
}

}  // namespace firn::io
