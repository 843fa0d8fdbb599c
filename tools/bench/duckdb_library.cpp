#include "tools/bench/duckdb_library.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "schema/result.hpp"

namespace firn::bench {

namespace {

std::optional<duck::Library>& loaded() {
  static std::optional<duck::Library> library;
  return library;
}

class Symbols {
 public:
  explicit Symbols(void* file) : file_(file) {}
  template <class F>
  void find(F*& function, const char* name) {
    function = reinterpret_cast<F*>(::dlsym(file_, (std::string("duckdb_") + name).c_str()));
    if (function == nullptr && missing_.empty()) missing_ = name;
  }
  const std::string& missing() const { return missing_; }

 private:
  void* file_;
  std::string missing_;
};

std::string find_functions(Symbols& s, duck::Library& l) {
  s.find(l.library_version, "library_version");
  s.find(l.open, "open");
  s.find(l.close, "close");
  s.find(l.connect, "connect");
  s.find(l.disconnect, "disconnect");
  s.find(l.query, "query");
  s.find(l.result_error, "result_error");
  s.find(l.destroy_result, "destroy_result");
  s.find(l.fetch_chunk, "fetch_chunk");
  s.find(l.prepare, "prepare");
  s.find(l.destroy_prepare, "destroy_prepare");
  s.find(l.execute_prepared, "execute_prepared");
  s.find(l.bind_uint64, "bind_uint64");
  s.find(l.bind_int64, "bind_int64");
  s.find(l.bind_int32, "bind_int32");
  s.find(l.bind_double, "bind_double");
  s.find(l.bind_timestamp, "bind_timestamp");
  s.find(l.bind_varchar_length, "bind_varchar_length");
  s.find(l.appender_create, "appender_create");
  s.find(l.appender_destroy, "appender_destroy");
  s.find(l.append_data_chunk, "append_data_chunk");
  s.find(l.append_uint64, "append_uint64");
  s.find(l.append_int64, "append_int64");
  s.find(l.append_int32, "append_int32");
  s.find(l.append_double, "append_double");
  s.find(l.append_timestamp, "append_timestamp");
  s.find(l.append_varchar_length, "append_varchar_length");
  s.find(l.appender_end_row, "appender_end_row");
  s.find(l.create_logical_type, "create_logical_type");
  s.find(l.destroy_logical_type, "destroy_logical_type");
  s.find(l.vector_size, "vector_size");
  s.find(l.create_data_chunk, "create_data_chunk");
  s.find(l.destroy_data_chunk, "destroy_data_chunk");
  s.find(l.data_chunk_reset, "data_chunk_reset");
  s.find(l.data_chunk_set_size, "data_chunk_set_size");
  s.find(l.data_chunk_get_size, "data_chunk_get_size");
  s.find(l.data_chunk_get_vector, "data_chunk_get_vector");
  s.find(l.vector_get_data, "vector_get_data");
  s.find(l.vector_get_validity, "vector_get_validity");
  s.find(l.vector_ensure_validity_writable, "vector_ensure_validity_writable");
  s.find(l.vector_assign_string_element_len, "vector_assign_string_element_len");
  return s.missing();
}

/// Nothing if it was loaded, else why not.
std::string try_load(const std::filesystem::path& path) {
  void* file = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (file == nullptr) return ::dlerror();
  duck::Library library{};
  Symbols symbols(file);
  const std::string missing = find_functions(symbols, library);
  if (!missing.empty()) {
    ::dlclose(file);
    return path.string() + " has no duckdb_" + missing;
  }
  loaded() = library;
  return {};
}

std::vector<std::filesystem::path> usual_places() {
  constexpr const char* kName = "libduckdb.so";
  std::vector<std::filesystem::path> places;
  if (const char* given = std::getenv("FIRN_DUCKDB")) places.emplace_back(given);
  std::error_code ignored;
  places.push_back(std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / kName);
  places.push_back(std::filesystem::current_path(ignored) / "node_modules/@duckdb/node-bindings-linux-x64" /
                   kName);
  places.emplace_back(kName);  // without a folder: the system's
  return places;
}

}  // namespace

void load_duckdb(const std::filesystem::path& library) {
  if (!library.empty()) {
    // With a folder in it, or dlopen would look elsewhere.
    const std::string why = try_load(std::filesystem::absolute(library));
    if (!why.empty()) throw Error(ErrorCode::not_found, "DuckDB: " + why);
    return;
  }
  for (const auto& place : usual_places())
    if (try_load(place).empty()) return;
}

bool duckdb_found() { return loaded().has_value(); }
const duck::Library& duckdb_library() { return *loaded(); }

}  // namespace firn::bench
