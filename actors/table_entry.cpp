#include "commit_line.hpp"
#include "table_addresses.hpp"
#include "table_directory.hpp"

namespace firn::runtime {

TableEntry::TableEntry(std::uint64_t table_id, std::string table_name)
    : id(table_id),
      name(std::move(table_name)),
      line(std::make_unique<CommitLine>()),
      addresses(std::make_unique<TableAddresses>()) {}

TableEntry::~TableEntry() = default;

std::shared_ptr<ByteGate> TableEntry::write_gate() {
  const std::lock_guard hold(mutex_);
  return gate_;
}

void TableEntry::set_write_gate(std::uint64_t bytes) {
  const std::lock_guard hold(mutex_);
  if (!gate_) gate_ = std::make_shared<ByteGate>(bytes);
}

std::string TableEntry::write_stop() const {
  const std::lock_guard hold(mutex_);
  return write_stop_;
}

void TableEntry::stop_writes(std::string reason) {
  const std::lock_guard hold(mutex_);
  if (write_stop_.empty()) write_stop_ = std::move(reason);
}

std::optional<Schema> TableEntry::schema() const {
  const std::lock_guard hold(mutex_);
  return schema_;
}

void TableEntry::set_schema(const std::function<Schema()>& newest) {
  const std::lock_guard hold(mutex_);
  schema_ = newest();
}

}  // namespace firn::runtime
