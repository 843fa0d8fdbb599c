#include "storage/cold/codecs/dictionary_reader.hpp"

#include <algorithm>

namespace firn::storage::cold {
namespace {
Error bad_code() { return damaged("code beyond the dictionary"); }
}  // namespace

Result<void> IntDictionaryReader::load() const {
  const std::lock_guard lock(mutex_);
  if (!loaded_.empty()) return {};
  std::vector<std::uint64_t> entries(size_);
  FIRN_TRY(entries_->read(0, size_, entries.data()));
  loaded_ = std::move(entries);
  return {};
}

Result<void> IntDictionaryReader::read(std::size_t first, std::size_t n, std::uint64_t* out) const {
  FIRN_TRY(codes_->read(first, n, out));
  FIRN_TRY(load());
  for (std::size_t i = 0; i < n; ++i) {
    if (out[i] >= size_) return bad_code();
    out[i] = loaded_[out[i]];
  }
  return {};
}

Result<std::uint64_t> IntDictionaryReader::at(std::size_t i, PointScratch& scratch) const {
  FIRN_ASSIGN(const std::uint64_t code, codes_->at(i, scratch));
  if (code >= size_) return bad_code();
  return entries_->at(code, scratch);
}

Result<void> StringDictionaryReader::load(std::uint64_t bytes_max) const {
  const std::lock_guard lock(mutex_);
  if (loaded_) return {};
  auto entries = std::make_unique<StringSink>(bytes_max);
  FIRN_TRY(entries_->read(0, size_, *entries));
  loaded_ = std::move(entries);
  return {};
}

Result<void> StringDictionaryReader::read(std::size_t first, std::size_t n, StringSink& out) const {
  FIRN_TRY(load(out.bytes_max()));
  std::uint64_t codes[kBlockValues];
  while (n > 0) {
    const std::size_t m = std::min(n, kBlockValues);
    FIRN_TRY(codes_->read(first, m, codes));
    for (std::size_t i = 0; i < m; ++i) {
      if (codes[i] >= size_) return bad_code();
      FIRN_TRY(out.append(loaded_->at(codes[i])));
    }
    first += m, n -= m;
  }
  return {};
}

Result<void> StringDictionaryReader::at(std::size_t i, std::string& out, PointScratch& scratch) const {
  FIRN_ASSIGN(const std::uint64_t code, codes_->at(i, scratch));
  if (code >= size_) return bad_code();
  return entries_->at(code, out, scratch);
}

}  // namespace firn::storage::cold
