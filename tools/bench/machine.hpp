// What the figures were measured on.
#pragma once
#include <filesystem>
#include <string>

namespace firn::bench {

/// Lines on processor, memory, kernel, compiler flags and the file system of `folder`.
std::string describe_machine(const std::filesystem::path& folder);
/// Bytes that a folder occupies on its device, sub-folders included.
std::uint64_t allocated_bytes(const std::filesystem::path& folder);

}  // namespace firn::bench
