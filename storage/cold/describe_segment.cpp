// `firn inspect` of a segment: header, trailer, footer, groups, columns; goes as far as the bytes can be
// read.
#include <fmt/format.h>

#include "io/crc32c.hpp"
#include "storage/cold/segment.hpp"
#include "storage/cold/segment_footer.hpp"

namespace firn::storage::cold {
namespace {

std::string header_text(const io::File& file) {
  std::uint8_t raw[sizeof(SegmentHeader)];
  if (auto r = file.read_at(0, raw); !r) return "header: unreadable: " + r.error().message() + "\n";
  SegmentHeader h;
  std::memcpy(&h, raw, sizeof h);
  if (h.magic != kSegmentMagic) return "header: not a segment\n";
  const bool sound = h.crc == io::crc32c(std::span<const std::uint8_t>(raw).first(sizeof raw - 4));
  return fmt::format("header: format {}, store {:016x}, file {}{}\n", h.version, h.store_id, h.file_id,
                     sound ? "" : " (damaged)");
}

void add_chunk(std::string& out, std::string_view name, const ChunkMeta& m, const ColumnStats* s) {
  out += fmt::format("    {:<16} {:>10} bytes at {:>10}, {:>10} in memory  {}", name, m.length, m.offset,
                     m.logical, m.tree);
  if (s != nullptr)
    out += fmt::format("; nulls {}, distinct ~{}{}{}", s->nulls, s->distinct,
                       s->min.is_null() ? "" : ", range", s->exact ? "" : " (bounds)");
  out += "\n";
}

std::string footer_text(const LoadedFooter& l) {
  const SegmentFooter& f = l.footer;
  std::string out =
      fmt::format("footer: {} rows, {} tombstones, {} row groups, {} bytes of {} ({:.2f} a row){}\n",
                  f.info.rows, f.info.tombstones, f.groups.size(), l.data_length, l.file_length,
                  static_cast<double>(l.file_length) / static_cast<double>(f.info.rows),
                  f.info.history ? ", history" : "");
  out += fmt::format("schema {}: {}\n", f.info.schema_version, f.schema.to_string());
  out += fmt::format("csn {} to {}", f.info.csn_min, f.info.csn_max);
  if (f.info.history) out += fmt::format(", ended by {}", f.info.end_max);
  out += fmt::format("\nkey index: {} entries, {} bytes at {}; filter: {} bytes at {}\n", f.index_entries,
                     f.index.length, f.index.offset, f.bloom.length, f.bloom.offset);
  for (std::size_t g = 0; g < f.groups.size(); ++g) {
    const FooterGroup& group = f.groups[g];
    const CsnBounds& c = group.bounds;
    out += fmt::format("  group {}: {} rows, csn {} to {}", g, group.rows, c.begin_min, c.begin_max);
    out += f.info.history ? fmt::format(", ended by {} to {}\n", c.end_min, c.end_max) : "\n";
    for (std::size_t c = 0; c < group.columns.size(); ++c)
      add_chunk(out, f.schema[c].name, group.columns[c].meta, &group.columns[c].stats);
    add_chunk(out, "(csn)", group.csn, nullptr);
    if (group.end) add_chunk(out, "(end)", *group.end, nullptr);
    if (group.tombstones) add_chunk(out, "(tombstone)", *group.tombstones, nullptr);
  }
  return out;
}

}  // namespace

Result<std::string> describe_segment(io::Disk& disk, const std::string& path) {
  FIRN_ASSIGN(const auto file, disk.open(path, io::Disk::Mode::read));
  std::string out = path + ": cold segment\n" + header_text(*file);
  const auto footer = load_footer(*file);
  if (!footer) return out + "footer: " + footer.error().message() + "\n";
  return out + footer_text(*footer);
}

}  // namespace firn::storage::cold
