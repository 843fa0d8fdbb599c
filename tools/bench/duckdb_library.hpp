// DuckDB's shared library, loaded while the program runs, so that nothing needs it to be built. The declarations state
// what its documentation publishes of the C interface (https://duckdb.org/docs/stable/clients/c/api): names, arguments
// and the few structs that cross it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace firn::bench {

namespace duck {

using Handle = void*;  ///< database, connection, statement, appender, chunk, vector, type: all are pointers
using State = int;     ///< 0 is success
inline constexpr State kSuccess = 0;

/// Filled by query() and execute(); its own fields are not for us.
struct ResultData {
  std::uint64_t fields[3];
  void* pointers[3];
};
struct Timestamp {
  std::int64_t us;
};
enum Type : int { kInteger = 4, kBigint = 5, kUbigint = 9, kDouble = 11, kTimestamp = 12, kVarchar = 17 };

/// The functions that the benchmark calls, `duckdb_` before their names.
struct Library {
  const char* (*library_version)();
  State (*open)(const char* path, Handle* database);
  void (*close)(Handle* database);
  State (*connect)(Handle database, Handle* connection);
  void (*disconnect)(Handle* connection);

  State (*query)(Handle connection, const char* sql, ResultData* result);
  const char* (*result_error)(ResultData* result);
  void (*destroy_result)(ResultData* result);
  Handle (*fetch_chunk)(ResultData result);  ///< null at the end

  State (*prepare)(Handle connection, const char* sql, Handle* statement);
  void (*destroy_prepare)(Handle* statement);
  State (*execute_prepared)(Handle statement, ResultData* result);
  State (*bind_uint64)(Handle statement, std::uint64_t at, std::uint64_t v);
  State (*bind_int64)(Handle statement, std::uint64_t at, std::int64_t v);
  State (*bind_int32)(Handle statement, std::uint64_t at, std::int32_t v);
  State (*bind_double)(Handle statement, std::uint64_t at, double v);
  State (*bind_timestamp)(Handle statement, std::uint64_t at, Timestamp v);
  State (*bind_varchar_length)(Handle statement, std::uint64_t at, const char* text, std::uint64_t bytes);

  State (*appender_create)(Handle connection, const char* schema, const char* table, Handle* appender);
  State (*appender_destroy)(Handle* appender);  ///< flushes first
  State (*append_data_chunk)(Handle appender, Handle chunk);
  State (*append_uint64)(Handle appender, std::uint64_t v);
  State (*append_int64)(Handle appender, std::int64_t v);
  State (*append_int32)(Handle appender, std::int32_t v);
  State (*append_double)(Handle appender, double v);
  State (*append_timestamp)(Handle appender, Timestamp v);
  State (*append_varchar_length)(Handle appender, const char* text, std::uint64_t bytes);
  State (*appender_end_row)(Handle appender);

  Handle (*create_logical_type)(Type type);
  void (*destroy_logical_type)(Handle* type);
  std::uint64_t (*vector_size)();  ///< rows of a chunk at most
  Handle (*create_data_chunk)(Handle* types, std::uint64_t columns);
  void (*destroy_data_chunk)(Handle* chunk);
  void (*data_chunk_reset)(Handle chunk);
  void (*data_chunk_set_size)(Handle chunk, std::uint64_t rows);
  std::uint64_t (*data_chunk_get_size)(Handle chunk);
  Handle (*data_chunk_get_vector)(Handle chunk, std::uint64_t column);
  void* (*vector_get_data)(Handle vector);
  std::uint64_t* (*vector_get_validity)(Handle vector);
  void (*vector_ensure_validity_writable)(Handle vector);
  void (*vector_assign_string_element_len)(Handle vector, std::uint64_t row, const char* text,
                                           std::uint64_t bytes);
};

}  // namespace duck

/// Loads this library, which must be there; or, for "", the first that is found: $FIRN_DUCKDB, beside this program, in
/// node_modules/@duckdb/node-bindings-linux-x64 below the working folder, where the system looks for libraries.
/// Error {not_found} for a path that cannot be loaded. Call before any other thread runs.
void load_duckdb(const std::filesystem::path& library);
bool duckdb_found();
/// Requires duckdb_found().
const duck::Library& duckdb_library();

}  // namespace firn::bench
