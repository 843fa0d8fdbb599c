#include "tools/bench/system.hpp"

namespace firn::bench {

namespace {

struct Known {
  std::string name;
  std::unique_ptr<System> (*make)();
};
const std::vector<Known>& known() {
  static const std::vector<Known> all = {
      {"firn-store", make_firn_store}, {"lmdb", make_lmdb}, {"rocksdb", make_rocksdb}};
  return all;
}

}  // namespace

const std::vector<std::string>& system_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> n;
    for (const Known& k : known()) n.push_back(k.name);
    return n;
  }();
  return names;
}

std::unique_ptr<System> make_system(std::string_view name) {
  for (const Known& k : known())
    if (k.name == name) return k.make();
  throw Error(ErrorCode::invalid_argument, "no system is called " + std::string(name));
}

}  // namespace firn::bench
