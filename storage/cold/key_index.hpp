// What a segment's writer gathers of its keys: the sparse index and the filter. Owned by one thread.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "schema/key_codec.hpp"
#include "storage/cold/encoding.hpp"

namespace firn::storage::cold {

class KeyIndexBuilder {
 public:
  explicit KeyIndexBuilder(const Schema& schema) : fixed_(has_fixed_key(schema)) {}

  /// Keys of a group in order; `first`: how many rows are before them where the index counts from.
  void add(const KeyColumn& keys, std::uint64_t first);

  std::size_t entries() const { return firsts_.size(); }
  std::uint64_t entry_bytes() const;  ///< of the decoded entries; 0 for fixed keys
  Encoded index(const EncodeOptions& options) const;
  /// Empty if the keys have no wide gaps: the range alone answers then, a filter would only cost.
  std::string filter() const;
  /// Of the `keys` added last: a filter of their own.
  std::string filter_of_last(std::size_t keys) const;
  const std::string& least() const { return least_; }
  const std::string& greatest() const { return greatest_; }

 private:
  bool fixed_;
  std::string least_, greatest_;
  std::vector<std::string> firsts_;
  std::vector<std::uint64_t> hashes_;
};

}  // namespace firn::storage::cold
