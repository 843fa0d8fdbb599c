// The kinds of row sources, for open_rows() only.
#pragma once
#include <vector>

#include "io/decompress.hpp"
#include "io/row_source.hpp"

namespace firn::io {

/// A byte source whose first piece has been looked at.
class ByteInput {
 public:
  explicit ByteInput(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}
  Result<void> look_ahead();
  std::span<const std::uint8_t> head() const { return head_; }
  /// As ByteSource::next(), the head first.
  Result<std::span<const std::uint8_t>> next();
  std::uint64_t consumed() const { return source_->consumed(); }

 private:
  std::unique_ptr<ByteSource> source_;
  std::vector<std::uint8_t> head_;
  bool first_ = true;
};

std::unique_ptr<RowSource> open_text_rows(std::unique_ptr<ByteInput> input, const RowSourceOptions& options,
                                          RowFormat format);
std::unique_ptr<RowSource> open_arrow_rows(std::unique_ptr<ByteInput> input, const RowSourceOptions& options);

}  // namespace firn::io
