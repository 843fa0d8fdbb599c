#include "schema/buffer.hpp"

#include <sys/mman.h>

#include <new>

namespace firn::detail {
namespace {

// Large buffers are mappings of their own, which go back to the system with their last owner. From the heap they would
// teach glibc to keep as much free for every thread: its threshold for mappings follows what was freed.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMapLarge = false;  // the sanitizers watch the heap
#else
constexpr bool kMapLarge = true;
#endif
constexpr std::size_t kMapBytesMin = std::size_t{1} << 20;

std::shared_ptr<std::uint8_t> map_bytes(std::size_t size) {
  void* p = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  return {static_cast<std::uint8_t*>(p), [size](std::uint8_t* bytes) { ::munmap(bytes, size); }};
}

}  // namespace

std::shared_ptr<std::uint8_t> allocate_bytes(std::size_t size) {
  if (kMapLarge && size >= kMapBytesMin) return map_bytes(size);
  return {static_cast<std::uint8_t*>(::operator new (size, std::align_val_t{kBufferAlignment})),
          [](std::uint8_t* p) { ::operator delete (p, std::align_val_t{kBufferAlignment}); }};
}

}  // namespace firn::detail
