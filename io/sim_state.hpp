// The inside of a SimDisk: files and folders with what is durable and what is not. Included by io/sim_*.cpp
// only.
//
// Every change has a number from one counter. A folder's durable entry remembers the number of the change
// that made it, so that changes may arrive in any order and the later one wins.
#pragma once
#include <map>
#include <mutex>
#include <random>
#include <vector>

#include "io/sim_disk.hpp"

namespace firn::io::sim {

struct Node;
using NodePtr = std::shared_ptr<Node>;
using Rng = std::mt19937_64;

/// A write, or a change of length.
struct FileChange {
  enum class Kind : std::uint8_t { write, resize, extend };  // extend never shortens
  std::uint64_t number = 0;
  Kind kind = Kind::write;
  std::uint64_t offset = 0;  // of a write; the length otherwise
  std::vector<std::uint8_t> bytes;
};

/// A name that gets a node, or loses it (null).
struct Edit {
  std::weak_ptr<Node> folder;
  std::string name;
  NodePtr node;
};

/// One atomic change of names: one edit, or the two of a rename.
struct NameChange {
  std::uint64_t number = 0;
  std::vector<Edit> edits;
};

struct Entry {
  NodePtr node;  // null: the name is gone
  std::uint64_t number = 0;
};
using Entries = std::map<std::string, Entry>;

struct Node {
  bool is_folder = false;
  std::vector<std::uint8_t> durable_bytes, bytes;
  std::vector<FileChange> file_changes;
  Entries durable_entries, entries;
  std::vector<std::shared_ptr<NameChange>> name_changes;
};

/// Applies a change to bytes; only the part [from, to) of a write's bytes if those are given.
void apply(const FileChange& change, std::vector<std::uint8_t>& bytes);
void apply_part(const FileChange& change, std::size_t from, std::size_t to, std::vector<std::uint8_t>& bytes);
/// Sets an entry unless a later change has.
void apply(const Edit& edit, std::uint64_t number, Entries& entries);
NodePtr find(const Entries& entries, const std::string& name);

/// The tree that a power cut leaves.
NodePtr image_of(const NodePtr& root, CutPolicy policy, std::uint64_t seed);

}  // namespace firn::io::sim
