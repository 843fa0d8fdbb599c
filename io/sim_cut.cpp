// What a power cut leaves of a simulated disk.
#include <algorithm>
#include <array>
#include <set>

#include "io/sim_state.hpp"

namespace firn::io::sim {
namespace {

constexpr std::size_t kSectorBytes = 512;

// Everything that the image may hold: what is named durably or by a change that was not synced.
void collect(const NodePtr& node, std::vector<NodePtr>& found, std::set<Node*>& seen) {
  if (!node || !seen.insert(node.get()).second) return;
  found.push_back(node);
  for (const auto& [name, entry] : node->durable_entries) collect(entry.node, found, seen);
  for (const auto& change : node->name_changes) {
    for (const Edit& edit : change->edits) collect(edit.node, found, seen);
  }
}

class Image {
 public:
  Image(CutPolicy policy, std::uint64_t seed) : policy_(policy), rng_(seed) {}

  NodePtr of(const NodePtr& root) {
    std::set<Node*> seen;
    collect(root, nodes_, seen);
    decide();
    for (const NodePtr& node : nodes_) settle(*node);
    return copy(root);
  }

 private:
  void decide() {
    constexpr std::array<std::uint64_t, 3> kChances{10, 50, 90};  // per cent
    survival_ = kChances[rng_() % kChances.size()];
    std::set<std::uint64_t> numbers;
    std::vector<std::uint64_t> writes;
    for (const NodePtr& node : nodes_) {
      for (const FileChange& c : node->file_changes) {
        numbers.insert(c.number);
        if (c.kind == FileChange::Kind::write) writes.push_back(c.number);
      }
      for (const auto& c : node->name_changes) numbers.insert(c->number);
    }
    std::size_t kept = policy_ == CutPolicy::prefix ? rng_() % (numbers.size() + 1) : 0;
    if (policy_ == CutPolicy::tear && !writes.empty()) torn_ = writes[rng_() % writes.size()];
    for (const std::uint64_t number : numbers) {
      const bool in_prefix = kept != 0;
      if (kept != 0) --kept;
      if (survives(number, in_prefix)) survivors_.insert(number);
    }
  }

  bool survives(std::uint64_t number, bool in_prefix) {
    switch (policy_) {
      case CutPolicy::lose:
        return false;
      case CutPolicy::keep:
        return true;
      case CutPolicy::prefix:
        return in_prefix;
      default:
        return number == torn_ || rng_() % 100 < survival_;
    }
  }

  void settle(const Node& node) {
    std::vector<std::uint8_t>& bytes = bytes_[&node] = node.durable_bytes;
    for (const FileChange& c : node.file_changes) {
      if (survivors_.count(c.number) != 0) settle(c, bytes);
    }
    for (const auto& [name, entry] : node.durable_entries) {
      apply(Edit{{}, name, entry.node}, entry.number, entries_[&node]);
    }
    for (const auto& c : node.name_changes) {
      if (survivors_.count(c->number) == 0) continue;
      for (const Edit& edit : c->edits) apply(edit, c->number, entries_[edit.folder.lock().get()]);
    }
  }

  void settle(const FileChange& change, std::vector<std::uint8_t>& bytes) {
    const bool torn = change.number == torn_;
    const bool garbage = policy_ == CutPolicy::garbage && change.kind == FileChange::Kind::write;
    if (!torn && !garbage) return apply(change, bytes);
    for (std::size_t from = 0; from < change.bytes.size();) {
      const std::size_t in_sector = static_cast<std::size_t>((change.offset + from) % kSectorBytes);
      const std::size_t to = std::min(from + kSectorBytes - in_sector, change.bytes.size());
      if (!torn || rng_() % 2 == 0) apply_part(change, from, to, bytes);
      if (garbage && rng_() % 4 == 0) {
        for (std::size_t i = from; i < to; ++i) bytes[change.offset + i] = static_cast<std::uint8_t>(rng_());
      }
      from = to;
    }
  }

  NodePtr copy(const NodePtr& from) {
    NodePtr& to = copies_[from.get()];
    if (to) return to;  // two names of one file: a rename of which only a part was seen
    to = std::make_shared<Node>();
    to->is_folder = from->is_folder;
    to->bytes = bytes_[from.get()];
    to->durable_bytes = to->bytes;
    NodePtr made = to;
    for (const auto& [name, entry] : entries_[from.get()]) {
      if (entry.node) made->entries[name] = {copy(entry.node), 0};
    }
    made->durable_entries = made->entries;
    return made;
  }

  CutPolicy policy_;
  Rng rng_;
  std::vector<NodePtr> nodes_;
  std::uint64_t survival_ = 50;
  std::uint64_t torn_ = 0;
  std::set<std::uint64_t> survivors_;
  std::map<const Node*, std::vector<std::uint8_t>> bytes_;
  std::map<const Node*, Entries> entries_;
  std::map<const Node*, NodePtr> copies_;
};

}  // namespace

void apply_part(const FileChange& change, std::size_t from, std::size_t to,
                std::vector<std::uint8_t>& bytes) {
  if (bytes.size() < change.offset + to) bytes.resize(change.offset + to);
  std::copy(change.bytes.begin() + static_cast<std::ptrdiff_t>(from),
            change.bytes.begin() + static_cast<std::ptrdiff_t>(to),
            bytes.begin() + static_cast<std::ptrdiff_t>(change.offset + from));
}

void apply(const FileChange& change, std::vector<std::uint8_t>& bytes) {
  switch (change.kind) {
    case FileChange::Kind::write:
      apply_part(change, 0, change.bytes.size(), bytes);
      break;
    case FileChange::Kind::resize:
      bytes.resize(change.offset);
      break;
    case FileChange::Kind::extend:
      bytes.resize(std::max<std::size_t>(bytes.size(), change.offset));
      break;
  }
}

void apply(const Edit& edit, std::uint64_t number, Entries& entries) {
  Entry& entry = entries[edit.name];
  if (entry.number <= number) entry = {edit.node, number};
}

NodePtr find(const Entries& entries, const std::string& name) {
  const auto it = entries.find(name);
  return it == entries.end() ? nullptr : it->second.node;
}

NodePtr image_of(const NodePtr& root, CutPolicy policy, std::uint64_t seed) {
  return Image(policy, seed).of(root);
}

}  // namespace firn::io::sim
