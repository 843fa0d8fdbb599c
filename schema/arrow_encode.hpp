// Pieces of the IPC encoder that messages, streams and files share. Not part of the public interface.
#pragma once
#include <optional>

#include "schema/arrow_generated.h"
#include "schema/arrow_ipc.hpp"

namespace firn::arrow {

inline constexpr std::size_t kIpcAlignment = 64;
inline constexpr std::uint32_t kContinuation = 0xFFFFFFFF;
inline constexpr std::string_view kFileMagic = "ARROW1";
inline constexpr std::size_t kFileHeadBytes = 8;  ///< the magic, padded

/// How a column is written: plain, or as codes into dictionary `id`.
struct FieldForm {
  std::optional<std::int64_t> dictionary_id;
};

/// forms: one a column, or empty for all plain.
flatbuffers::Offset<arrowfb::Schema> build_schema(flatbuffers::FlatBufferBuilder& fbb, const Schema& schema,
                                                  std::span<const FieldForm> forms);
EncodedMessage encode_schema(const Schema& schema, std::span<const FieldForm> forms);
/// Columns in dictionary form are written as their codes here: plain them before, or send the dictionary.
EncodedMessage encode_record_batch(std::int64_t rows, std::span<const Column> columns);
EncodedMessage encode_dictionary_batch(std::int64_t id, const Column& values, bool is_delta);
/// The shared zero bytes that pad `length` to a multiple of kIpcAlignment; empty if it is one.
Buffer padding_for(std::uint64_t length);

}  // namespace firn::arrow
