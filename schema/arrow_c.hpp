// Arrow's C Data and C Stream interfaces (https://arrow.apache.org/docs/format/CDataInterface.html): batches
// handed to, or taken from, any Arrow library in the process, without copying their buffers.
#pragma once
#include <cstdint>
#include <vector>

#include "schema/batch.hpp"

extern "C" {
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};
#endif  // ARROW_C_DATA_INTERFACE

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};
#endif  // ARROW_C_STREAM_INTERFACE
}

namespace firn::arrow {

/// Fills `out` with a stream of these batches, all of `schema`. The buffers live until the last array is
/// released. Columns in dictionary form become plain. `out` must be released by its holder (out->release).
void export_stream(const Schema& schema, std::vector<Batch> batches, ArrowArrayStream* out);

/// Takes all batches of the stream and releases it, also on error. Buffers are shared where firn's layout is
/// the producer's (offset 0 of a bitmap's byte), else copied. The types are those of ArrowReader, without its
/// conversions: {unsupported} names the column. The producer is trusted for addresses; offsets and UTF-8 are
/// checked as by Batch::make. Error {io} carries the producer's own message.
Result<std::vector<Batch>> import_stream(ArrowArrayStream* stream);

}  // namespace firn::arrow
