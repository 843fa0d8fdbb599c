#include "storage/cursors.hpp"

#include "storage/log_record.hpp"

namespace firn::storage {

bool follow(Cursors& cursors, const LogRecord& record, std::uint64_t rows_csn) {
  bool changed = false;
  if (record.cursor) {
    const CursorChange& c = *record.cursor;
    changed = true;
    if (c.dropped) {
      cursors.erase(c.name);
    } else {
      Cursor& cursor = cursors[c.name] = c.cursor;
      if (cursor.created_us == 0) cursor.created_us = record.time_us;
      if (cursor.updated_us == 0) cursor.updated_us = record.time_us;
    }
  }
  if (record.row_count != 0) return changed;
  for (auto& [name, cursor] : cursors) {
    if (cursor.csn < rows_csn || cursor.csn == record.csn) continue;
    cursor.csn = record.csn;
    changed = true;
  }
  return changed;
}

}  // namespace firn::storage
