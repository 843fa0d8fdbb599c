// EXPLAIN's lines.
#pragma once
#include "firn/firn.hpp"
#include "storage/table_store.hpp"

namespace firn::runtime {

/// `analyzed`: the query ran, so there are times and row counts to show.
StoragePlan to_plan(const storage::QueryProfile& profile, bool analyzed);

}  // namespace firn::runtime
