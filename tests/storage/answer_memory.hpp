// What the table answered, by CSN: a bounded sample of fingerprints that maintenance must not change (DESIGN D8). The
// oracle says which rows are right; this says that every query over them stays the same, those too that no oracle models.
#pragma once
#include <cstdint>
#include <map>
#include <random>

#include "storage/table_store.hpp"

namespace firn::storage::model {

class AnswerMemory {
 public:
  static constexpr std::size_t kCsnsMax = 12;  ///< remembered at once: another one displaces one by chance
  static constexpr std::size_t kSome = 3;

  bool full() const { return answers_.size() >= kCsnsMax; }
  /// Takes down the answers at a retained CSN.
  void remember(TableStore& store, std::uint64_t csn, std::mt19937_64& chance);
  /// Compares one answer at each of kSome of the remembered CSNs. Throws what differs.
  void check_some(TableStore& store, std::mt19937_64& chance);
  void check_all(TableStore& store);

 private:
  using Remembered = std::map<std::uint64_t, std::vector<std::uint64_t>>;  ///< a fingerprint a query
  Remembered::iterator any(std::mt19937_64& chance);
  /// False if the horizon has passed it.
  bool check(TableStore& store, std::uint64_t csn, std::size_t question);

  Remembered answers_;
};

}  // namespace firn::storage::model
