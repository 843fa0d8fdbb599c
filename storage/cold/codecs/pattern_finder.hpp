// Finds what many strings share: literals in the same order, with fields between them that differ.
//   "https://shop.example.com/c/7/item/000123?ref=view"  ->  "https://shop.example.com/c/" * "/item/" *
//   "?ref=" *
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace firn::storage::cold {

/// literals[0], a field, literals[1], a field ... literals[n]. The first and last literal may be empty.
struct Pattern {
  std::vector<std::string> literals;
  std::size_t fields() const { return literals.empty() ? 0 : literals.size() - 1; }
  /// The fields of `s`, from left to right, each as short as can be; false if `s` has another shape. Literals
  /// and fields joined always give `s` again.
  bool match(std::string_view s, std::string_view* fields) const;
};

/// The pattern of the samples. No fields (all the same, or nothing to find): literals is empty.
Pattern find_pattern(std::span<const std::string_view> samples);

}  // namespace firn::storage::cold
