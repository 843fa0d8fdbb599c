// firn by messages: everything that firn.hpp does, for programs that are actors themselves.
//
// A table's actor takes flat<fb::...> requests, rows beside them as an ArrowBody, and answers likewise; errors come as
// caf::error (to_error() turns them into firn's). It may be used from any actor system of the process. Writes that one
// actor sends without waiting commit in the order sent. Unanswered writes are bounded in bytes: above
// tuning.write_buffer_size (64 MiB for large batches) the answer is {busy}.
#pragma once
#include <caf/all.hpp>
#include <memory>

#include "firn/firn.hpp"
#include "firn/flat.hpp"
#include "schema/messages_generated.h"

namespace firn {

/// Rows beside a message: Arrow columns in shared, 64-byte aligned buffers, either decoded (a Batch) or as the bytes of
/// an Arrow IPC stream or file. A copy is one reference count; safe from any thread.
class ArrowBody {
 public:
  ArrowBody() = default;
  explicit ArrowBody(Batch rows);
  /// Bytes of an IPC stream or file; looked at only when batch() is called.
  explicit ArrowBody(Buffer ipc_bytes);
  bool empty() const noexcept { return state_ == nullptr; }
  /// True if batch() costs nothing.
  bool is_decoded() const noexcept;
  std::size_t byte_size() const noexcept;
  /// The rows. Errors {corrupt}, {unsupported}, {invalid_argument} for an empty body.
  Result<Batch> batch() const;
  /// As an IPC stream.
  Result<Buffer> stream() const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

/// So many ChangesRequests may wait for a commit of one table; above it the answer is {busy}.
inline constexpr std::size_t kWaitingReadersMax = 1'024;

using TableActor = caf::typed_actor<
    caf::replies_to<flat<fb::WriteRequest>, ArrowBody>::with<flat<fb::Commit>>,
    caf::replies_to<flat<fb::RemoveRequest>>::with<flat<fb::Commit>>,
    caf::replies_to<flat<fb::AlterRequest>>::with<flat<fb::Commit>>,
    caf::replies_to<flat<fb::QueryRequest>>::with<flat<fb::QueryAnswer>, ArrowBody>,
    // Errors as HybridTable::changes(); {not_found} the cursor; {closed} while it waits; {busy}: see kWaitingReadersMax.
    caf::replies_to<flat<fb::ChangesRequest>>::with<flat<fb::ChangesAnswer>, ArrowBody>,
    caf::replies_to<flat<fb::CursorRequest>>::with<flat<fb::Commit>>,
    caf::replies_to<flat<fb::GetRequest>>::with<flat<fb::GetAnswer>>,
    caf::replies_to<flat<fb::CompactRequest>>::with<flat<fb::Settled>>,
    caf::replies_to<flat<fb::OptimizeRequest>>::with<flat<fb::Settled>>,
    caf::replies_to<flat<fb::StatsRequest>>::with<flat<fb::Stats>>,
    // The sender then gets flat<fb::CommitEvent> messages, one a credit; asking again adds credit.
    caf::replies_to<flat<fb::SubscribeRequest>>::with<flat<fb::Subscribed>>>;

/// Creates and opens tables by message.
using DatabaseActor = caf::typed_actor<caf::replies_to<flat<fb::CreateTableRequest>>::with<TableActor>,
                                       caf::replies_to<flat<fb::OpenTableRequest>>::with<TableActor>>;

/// An empty handle after close(), or if the table's actors could not be started. The handle stays valid until the
/// database closes; drop it before destroying your own actor system.
TableActor actor_of(const HybridTable& table);
DatabaseActor actor_of(const Database& db);

/// What HybridTable::actor() calls.
struct TableActorAccess {
  static TableActor actor(const HybridTable& table) { return actor_of(table); }
  static DatabaseActor actor(const Database& db) { return actor_of(db); }
  static const std::shared_ptr<runtime::DatabaseCore>& core(const Database& db) { return db.core_; }
  static const std::shared_ptr<runtime::TableCore>& core(const HybridTable& table) { return table.core_; }
  static Database database(std::shared_ptr<runtime::DatabaseCore> core);
  static HybridTable table(std::shared_ptr<runtime::TableCore> core);
};

/// Errors cross messages as caf::error of the category "firn" with the text as context.
caf::error to_caf(const Error& error);
Error to_error(const caf::error& error);
/// For a host's caf::actor_system_config: cfg.add_error_category(caf::atom("firn"), firn::render_error).
std::string render_error(std::uint8_t code, caf::atom_value category, const caf::message& context);

/// Value and row as messages hold them.
flatbuffers::Offset<fb::Cell> to_cell(flatbuffers::FlatBufferBuilder& b, const Value& value);
flatbuffers::Offset<fb::Row> to_row(flatbuffers::FlatBufferBuilder& b, std::span<const Value> values);
/// {invalid_argument} for types and sizes that are none.
Result<Value> from_cell(const fb::Cell& cell);
Result<std::vector<Value>> from_row(const fb::Row& row);

}  // namespace firn

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(firn::ArrowBody)
