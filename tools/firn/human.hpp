// Quantities as people read them.
#pragma once
#include <cstdint>
#include <string>

namespace firn::cli {

/// 0 B, 999 B, 1.5 KiB, 12.3 MiB: powers of 1,024.
std::string human_bytes(std::uint64_t bytes);
/// 0, 999, 1.4 k, 2.5 M: powers of 1,000, for rates.
std::string human_count(double count);
/// 250 us, 1.3 ms, 2.1 s, 3 min 20 s.
std::string human_time(std::int64_t us);
/// 12.3 with the given decimals.
std::string decimals(double v, int digits);

}  // namespace firn::cli
