// Shared, immutable bytes, 64-byte aligned where firn allocates them (Arrow's recommendation).
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace firn {

inline constexpr std::size_t kBufferAlignment = 64;

/// A view of bytes plus whatever keeps them alive. A copy is one reference count. Safe to read from any thread.
class Buffer {
 public:
  Buffer() = default;
  Buffer(std::shared_ptr<const void> owner, const std::uint8_t* data, std::size_t size)
      : owner_(std::move(owner)), data_(data), size_(size) {}

  const std::uint8_t* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::span<const std::uint8_t> bytes() const noexcept { return {data_, size_}; }
  const std::shared_ptr<const void>& owner() const noexcept { return owner_; }
  /// Shares the bytes [offset, offset + length).
  Buffer slice(std::size_t offset, std::size_t length) const { return {owner_, data_ + offset, length}; }
  /// The bytes as values of T. Requires alignment of the data for T.
  template <class T>
  std::span<const T> as() const noexcept {
    return {reinterpret_cast<const T*>(data_), size_ / sizeof(T)};  // NOLINT: Arrow buffers are raw bytes
  }

 private:
  std::shared_ptr<const void> owner_;
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

namespace detail {
/// Indeterminate bytes, 64-byte aligned, given back by the last owner. Throws std::bad_alloc.
std::shared_ptr<std::uint8_t> allocate_bytes(std::size_t size);
}  // namespace detail

/// Growable 64-byte aligned bytes; freeze() turns them into a Buffer without a copy. Owned by one thread.
class MutableBuffer {
 public:
  MutableBuffer() = default;
  explicit MutableBuffer(std::size_t size) { resize(size); }

  std::uint8_t* data() noexcept { return data_.get(); }
  const std::uint8_t* data() const noexcept { return data_.get(); }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }
  void reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    std::size_t grown = capacity_ * 2 > capacity ? capacity_ * 2 : capacity;
    grown = (grown + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
    std::shared_ptr<std::uint8_t> bigger = detail::allocate_bytes(grown);
    if (size_ != 0) std::memcpy(bigger.get(), data_.get(), size_);
    data_ = std::move(bigger);
    capacity_ = grown;
  }
  /// New bytes are zero.
  void resize(std::size_t size) {
    reserve(size);
    if (size > size_) std::memset(data_.get() + size_, 0, size - size_);
    size_ = size;
  }
  /// New bytes are indeterminate.
  void resize_uninitialized(std::size_t size) {
    reserve(size);
    size_ = size;
  }
  void append(const void* bytes, std::size_t n) {
    if (n == 0) return;
    reserve(size_ + n);
    std::memcpy(data_.get() + size_, bytes, n);
    size_ += n;
  }
  template <class T>
  void push(T value) {
    append(&value, sizeof value);
  }
  template <class T>
  T* as() noexcept {
    return reinterpret_cast<T*>(data_.get());  // NOLINT: Arrow buffers are raw bytes
  }
  /// Gives the bytes away; this object is empty afterwards.
  Buffer freeze() {
    Buffer b(data_, data_.get(), size_);
    data_.reset();
    size_ = capacity_ = 0;
    return b;
  }

 private:
  std::shared_ptr<std::uint8_t> data_;
  std::size_t size_ = 0, capacity_ = 0;
};

// Arrow bitmaps: bit i is bit (i % 8) of byte i / 8, least significant first.
inline bool bit_at(const std::uint8_t* bits, std::size_t i) noexcept { return (bits[i >> 3] >> (i & 7)) & 1; }
inline void set_bit(std::uint8_t* bits, std::size_t i) noexcept {
  bits[i >> 3] = static_cast<std::uint8_t>(bits[i >> 3] | (1U << (i & 7)));
}
inline void clear_bit(std::uint8_t* bits, std::size_t i) noexcept {
  bits[i >> 3] = static_cast<std::uint8_t>(bits[i >> 3] & ~(1U << (i & 7)));
}
constexpr std::size_t bitmap_bytes(std::size_t bits) noexcept { return (bits + 7) / 8; }

}  // namespace firn
