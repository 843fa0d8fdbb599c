#include "storage/encoded_rows.hpp"

#include <algorithm>

#include "schema/key_codec.hpp"
#include "storage/log_record.hpp"

namespace firn::storage {

Result<EncodedRows> encode_rows(const hot::RowLayout& layout, const Batch& rows) {
  const auto count = static_cast<std::size_t>(rows.rows());
  std::vector<std::pair<std::string, std::size_t>> keys(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (auto done = encode_key(rows.schema(), rows, i, keys[i].first); !done)
      return done.error().within("row " + std::to_string(i));
    keys[i].second = i;
  }
  std::sort(keys.begin(), keys.end());
  EncodedRows out{{}, layout.version()};
  std::string row;
  for (std::size_t i = 0; i < count; ++i) {
    if (i + 1 < count && keys[i].first == keys[i + 1].first) continue;  // the later row of a key wins
    row.clear();
    layout.encode(rows, keys[i].second, row);
    append_row(out.list, keys[i].first, hot::Op::put, 0, row);
  }
  return out;
}

}  // namespace firn::storage
