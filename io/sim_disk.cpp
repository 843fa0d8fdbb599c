#include "io/sim_disk.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "io/disk_path.hpp"
#include "io/sim_state.hpp"

namespace firn::io {
namespace {

namespace fs = std::filesystem;
using sim::Edit;
using sim::FileChange;
using sim::Node;
using sim::NodePtr;

Error missing(const std::string& path) { return {ErrorCode::not_found, "'" + path + "' does not exist"}; }

std::uint64_t bytes_below(const Node& node) {
  std::uint64_t sum = node.bytes.size();
  for (const auto& [name, entry] : node.entries) sum += entry.node ? bytes_below(*entry.node) : 0;
  return sum;
}

std::string make_scratch() {
  std::error_code ignored;
  const fs::path base =
      fs::is_directory("/dev/shm", ignored) ? fs::path("/dev/shm") : fs::temp_directory_path();
  std::string name = (base / "firn_sim_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return (fs::temp_directory_path() / "firn_sim").string();
  return name;
}

}  // namespace

struct SimDisk::State {
  /// Whether an operation may go ahead, and what the caller hears.
  struct Verdict {
    std::optional<Error> error;
    bool reaches_disk = true;
    bool half = false;
  };

  mutable std::mutex mutex;
  NodePtr root = folder_node();
  std::uint64_t operations = 0;
  std::uint64_t changes = 0;
  std::uint64_t fail_number = 0;
  Failure failure = Failure::io;
  bool fail_for_good = false, frozen = false;
  bool lying_sync = false, lying_directory_sync = false, broken_link = false;
  Fault fault;
  std::optional<std::uint64_t> capacity;
  std::string scratch;

  ~State() {
    std::error_code ignored;
    if (!scratch.empty()) fs::remove_all(scratch, ignored);
  }

  static NodePtr folder_node() {
    auto node = std::make_shared<Node>();
    node->is_folder = true;
    return node;
  }

  Verdict admit(SimOp op, const std::string& path) {
    if (op != SimOp::read) ++operations;
    if (frozen) return {Error(ErrorCode::io, "'" + path + "': the power is off"), false};
    const bool due = fail_number != 0 && op != SimOp::read &&
                     (operations == fail_number || (fail_for_good && operations > fail_number));
    if (due) return verdict_of(failure, path);
    if (fault) {
      if (auto error = fault(op, path, operations)) return {std::move(error), false};
    }
    return {};
  }

  Verdict verdict_of(Failure kind, const std::string& path) {
    const std::string text =
        "operation " + std::to_string(operations) + " on '" + path + "' failed as ordered";
    switch (kind) {
      case Failure::io:
        return {Error(ErrorCode::io, text), false};
      case Failure::full:
        return {Error(ErrorCode::full, text + ": no room"), false};
      case Failure::short_write:
        return {Error(ErrorCode::io, text + " half way"), true, true};
      case Failure::freeze:
        frozen = true;
        return {Error(ErrorCode::io, text + ": the power went off"), true};
    }
    return {};
  }

  Result<NodePtr> node_at(const std::string& path) const {
    FIRN_ASSIGN(const auto parts, path_parts(path));
    NodePtr node = root;
    for (const std::string& part : parts) {
      if (!node->is_folder) return Error(ErrorCode::invalid_argument, "'" + path + "' leads through a file");
      node = sim::find(node->entries, part);
      if (!node) return missing(path);
    }
    return node;
  }

  Result<NodePtr> folder_at(const std::string& path) const {
    FIRN_ASSIGN(NodePtr node, node_at(path));
    if (!node->is_folder) return Error(ErrorCode::invalid_argument, "'" + path + "' is not a folder");
    return node;
  }

  Result<NodePtr> parent_at(const std::string& path) const {
    FIRN_ASSIGN(const auto parts, path_parts(path));
    if (parts.empty()) {
      return Error(ErrorCode::invalid_argument, "the disk's root cannot be created, renamed or removed");
    }
    return folder_at(parent_path(path));
  }

  void change_names(std::vector<Edit> edits) {
    auto change = std::make_shared<sim::NameChange>();
    change->number = ++changes;
    change->edits = std::move(edits);
    for (const Edit& edit : change->edits) {
      const NodePtr folder = edit.folder.lock();
      sim::apply(edit, change->number, folder->entries);
      auto& list = folder->name_changes;
      if (list.empty() || list.back() != change) list.push_back(change);
    }
  }

  void change_file(Node& node, FileChange::Kind kind, std::uint64_t offset,
                   std::span<const std::uint8_t> bytes) {
    node.file_changes.push_back({++changes, kind, offset, {bytes.begin(), bytes.end()}});
    sim::apply(node.file_changes.back(), node.bytes);
  }

  bool has_room(const Node& node, std::uint64_t end) const {
    if (!capacity || end <= node.bytes.size()) return true;
    return bytes_below(*root) + (end - node.bytes.size()) <= *capacity;
  }

  Result<void> sync_names(const std::string& path) {
    FIRN_ASSIGN(const NodePtr node, folder_at(path));
    if (const Verdict v = admit(SimOp::sync_directory, path); v.error) return *v.error;
    if (lying_directory_sync) return {};
    for (const auto& change : node->name_changes) {
      for (const Edit& edit : change->edits) {
        const NodePtr folder = edit.folder.lock();
        if (folder) sim::apply(edit, change->number, folder->durable_entries);
      }
    }
    node->name_changes.clear();
    return {};
  }

  Result<void> remove_name(const NodePtr& folder, const std::string& name, const std::string& path) {
    const Verdict v = admit(SimOp::remove, path);
    if (v.reaches_disk) change_names({{folder, name, nullptr}});
    if (v.error) return *v.error;
    return {};
  }

  Result<void> remove_below(const NodePtr& folder, const std::string& path) {
    const sim::Entries entries = folder->entries;
    for (const auto& [name, entry] : entries) {
      if (!entry.node) continue;
      if (entry.node->is_folder) FIRN_TRY(remove_below(entry.node, path + "/" + name));
      FIRN_TRY(remove_name(folder, name, path + "/" + name));
    }
    return {};
  }

  std::string scratch_path(const std::string& path) const {
    return path.empty() || path == "." ? scratch : scratch + "/" + path;
  }
};

class SimDisk::SimFile final : public File {
 public:
  SimFile(std::shared_ptr<State> state, NodePtr node, std::string path, bool writable)
      : state_(std::move(state)), node_(std::move(node)), path_(std::move(path)), writable_(writable) {}

  Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    const std::lock_guard lock(state_->mutex);
    auto verdict = state_->admit(SimOp::read, path_);
    if (verdict.error && !state_->frozen)
      verdict = state_->admit(SimOp::read, path_);  // one retry, as real disks get
    if (verdict.error) return *verdict.error;
    if (out.empty()) return {};
    const auto& bytes = node_->bytes;
    if (offset > bytes.size() || out.size() > bytes.size() - offset) {
      return Error(ErrorCode::corrupt, "'" + path_ + "' ends at " + std::to_string(bytes.size()) + ", but " +
                                           std::to_string(offset + out.size()) + " bytes were to be there");
    }
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  }

  Result<void> write_at(std::uint64_t offset, std::span<const std::uint8_t> bytes) override {
    const std::lock_guard lock(state_->mutex);
    return write(offset, bytes);
  }

  Result<void> sync() override {
    const std::lock_guard lock(state_->mutex);
    return sync_bytes();
  }

  Result<void> write_and_sync(std::uint64_t offset, std::span<const std::uint8_t> bytes) override {
    const std::lock_guard lock(state_->mutex);
    if (poison_) return *poison_;
    if (state_->broken_link) {
      FIRN_TRY(sync_bytes());
      return write(offset, bytes);
    }
    FIRN_TRY(write(offset, bytes));
    return sync_bytes();
  }

  Result<void> allocate(std::uint64_t size) override {
    return resize(SimOp::allocate, FileChange::Kind::extend, size);
  }
  Result<void> truncate(std::uint64_t size) override {
    return resize(SimOp::truncate, FileChange::Kind::resize, size);
  }

  Result<std::uint64_t> size() const override {
    const std::lock_guard lock(state_->mutex);
    return static_cast<std::uint64_t>(node_->bytes.size());
  }
  Result<std::uint64_t> allocated_bytes() const override { return size(); }
  const std::string& path() const override { return path_; }

 private:
  Result<void> check_may_write(std::uint64_t end) const {
    if (!writable_) return Error(ErrorCode::io, "'" + path_ + "' is open for reading only");
    if (!state_->has_room(*node_, end)) return Error(ErrorCode::full, "no room for '" + path_ + "'");
    return {};
  }

  Result<void> write(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
    FIRN_TRY(check_may_write(offset + bytes.size()));
    const auto verdict = state_->admit(SimOp::write, path_);
    if (verdict.half) bytes = bytes.first(bytes.size() / 2);
    if (verdict.reaches_disk && !bytes.empty())
      state_->change_file(*node_, FileChange::Kind::write, offset, bytes);
    if (verdict.error) return *verdict.error;
    return {};
  }

  Result<void> resize(SimOp op, FileChange::Kind kind, std::uint64_t size) {
    const std::lock_guard lock(state_->mutex);
    FIRN_TRY(check_may_write(size));
    const auto verdict = state_->admit(op, path_);
    if (verdict.reaches_disk && !verdict.half) state_->change_file(*node_, kind, size, {});
    if (verdict.error) return *verdict.error;
    return {};
  }

  Result<void> sync_bytes() {
    if (poison_) return *poison_;
    const auto verdict = state_->admit(SimOp::sync, path_);
    if (verdict.error) {
      // As kernels do: the pages count as clean now, reads show them, the next sync finds nothing to do.
      if (!state_->frozen) node_->file_changes.clear();
      poison_ = verdict.error->within("the file takes no more syncs");
      return *poison_;
    }
    if (state_->lying_sync) return {};
    for (const FileChange& change : node_->file_changes) sim::apply(change, node_->durable_bytes);
    node_->file_changes.clear();
    return {};
  }

  std::shared_ptr<State> state_;
  NodePtr node_;
  std::string path_;
  bool writable_;
  std::optional<Error> poison_;
};

SimDisk::SimDisk() : state_(std::make_shared<State>()) {}
SimDisk::SimDisk(std::shared_ptr<State> state) : state_(std::move(state)) {}
SimDisk::~SimDisk() = default;

Result<std::unique_ptr<File>> SimDisk::open(const std::string& path, Mode mode) {
  const std::lock_guard lock(state_->mutex);
  FIRN_ASSIGN(const NodePtr folder, state_->parent_at(path));
  const std::string name = leaf_name(path);
  NodePtr node = sim::find(folder->entries, name);
  if (node && mode == Mode::create_new)
    return Error(ErrorCode::already_exists, "'" + path + "' exists already");
  if (!node && mode != Mode::create_new) return missing(path);
  if (node && node->is_folder)
    return Error(ErrorCode::invalid_argument, "'" + path + "' is not a regular file");
  if (!node) {
    node = std::make_shared<Node>();
    const auto verdict = state_->admit(SimOp::create, path);
    if (verdict.reaches_disk) state_->change_names({{folder, name, node}});
    if (verdict.error) return *verdict.error;
  }
  return std::unique_ptr<File>(new SimFile(state_, node, path, mode != Mode::read));
}

Result<void> SimDisk::make_directories(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  FIRN_ASSIGN(const auto parts, path_parts(path));
  std::string at;
  for (const std::string& part : parts) {
    FIRN_ASSIGN(const NodePtr parent, state_->folder_at(at));
    const std::string parent_name = at;
    at += at.empty() ? part : "/" + part;
    const NodePtr node = sim::find(parent->entries, part);
    if (node && !node->is_folder) return Error(ErrorCode::invalid_argument, "'" + at + "' is not a folder");
    if (node) continue;
    const auto verdict = state_->admit(SimOp::make_directory, at);
    if (verdict.reaches_disk) state_->change_names({{parent, part, State::folder_node()}});
    if (verdict.error) return *verdict.error;
    FIRN_TRY(state_->sync_names(parent_name));
  }
  return {};
}

Result<void> SimDisk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(state_->mutex);
  FIRN_ASSIGN(const NodePtr source, state_->parent_at(from));
  FIRN_ASSIGN(const NodePtr target, state_->parent_at(to));
  const NodePtr node = sim::find(source->entries, leaf_name(from));
  if (!node) return missing(from);
  if (from == to) return {};
  const NodePtr replaced = sim::find(target->entries, leaf_name(to));
  if (replaced && (replaced->is_folder || node->is_folder)) {
    return Error(ErrorCode::already_exists, "'" + to + "' exists already");
  }
  const auto verdict = state_->admit(SimOp::rename, from);
  if (verdict.reaches_disk) {
    state_->change_names({{source, leaf_name(from), nullptr}, {target, leaf_name(to), node}});
  }
  if (verdict.error) return *verdict.error;
  std::error_code ignored;
  if (!state_->scratch.empty()) fs::rename(state_->scratch_path(from), state_->scratch_path(to), ignored);
  return {};
}

Result<void> SimDisk::remove(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  FIRN_ASSIGN(const NodePtr folder, state_->parent_at(path));
  const NodePtr node = sim::find(folder->entries, leaf_name(path));
  if (!node) return missing(path);
  if (node->is_folder) return Error(ErrorCode::invalid_argument, "'" + path + "' is a folder");
  return state_->remove_name(folder, leaf_name(path), path);
}

Result<void> SimDisk::remove_tree(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  std::error_code ignored;
  if (!state_->scratch.empty() && path_parts(path).ok()) fs::remove_all(state_->scratch_path(path), ignored);
  auto folder = state_->parent_at(path);
  if (!folder && folder.error().code() == ErrorCode::not_found) return {};
  if (!folder) return folder.error();
  const NodePtr node = sim::find((*folder)->entries, leaf_name(path));
  if (!node) return {};
  if (!node->is_folder) return Error(ErrorCode::invalid_argument, "'" + path + "' is not a folder");
  FIRN_TRY(state_->remove_below(node, path));
  return state_->remove_name(*folder, leaf_name(path), path);
}

Result<void> SimDisk::sync_directory(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  return state_->sync_names(path);
}

Result<std::vector<DirEntry>> SimDisk::list(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  FIRN_ASSIGN(const NodePtr node, state_->folder_at(path));
  std::vector<DirEntry> out;
  for (const auto& [name, entry] : node->entries) {
    if (entry.node) out.push_back({name, entry.node->is_folder});
  }
  return out;
}

Result<bool> SimDisk::exists(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  auto node = state_->node_at(path);
  if (node) return true;
  if (node.error().code() == ErrorCode::not_found) return false;
  return node.error();
}

Result<std::uint64_t> SimDisk::free_bytes() {
  const std::lock_guard lock(state_->mutex);
  constexpr std::uint64_t plenty = std::uint64_t{1} << 40;
  const std::uint64_t used = bytes_below(*state_->root);
  const std::uint64_t capacity = state_->capacity.value_or(plenty);
  return capacity > used ? capacity - used : 0;
}

std::string SimDisk::host_path(const std::string& path) const {
  const std::lock_guard lock(state_->mutex);
  if (state_->scratch.empty()) state_->scratch = make_scratch();
  std::string host = state_->scratch_path(path);
  const auto node = state_->node_at(path);
  const bool is_folder = node.ok() && (*node)->is_folder;
  std::error_code ignored;
  fs::create_directories(is_folder ? fs::path(host) : fs::path(host).parent_path(), ignored);
  return host;
}

std::unique_ptr<SimDisk> SimDisk::cut(CutPolicy policy, std::uint64_t seed) const {
  const std::lock_guard lock(state_->mutex);
  auto state = std::make_shared<State>();
  state->root = sim::image_of(state_->root, policy, seed);
  return std::unique_ptr<SimDisk>(new SimDisk(std::move(state)));
}

std::uint64_t SimDisk::operations() const {
  const std::lock_guard lock(state_->mutex);
  return state_->operations;
}

void SimDisk::fail_at(std::uint64_t n, Failure failure, bool for_good) {
  const std::lock_guard lock(state_->mutex);
  state_->fail_number = n;
  state_->failure = failure;
  state_->fail_for_good = for_good;
}

void SimDisk::set_fault(Fault fault) {
  const std::lock_guard lock(state_->mutex);
  state_->fault = std::move(fault);
}

void SimDisk::set_capacity(std::optional<std::uint64_t> bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->capacity = bytes;
}

void SimDisk::lie_about_sync(bool on) {
  const std::lock_guard lock(state_->mutex);
  state_->lying_sync = on;
}

void SimDisk::lie_about_directory_sync(bool on) {
  const std::lock_guard lock(state_->mutex);
  state_->lying_directory_sync = on;
}

void SimDisk::break_link(bool on) {
  const std::lock_guard lock(state_->mutex);
  state_->broken_link = on;
}

Result<void> SimDisk::damage(const std::string& path, std::uint64_t offset,
                             std::span<const std::uint8_t> bytes) {
  const std::lock_guard lock(state_->mutex);
  FIRN_ASSIGN(const NodePtr node, state_->node_at(path));
  const FileChange change{0, FileChange::Kind::write, offset, {bytes.begin(), bytes.end()}};
  sim::apply(change, node->bytes);
  sim::apply(change, node->durable_bytes);
  return {};
}

}  // namespace firn::io
