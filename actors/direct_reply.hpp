// Answers to programs' requests that somebody else gives: a reply slot whose answer goes straight to the sender, from
// whatever thread it comes, without passing the actor that took the request.
#pragma once
#include "caf_runtime.hpp"
#include "firn/messages.hpp"
#include "reply_slot.hpp"

namespace firn::runtime {

/// A slot for the request that `self` is handling. `encode` turns the value into the answer's caf::message. The handler
/// returns caf::delegated<...>.
template <class T, class Self, class Encode>
ReplySlot<T> direct_reply(Self* self, Encode encode) {
  // Taking the promise marks the request as answered for CAF; the slot does what the promise would do.
  const caf::message_id id = self->current_message_id().response_id();
  auto sender = self->current_sender();
  auto me = caf::actor_cast<caf::strong_actor_ptr>(self);
  (void)self->make_response_promise();
  return ReplySlot<T>([id, sender, me, encode](Result<T> answer) {
    if (!sender) return;
    caf::message content = answer ? encode(std::move(*answer)) : caf::make_message(to_caf(answer.error()));
    sender->enqueue(me, id, std::move(content), nullptr);
  });
}

/// A program's message that did not pass the verifier is an empty flat<T>: nothing can be read from it.
inline Error unsound_message() {
  return {ErrorCode::invalid_argument,
          "the request is empty: its bytes are no sound FlatBuffers message of its type"};
}

/// True if there is nothing to read; the slot is answered then.
template <class Request, class Slot>
bool unsound(const flat<Request>& request, const Slot& slot) {
  if (!request) slot.deliver(unsound_message());
  return !request;
}

}  // namespace firn::runtime
