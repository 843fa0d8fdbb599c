// Encoded bytes: written at the end of a growing string, read through a source that may fetch them at first
// use.
#pragma once
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>

#include "schema/result.hpp"

namespace firn::storage::cold {

using ByteString = std::string;

template <class T>
void put(ByteString& out, T v) {
  static_assert(std::is_trivially_copyable_v<T>);
  char b[sizeof v];
  std::memcpy(b, &v, sizeof v);
  out.append(b, sizeof v);
}
template <class T>
T load(const std::uint8_t* p) noexcept {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

/// Where encoded bytes come from. Thread-safe; a returned pointer lives as long as the source.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// `length` bytes at `offset`, checked. Requires the range to lie inside the source (Bytes sees to that).
  virtual Result<const std::uint8_t*> get(std::uint64_t offset, std::uint64_t length) const = 0;
};

/// Bytes that are in memory.
class SpanSource final : public ByteSource {
 public:
  explicit SpanSource(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  Result<const std::uint8_t*> get(std::uint64_t offset, std::uint64_t) const override {
    return bytes_.data() + offset;
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

inline Error damaged(std::string_view what) {
  return {ErrorCode::corrupt, "encoded column is damaged: " + std::string(what)};
}

/// A range of a source. The source must outlive it.
struct Bytes {
  const ByteSource* source = nullptr;
  std::uint64_t offset = 0, length = 0;

  Result<const std::uint8_t*> get(std::uint64_t at, std::uint64_t n) const {
    if (at > length || n > length - at) return damaged("bytes end early");
    return source->get(offset + at, n);
  }
};

/// Reads a node's parameters front to back. The first failure sticks; check() tells.
class NodeParser {
 public:
  explicit NodeParser(Bytes bytes, std::uint64_t at = 0) : bytes_(bytes), at_(at) {}
  template <class T>
  T take() {
    T v{};
    if (const std::uint8_t* p = fetch(sizeof v)) std::memcpy(&v, p, sizeof v);
    return v;
  }
  std::string take_string(std::size_t n) {
    const std::uint8_t* p = fetch(n);
    return p == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(p), n);  // NOLINT
  }
  /// A child node: u32 length, bytes.
  Bytes child() { return take_bytes(take<std::uint32_t>()); }
  Bytes take_bytes(std::uint64_t n) {
    if (error_ || n > bytes_.length - at_) {
      fail(damaged("a part is longer than the whole"));
      return {bytes_.source, bytes_.offset, 0};
    }
    Bytes b{bytes_.source, bytes_.offset + at_, n};
    at_ += n;
    return b;
  }
  Bytes rest() { return take_bytes(error_ ? 0 : bytes_.length - at_); }
  Result<void> check() const {
    if (error_) return *error_;
    return {};
  }
  void fail(Error e) {
    if (!error_) error_ = std::move(e);
  }

 private:
  const std::uint8_t* fetch(std::size_t n) {
    if (error_) return nullptr;
    auto p = bytes_.get(at_, n);
    if (!p) {
      error_ = p.error();
      return nullptr;
    }
    at_ += n;
    return *p;
  }
  Bytes bytes_;
  std::uint64_t at_;
  std::optional<Error> error_;
};

/// Appends a child node: u32 length, bytes.
inline void put_child(ByteString& out, const ByteString& child) {
  put(out, static_cast<std::uint32_t>(child.size()));
  out += child;
}

}  // namespace firn::storage::cold
