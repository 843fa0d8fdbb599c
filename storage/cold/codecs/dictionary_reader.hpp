// Readers of the dictionary encodings; apart so that columns can be handed out in dictionary form.
#pragma once
#include <mutex>
#include <optional>

#include "storage/cold/encoding.hpp"

namespace firn::storage::cold {

class IntDictionaryReader final : public IntReader {
 public:
  IntDictionaryReader(std::size_t size, IntReaderPtr entries, IntReaderPtr codes)
      : size_(size), entries_(std::move(entries)), codes_(std::move(codes)) {}
  Result<void> read(std::size_t first, std::size_t n, std::uint64_t* out) const override;
  Result<std::uint64_t> at(std::size_t i, PointScratch& scratch) const override;
  IntDictionary parts() const { return {entries_.get(), codes_.get(), size_}; }

 private:
  Result<void> load() const;
  std::size_t size_;
  IntReaderPtr entries_, codes_;
  mutable std::mutex mutex_;
  mutable std::vector<std::uint64_t> loaded_;  ///< all entries, at the first long read
};

class StringDictionaryReader final : public StringReader {
 public:
  StringDictionaryReader(std::size_t size, StringReaderPtr entries, IntReaderPtr codes)
      : size_(size), entries_(std::move(entries)), codes_(std::move(codes)) {}
  Result<void> read(std::size_t first, std::size_t n, StringSink& out) const override;
  Result<void> at(std::size_t i, std::string& out, PointScratch& scratch) const override;
  StringDictionary parts() const { return {entries_.get(), codes_.get(), size_}; }

 private:
  Result<void> load(std::uint64_t bytes_max) const;
  std::size_t size_;
  StringReaderPtr entries_;
  IntReaderPtr codes_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<StringSink> loaded_;
};

}  // namespace firn::storage::cold
