// How rows that were stored under one schema of a table become rows of another: columns are matched by id; one that the
// stored schema lacks reads as its default, one of another type is converted.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "schema/batch.hpp"

namespace firn::storage {

/// Immutable; thread-safe.
class ColumnMapping {
 public:
  /// For the columns at these positions of `wanted`.
  ColumnMapping(const Schema& stored, const Schema& wanted, std::span<const std::size_t> columns);
  /// For all columns of `wanted`.
  ColumnMapping(const Schema& stored, const Schema& wanted);

  /// Positions in the stored schema that are needed.
  const std::vector<std::size_t>& stored() const noexcept { return stored_; }
  /// Position i of the answer is stored as is at stored()[i], for every i.
  bool is_identity() const noexcept { return identity_; }
  /// The wanted columns, from those at stored().
  std::vector<Column> columns(std::vector<Column> read, std::size_t rows) const;
  std::vector<Value> values(std::vector<Value> read) const;

  struct Target {
    TypeId type = TypeId::invalid;
    std::optional<std::size_t> read;  ///< index in stored()
    bool converted = false;           ///< stored as another type
    Value missing;                    ///< where nothing is stored
  };
  const std::vector<Target>& targets() const noexcept { return targets_; }

 private:
  std::vector<std::size_t> stored_;
  std::vector<Target> targets_;
  bool identity_ = true;
};

}  // namespace firn::storage
