// Fingerprints of versions that do not depend on their order (DESIGN D8): maintenance may move, merge and encode versions
// anew, but must not change one. A fingerprint is the sum, modulo 2^64, of a hash of each version, for two independent
// hashes: what adds up to the same 128 bits and the same count is the same multiset, but for one chance in 2^128.
//
// A version's hash depends on what it means and on nothing else: values by column id, whatever their encoding
// (dictionary, slices), floats by their bits, NULL unlike any value. A column that is missing counts as one of NULLs,
// so that files of an older schema version compare with their rewritten form.
//
// Two sums are kept of the same versions:
//   versions  (encoded key, CSN, op): of every version that went in, and of every one that came out or was dropped
//   contents  (values, CSN, end, op): of the versions that are kept. An end counts as it is known at the job's base CSN:
//             what ended a row since is not the job's to write and is found again by the new file's readers. Of a
//             tombstone only the key columns count.
#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schema/batch.hpp"

namespace firn::storage {

/// Two independent hashes of one thing.
struct HashPair {
  std::uint64_t first = 0, second = 0;
  auto operator<=>(const HashPair&) const = default;
};

/// A multiset of hashed things.
struct Fingerprint {
  std::uint64_t first = 0, second = 0, count = 0;
  void add(HashPair hash) {
    first += hash.first;
    second += hash.second;
    count += 1;
  }
  Fingerprint& operator+=(const Fingerprint& o) {
    first += o.first;
    second += o.second;
    count += o.count;
    return *this;
  }
  bool operator==(const Fingerprint&) const = default;
  /// "32 hex digits of COUNT versions"
  std::string to_string() const;
};

/// Of versions on their way, see above.
struct VersionSums {
  Fingerprint versions, contents;
};

HashPair hash_of_version(std::string_view encoded_key, std::uint64_t csn, bool tombstone);
/// One a row: of its values by column id. `tombstones`: one bit a row, or empty; of those only key columns count.
std::vector<HashPair> hash_of_rows(const Batch& rows, const Buffer& tombstones = {});
/// `values` from hash_of_rows(); end 0: none.
HashPair hash_of_content(HashPair values, std::uint64_t csn, std::uint64_t end, bool tombstone);

}  // namespace firn::storage
