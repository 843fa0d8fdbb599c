// Between messages and plain values.
#pragma once
#include "parcels.hpp"
#include "storage/table_store.hpp"

namespace firn::runtime {

/// A change as the public calls describe it.
struct Change {
  fb::CommitKind kind = fb::CommitKind::rows;
  WriteOptions options;
  std::vector<std::string> keys;  ///< encoded, for remove_keys
  std::string where;              ///< for remove_where
  HybridTableConfig config;       ///< for config
  std::string alter;              ///< for alter, as text
  storage::CursorRequest cursor;  ///< for cursor
  std::vector<storage::RowFileInfo> blocks;
  std::uint64_t ticket = 0, stream = 0;
};
flat<fb::CommitOrder> to_order(const Change& change);
/// The same order, now naming blocks instead of rows.
flat<fb::CommitOrder> with_blocks(const fb::CommitOrder& order, std::span<const storage::RowFileInfo> blocks);
/// The order and its rows as the store takes them. Errors {corrupt}, {parse}.
Result<storage::WriteRequest> to_store_request(const fb::CommitOrder& order, const ArrowBody& rows);

/// The options of a message; {invalid_argument} for a mode that is none.
Result<WriteOptions> write_options(const fb::WriteRequest& request);
Result<WriteOptions> write_options(const fb::RemoveRequest& request);

/// {invalid_argument} for a verb that is none.
Result<storage::CursorRequest> cursor_request(const fb::CursorRequest& request);
/// The same request, from a commit that is known by now.
flat<fb::ChangesRequest> go_on_from(const fb::ChangesRequest& request, Csn from);

Commit to_commit(const storage::CommitInfo& info);
CursorInfo to_cursor(const storage::CursorView& cursor);
TableStats to_stats(const storage::StoreStats& stats);

flat<fb::Commit> to_message(const Commit& commit);
flat<fb::Settled> to_message(const OptimizationResult& result);
flat<fb::Stats> to_message(const TableStats& stats);
flat<fb::GetAnswer> to_message(const std::optional<std::vector<Value>>& row);
flat<fb::QueryAnswer> to_message(const QueryResult& result);
flat<fb::ChangesAnswer> to_message(const ChangesResult& result);

flat<fb::Tick> make_tick(std::int64_t now_us);
flat<fb::Release> make_release(std::uint64_t ticket);

/// What a JobReport carries beside the store's figures.
struct JobContext {
  std::uint64_t table_id = 0, session = 0;
  StorageTier to = StorageTier::none;
  bool from_hot = false;
  std::string reason;
  std::int64_t now_us = 0;
  std::uint64_t settles_upto = 0;
};
JobContext context_of(const fb::JobOrder& order);
flat<fb::JobReport> to_message(const JobContext& context, const Result<storage::JobReport>& report);
flat<fb::JobOrder> to_message(const JobContext& context, const std::optional<storage::JobOrder>& order,
                              std::uint64_t bytes, std::uint8_t priority);
storage::JobOrder to_store_order(const fb::JobOrder& order);
/// Nothing is due.
bool is_settled(const fb::JobOrder& order);
/// A decision in words.
Decision to_decision(const fb::JobReport& report);

inline fb::Tier to_fb(StorageTier tier) { return static_cast<fb::Tier>(tier); }
/// none for numbers that are no tier.
StorageTier from_fb(fb::Tier tier);

}  // namespace firn::runtime
