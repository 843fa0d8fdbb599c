// Makes ThreadSanitizer see what CAF synchronises. Part of the actor tests in the tsan preset only.
//
// Debian's libcaf_core is not instrumented, so TSan misses that a message handed over through a mailbox is a
// hand-over, and reports dozens of races that are none. The functions below bear the names of the library's
// own; symbols of an executable pre-empt those of a shared library, so every call passes here first. Each
// tells TSan what is published (release) or taken over (acquire), then calls the original. A race between two
// actors that share state without a message is still found.
#include <dlfcn.h>

#include <caf/all.hpp>
#include <cstdlib>
#include <cstring>

extern "C" void __tsan_acquire(void*);  // NOLINT(bugprone-reserved-identifier): TSan's own names
extern "C" void __tsan_release(void*);  // NOLINT(bugprone-reserved-identifier)

namespace {

/// The library's function of that mangled name. Member functions are called with `this` as first argument,
/// and arguments passed by value that have destructors by address, as the Itanium C++ ABI does.
template <class Function>
Function original(const char* symbol) {
  void* address = dlsym(RTLD_NEXT, symbol);
  if (address == nullptr) std::abort();
  Function function;
  std::memcpy(&function, &address, sizeof function);
  return function;
}

}  // namespace

namespace caf {

void scheduled_actor::enqueue(mailbox_element_ptr element, execution_unit* unit) {
  static const auto next = original<void (*)(scheduled_actor*, mailbox_element_ptr*, execution_unit*)>(
      "_ZN3caf15scheduled_actor7enqueueESt10unique_ptrINS_15mailbox_elementENS_6detail8disposerEEPNS_"
      "14execution_unitE");
  __tsan_release(element.get());
  __tsan_release(this);
  next(this, &element, unit);
}

void blocking_actor::enqueue(mailbox_element_ptr element, execution_unit* unit) {
  static const auto next = original<void (*)(blocking_actor*, mailbox_element_ptr*, execution_unit*)>(
      "_ZN3caf14blocking_actor7enqueueESt10unique_ptrINS_15mailbox_elementENS_6detail8disposerEEPNS_"
      "14execution_unitE");
  __tsan_release(element.get());
  next(this, &element, unit);
}

scheduled_actor::activation_result scheduled_actor::reactivate(mailbox_element& element) {
  static const auto next = original<activation_result (*)(scheduled_actor*, mailbox_element*)>(
      "_ZN3caf15scheduled_actor10reactivateERNS_15mailbox_elementE");
  __tsan_acquire(&element);
  const auto result = next(this, &element);
  __tsan_release(&element);
  // Inside resume() the actor may find its mailbox empty and be woken by another thread before resume() returns here,
  // so what the handler did is published now.
  __tsan_release(this);
  return result;
}

intrusive::task_result blocking_actor::mailbox_visitor::operator()(mailbox_element& element) {
  static const auto next = original<intrusive::task_result (*)(mailbox_visitor*, mailbox_element*)>(
      "_ZN3caf14blocking_actor15mailbox_visitorclERNS_15mailbox_elementE");
  __tsan_acquire(&element);
  const auto result = next(this, &element);
  __tsan_release(&element);
  return result;
}

mailbox_element_ptr blocking_actor::dequeue() {
  static const auto next =
      original<mailbox_element_ptr (*)(blocking_actor*)>("_ZN3caf14blocking_actor7dequeueEv");
  auto element = next(this);
  __tsan_acquire(element.get());
  return element;
}

resumable::resume_result scheduled_actor::resume(execution_unit* unit, size_t throughput) {
  static const auto next = original<resume_result (*)(scheduled_actor*, execution_unit*, size_t)>(
      "_ZN3caf15scheduled_actor6resumeEPNS_14execution_unitEm");
  __tsan_acquire(this);
  const auto result = next(this, unit, throughput);
  __tsan_release(this);
  return result;
}

void scheduled_actor::launch(execution_unit* unit, bool lazy, bool hide) {
  static const auto next = original<void (*)(scheduled_actor*, execution_unit*, bool, bool)>(
      "_ZN3caf15scheduled_actor6launchEPNS_14execution_unitEbb");
  __tsan_release(this);
  next(this, unit, lazy, hide);
}

void local_actor::on_destroy() {
  static const auto next = original<void (*)(local_actor*)>("_ZN3caf11local_actor10on_destroyEv");
  __tsan_acquire(ctrl());
  next(this);
}

// The last reference destroys: everything done under earlier references happened before.
void intrusive_ptr_release(actor_control_block* block) {
  static const auto next =
      original<void (*)(actor_control_block*)>("_ZN3caf21intrusive_ptr_releaseEPNS_19actor_control_blockE");
  __tsan_acquire(block);
  __tsan_release(block);
  next(block);
}

void intrusive_ptr_release_weak(actor_control_block* block) {
  static const auto next = original<void (*)(actor_control_block*)>(
      "_ZN3caf26intrusive_ptr_release_weakEPNS_19actor_control_blockE");
  __tsan_acquire(block);
  __tsan_release(block);
  next(block);
}

}  // namespace caf
