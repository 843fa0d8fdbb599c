#include "tools/bench/system.hpp"

#include <cmath>

#include "tools/bench/duckdb_library.hpp"

namespace firn::bench {

namespace {

struct Known {
  std::string name;
  std::unique_ptr<System> (*make)();
  bool by_default = true;
};
const std::vector<Known>& known() {
  static const std::vector<Known> all = {
      {"firn", [] { return make_firn(StorageTier::none); }},
      {"firn-hot", [] { return make_firn(StorageTier::hot); }},
      {"firn-warm", [] { return make_firn(StorageTier::warm); }},
      {"firn-cold", [] { return make_firn(StorageTier::cold); }},
      {"firn-messages", make_firn_messages, false},
      {"firn-store", make_firn_store, false},
      {"lmdb", make_lmdb},
      {"rocksdb", make_rocksdb},
      {"sqlite", make_sqlite},
      {"duckdb", make_duckdb},
  };
  return all;
}

}  // namespace

bool agree(const Answer& a, const Answer& b) {
  return a.rows == b.rows && a.count == b.count && std::fabs(a.sum - b.sum) <= 1e-9 * std::fabs(a.sum);
}

void System::import_csv(const std::filesystem::path&, const std::filesystem::path&) {
  throw Error(ErrorCode::invalid_argument, name() + " has no import of CSV");
}

const std::vector<std::string>& system_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> n;
    for (const Known& k : known()) n.push_back(k.name);
    return n;
  }();
  return names;
}

std::vector<std::string> default_systems() {
  std::vector<std::string> names;
  for (const Known& k : known())
    if (k.by_default && (k.name != "duckdb" || duckdb_found())) names.push_back(k.name);
  return names;
}

std::unique_ptr<System> make_system(std::string_view name) {
  for (const Known& k : known())
    if (k.name == name) return k.make();
  throw Error(ErrorCode::invalid_argument, "no system is called " + std::string(name));
}

}  // namespace firn::bench
