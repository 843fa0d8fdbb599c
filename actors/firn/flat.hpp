// A FlatBuffers table as an immutable, shared message: a copy is one reference count, sending one copies nothing.
#pragma once
#include <flatbuffers/flatbuffers.h>

#include <caf/all.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace firn {

/// Depth and number of tables that a message may have.
inline constexpr unsigned kMessageDepthMax = 8;
inline constexpr unsigned kMessageTablesMax = 10'000;

/// Safe to read from any thread. Empty by default.
template <class T>
class flat {
 public:
  flat() noexcept = default;
  /// From a finished builder, without a copy; the builder is empty afterwards.
  static flat take(flatbuffers::FlatBufferBuilder& builder) {
    auto own = std::make_shared<flatbuffers::DetachedBuffer>(builder.Release());
    return flat{std::shared_ptr<const std::uint8_t>{own, own->data()}, own->size()};
  }
  /// From bytes of a stranger, 8-byte aligned: verified; empty if they are no T.
  static flat adopt(std::shared_ptr<const std::uint8_t> bytes, std::size_t size) {
    flatbuffers::Verifier v{bytes.get(), size, kMessageDepthMax, kMessageTablesMax};
    const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.get()) % 8 == 0;  // NOLINT
    if (!aligned || !v.VerifyBuffer<T>(nullptr)) return {};
    return flat{std::move(bytes), size};
  }
  explicit operator bool() const noexcept { return root_ != nullptr; }
  const T* operator->() const noexcept { return root_; }
  const T& operator*() const noexcept { return *root_; }
  const std::uint8_t* data() const noexcept { return bytes_.get(); }
  std::size_t size() const noexcept { return size_; }

  /// CAF's hook: prints, writes and reads (verifying) the bytes.
  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, flat& x) {
    if constexpr (std::is_base_of_v<caf::serializer, Inspector>) {
      auto n = x.size_;
      return caf::error::eval([&] { return f.begin_sequence(n); },
                              [&]() -> caf::error {
                                return n ? f.apply_raw(n, const_cast<std::uint8_t*>(x.data())) : caf::error{};
                              },
                              [&] { return f.end_sequence(); });
    } else if constexpr (std::is_base_of_v<caf::deserializer, Inspector>) {
      auto text = std::make_shared<std::string>();
      if (auto err = f.apply(*text)) return err;
      x = flat{};
      if (text->empty()) return caf::none;
      // operator new aligns by 16, a short string's own buffer by 8: adopt() checks.
      auto* p = reinterpret_cast<const std::uint8_t*>(text->data());  // NOLINT
      const auto n = text->size();
      x = adopt(std::shared_ptr<const std::uint8_t>{std::move(text), p}, n);
      if (!x) return caf::make_error(caf::sec::invalid_argument, "not a sound FlatBuffers message");
      return caf::none;
    } else {
      return f(caf::meta::type_name("flat"), x.size_);
    }
  }

 private:
  flat(std::shared_ptr<const std::uint8_t> bytes, std::size_t size)
      : bytes_(std::move(bytes)), size_(size), root_(flatbuffers::GetRoot<T>(bytes_.get())) {}
  std::shared_ptr<const std::uint8_t> bytes_;
  std::size_t size_ = 0;
  const T* root_ = nullptr;
};

/// Builds a flat<T>: make_flat<fb::Tick>([&](auto& b) { return fb::CreateTick(b, now); }).
template <class T, class Build>
flat<T> make_flat(Build&& build, std::size_t bytes_hint = 256) {
  flatbuffers::FlatBufferBuilder b(bytes_hint);
  b.Finish(build(b));
  return flat<T>::take(b);
}

}  // namespace firn
