#include "table_directory.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "name_match.hpp"

namespace firn::runtime {
namespace {

// LMDB takes 3 MiB of heap for an environment that may write, and what its neighbours in the heap cost comes on top:
// 40 open tables were seen to hold 200 MiB.
constexpr std::size_t kOpenMax = 40;
constexpr std::size_t kDescriptorsPerTable = 8;
constexpr std::size_t kNameBytesMax = 255;
constexpr auto kDropPatience = std::chrono::seconds(5);
constexpr auto kPollInterval = std::chrono::milliseconds(2);

/// What was read is remembered over a close. A hint: losing it is no reason to fail.
void keep_access(storage::TableStore& store) {
  const auto files = store.files();
  if (std::any_of(files.begin(), files.end(), [](const auto& f) { return f.access.reads != 0; }))
    (void)store.save_access();
}

Error closed_error() { return {ErrorCode::closed, "the database is closed"}; }

Result<void> check_name(const std::string& name) {
  const bool printable =
      std::none_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (!name.empty() && name.size() <= kNameBytesMax && printable) return {};
  return Error(ErrorCode::invalid_argument, "a table's name has 1 to 255 bytes and no control characters");
}

}  // namespace

std::size_t default_open_max() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kOpenMax / 8;
  const std::size_t by_files = static_cast<std::size_t>(limit.rlim_cur) / 2 / kDescriptorsPerTable;
  return std::clamp<std::size_t>(by_files, 4, kOpenMax);
}

TableDirectory::TableDirectory(std::shared_ptr<io::Disk> disk, DirectoryOptions options)
    : disk_(std::move(disk)), options_(std::move(options)) {}

TableDirectory::~TableDirectory() = default;

Result<std::unique_ptr<TableDirectory>> TableDirectory::open(std::shared_ptr<io::Disk> disk,
                                                             DirectoryOptions options, bool create) {
  std::unique_ptr<TableDirectory> d(new TableDirectory(std::move(disk), std::move(options)));
  FIRN_TRY(d->load(create));
  return d;
}

Result<void> TableDirectory::load(bool create) {
  auto list = storage::read_database_list(*disk_);
  if (!list) {
    if (list.error().code() != ErrorCode::not_found || !create || options_.read_only) return list.error();
    FIRN_TRY(disk_->make_directories("tables"));
    FIRN_TRY(storage::write_database_list(*disk_, list_));
    return {};
  }
  list_ = std::move(*list);
  if (!options_.read_only) FIRN_TRY(finish_drops());
  for (const auto& t : list_.tables) {
    if (t.state == storage::ListingState::listed) add(t.id, t.name);
  }
  return {};
}

Result<void> TableDirectory::finish_drops() {
  const auto dropped = [](const storage::TableListing& t) {
    return t.state == storage::ListingState::dropped;
  };
  if (std::none_of(list_.tables.begin(), list_.tables.end(), dropped)) return {};
  for (const auto& t : list_.tables) {
    if (dropped(t)) FIRN_TRY(disk_->remove_tree(storage::table_folder(t.id)));
  }
  std::erase_if(list_.tables, dropped);
  return storage::write_database_list(*disk_, list_);
}

// Another process may have made or dropped tables since.
Result<void> TableDirectory::refresh() {
  if (!options_.read_only) return {};
  FIRN_ASSIGN(auto list, storage::read_database_list(*disk_));
  const std::lock_guard hold(mutex_);
  list_ = std::move(list);
  by_name_.clear();
  for (const auto& t : list_.tables) {
    if (t.state == storage::ListingState::listed) add(t.id, t.name);
  }
  return {};
}

void TableDirectory::add(std::uint64_t id, const std::string& name) {
  by_name_[name] = id;
  Slot& slot = slots_[id];
  if (!slot.entry) slot.entry = std::make_shared<TableEntry>(id, name);
}

std::vector<std::string> TableDirectory::names() const {
  (void)const_cast<TableDirectory*>(this)->refresh();  // an old list is better than none
  const std::lock_guard hold(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, id] : by_name_) names.push_back(name);
  return names;
}

Error TableDirectory::unknown(const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& [known, id] : by_name_) names.push_back(known);
  return {ErrorCode::not_found, "no table \"" + name + "\"" + suggest(name, names)};
}

Result<TableRef> TableDirectory::find(const std::string& name) {
  FIRN_TRY(refresh());
  const std::lock_guard hold(mutex_);
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return unknown(name);
  return slots_.at(found->second).entry;
}

Result<TableRef> TableDirectory::resolve(const std::string& name) {
  FIRN_TRY(refresh());
  const std::lock_guard hold(mutex_);
  if (const auto found = by_name_.find(name); found != by_name_.end()) return slots_.at(found->second).entry;
  TableRef match;
  for (const auto& [known, id] : by_name_) {
    if (!equal_ignoring_case(known, name)) continue;
    if (match)
      return Error(ErrorCode::not_found,
                   "\"" + name + "\" could be \"" + match->name + "\" or \"" + known + "\"");
    match = slots_.at(id).entry;
  }
  if (!match) return unknown(name);
  return match;
}

TableRef TableDirectory::by_id(std::uint64_t id) const {
  const std::lock_guard hold(mutex_);
  const auto found = slots_.find(id);
  return found == slots_.end() ? nullptr : found->second.entry;
}

std::vector<TableRef> TableDirectory::all() const {
  const std::lock_guard hold(mutex_);
  std::vector<TableRef> tables;
  for (const auto& [id, slot] : slots_) tables.push_back(slot.entry);
  return tables;
}

Result<TableRef> TableDirectory::create(const std::string& name, const Schema& schema,
                                        const HybridTableConfig& config) {
  FIRN_TRY(check_name(name));
  const std::lock_guard one(creating_);
  storage::DatabaseList next;
  {
    const std::lock_guard hold(mutex_);
    if (closed_) return closed_error();
    if (by_name_.contains(name))
      return Error(ErrorCode::already_exists, "table \"" + name + "\" exists already");
    next = list_;
  }
  const std::uint64_t id = next.next_id++;
  next.tables.push_back({id, name, storage::ListingState::listed});
  const std::string folder = storage::table_folder(id);
  FIRN_TRY(disk_->remove_tree(folder));  // what an interrupted create left
  FIRN_ASSIGN(auto store,
              storage::TableStore::create(disk_, folder, name, id, schema, config, options_.store));
  FIRN_TRY(storage::write_database_list(*disk_, next));
  std::unique_lock hold(mutex_);
  list_ = std::move(next);
  add(id, name);
  Slot& slot = slots_[id];
  opened(slot, std::move(store));
  const TableRef entry = slot.entry;
  const TablePin keep = slot.open;
  close_surplus(hold);
  return entry;
}

Result<void> TableDirectory::drop(const TableRef& table) {
  const std::lock_guard one(creating_);
  table->dropped = true;
  const auto deadline = std::chrono::steady_clock::now() + kDropPatience;
  std::unique_lock hold(mutex_);
  const auto found = slots_.find(table->id);
  if (closed_) return closed_error();
  if (found == slots_.end()) return unknown(table->name);
  Slot& slot = found->second;
  while (slot.state != State::closed && !(slot.state == State::open && !in_use(slot))) {
    if (std::chrono::steady_clock::now() > deadline) {
      table->dropped = false;
      return Error(ErrorCode::busy,
                   "table \"" + table->name + "\" is in use by snapshots or queries; drop those first");
    }
    changed_.wait_for(hold, kPollInterval);
  }
  storage::DatabaseList next = list_;
  for (auto& t : next.tables) {
    if (t.id == table->id) t.state = storage::ListingState::dropped;
  }
  if (auto written = storage::write_database_list(*disk_, next); !written) {
    table->dropped = false;
    return written;
  }
  list_ = std::move(next);
  by_name_.erase(table->name);
  if (slot.state == State::open) {
    used_.erase(slot.used);
    slot.open.reset();  // unclean, and never opened again
  }
  slots_.erase(found);
  return finish_drops();
}

Result<TablePin> TableDirectory::pin(const TableRef& table) {
  std::unique_lock hold(mutex_);
  for (;;) {
    if (closed_) return closed_error();
    const auto found = slots_.find(table->id);
    if (found == slots_.end() || table->dropped) return unknown(table->name);
    Slot& slot = found->second;
    if (slot.state == State::open) {
      used_.splice(used_.begin(), used_, slot.used);
      return slot.open;
    }
    if (slot.state == State::closed) break;
    changed_.wait(hold);
  }
  slots_.at(table->id).state = State::opening;
  hold.unlock();
  auto store = storage::TableStore::open(disk_, storage::table_folder(table->id), options_.store);
  if (store) load_decisions(*table);
  hold.lock();
  Slot& slot = slots_.at(table->id);  // a slot that is being opened is never erased
  if (store) {
    opened(slot, std::move(*store));
  } else {
    slot.state = State::closed;
  }
  changed_.notify_all();
  if (!store) return store.error().within("table \"" + table->name + "\"");
  TablePin pin = slot.open;
  close_surplus(hold);
  return pin;
}

TablePin TableDirectory::pin_if_open(const TableRef& table) {
  const std::lock_guard hold(mutex_);
  const auto found = slots_.find(table->id);
  return !closed_ && found != slots_.end() && found->second.state == State::open ? found->second.open
                                                                                 : nullptr;
}

void TableDirectory::opened(Slot& slot, std::unique_ptr<storage::TableStore> store) {
  slot.entry->set_schema([&] { return store->schema(); });
  if (!options_.read_only)
    if (const auto newest = store->snapshot()) slot.entry->commits.announce(newest->csn().value);
  slot.entry->set_write_gate(store->config().tuning.write_buffer_size);
  slot.open = std::make_shared<OpenTable>(OpenTable{slot.entry, std::move(store)});
  slot.state = State::open;
  used_.push_front(slot.entry->id);
  slot.used = used_.begin();
}

storage::DatabaseList TableDirectory::list() const {
  const std::lock_guard hold(mutex_);
  storage::DatabaseList listed = list_;
  std::erase_if(listed.tables, [](const auto& t) { return t.state != storage::ListingState::listed; });
  return listed;
}

void TableDirectory::load_decisions(const TableEntry& table) {
  const auto loaded = table.decisions.load_once(
      [&] { return storage::read_decisions(*disk_, storage::table_folder(table.id)); });
  if (!loaded && options_.store.log)
    options_.store.log("table \"" + table.name +
                       "\": earlier decisions are not listed: " + loaded.error().message());
}

void TableDirectory::store_decisions(const TableEntry& table) {
  if (options_.read_only || table.dropped) return;
  if (table.decisions.unread()) load_decisions(table);
  const auto stored = table.decisions.store_if_new([&](const auto& entries) {
    return storage::write_decisions(*disk_, storage::table_folder(table.id), entries);
  });
  if (!stored && options_.store.log)
    options_.store.log("table \"" + table.name + "\": decisions are not stored: " + stored.error().message());
}

// Requires the lock; gives it up while it closes. Tables in use do not count against anybody: they stay open.
void TableDirectory::close_surplus(std::unique_lock<std::mutex>& hold) {
  while (used_.size() > options_.open_max) {
    Slot* idle = nullptr;
    for (auto id = used_.rbegin(); id != used_.rend() && idle == nullptr; ++id) {
      Slot& slot = slots_.at(*id);
      if (!in_use(slot)) idle = &slot;
    }
    if (idle == nullptr) return;
    if (auto closed = close_one(hold, *idle); !closed && options_.store.log) {
      options_.store.log("closing an idle table: " + closed.error().message());
    }
  }
}

Result<void> TableDirectory::close_one(std::unique_lock<std::mutex>& hold, Slot& slot) {
  slot.state = State::closing;
  used_.erase(slot.used);
  TablePin table = std::move(slot.open);
  hold.unlock();
  store_decisions(*table->entry);
  keep_access(*table->store);
  auto done = table->store->close();
  table.reset();
  hold.lock();
  slot.state = State::closed;
  changed_.notify_all();
  return done;
}

Result<void> TableDirectory::close(bool clean) {
  std::unique_lock hold(mutex_);
  closed_ = true;
  changed_.notify_all();
  Result<void> first;
  for (auto& [id, slot] : slots_) {
    changed_.wait(hold, [&s = slot] { return s.state == State::open || s.state == State::closed; });
    if (slot.state != State::open) continue;
    if (!clean && in_use(slot)) {
      used_.erase(slot.used);
      slot.open.reset();
      slot.state = State::closed;
      continue;
    }
    if (auto done = close_one(hold, slot); !done && first)
      first = done.error().within("table \"" + slot.entry->name + "\"");
  }
  return first;
}

}  // namespace firn::runtime
