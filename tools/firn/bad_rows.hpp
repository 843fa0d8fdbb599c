// Where `import --bad FILE` puts the rows that do not fit: a CSV file with the columns line, reason, row.
#pragma once
#include <cstdint>
#include <fstream>
#include <string>

#include "schema/text/field.hpp"

namespace firn::cli {

class BadRowFile {
 public:
  /// Creates or empties the file. Throws Failure.
  explicit BadRowFile(const std::string& path);
  Result<void> add(const text::BadRow& row);
  /// Error {io} if not everything could be written.
  Result<void> finish();

 private:
  Error failure() const;
  std::string path_;
  std::ofstream out_;
};

}  // namespace firn::cli
