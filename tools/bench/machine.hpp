// What the figures were measured on.
#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace firn::bench {

/// Names and values, in the order in which they are told.
using Setting = std::vector<std::pair<std::string, std::string>>;
/// Processor, memory, kernel, compiler and the file system of `folder`.
Setting describe_machine(const std::filesystem::path& folder);
/// Bytes that a folder occupies on its device, sub-folders included.
std::uint64_t allocated_bytes(const std::filesystem::path& folder);
/// Of this process and of its children that have ended, user and system.
double cpu_seconds();

}  // namespace firn::bench
