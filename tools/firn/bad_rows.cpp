#include "bad_rows.hpp"

#include <cerrno>
#include <cstring>

#include "exit_status.hpp"

namespace firn::cli {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace

BadRowFile::BadRowFile(const std::string& path)
    : path_(path), out_(path, std::ios::binary | std::ios::trunc) {
  if (!out_)
    throw Failure(ExitStatus::failed, path + ": " + std::strerror(errno) + "; choose another file for --bad");
  out_ << "line,reason,row\n";
}

Result<void> BadRowFile::add(const text::BadRow& row) {
  out_ << row.line << ',' << quoted(row.reason) << ',' << quoted(row.raw) << '\n';
  if (!out_) return failure();
  return {};
}

Result<void> BadRowFile::finish() {
  out_.flush();
  if (!out_) return failure();
  return {};
}

Error BadRowFile::failure() const {
  return {ErrorCode::io, path_ + ": a row could not be set aside: " + std::strerror(errno)};
}

}  // namespace firn::cli
