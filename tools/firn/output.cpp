#include "output.hpp"

#include <langinfo.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdlib>
#include <cstring>

#include "exit_status.hpp"

namespace firn::cli {
namespace {

bool write_all(int descriptor, const char* data, std::size_t size) {
  while (size != 0) {
    const ssize_t n = ::write(descriptor, data, size);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool has_variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

void print(std::string_view text) {
  if (write_all(STDOUT_FILENO, text.data(), text.size())) return;
  if (errno == EPIPE) throw PipeClosed();
  throw Failure(ExitStatus::failed, std::string("standard output: ") + std::strerror(errno) +
                                        "; give the output a file or a pipe with room");
}

void print(std::span<const std::uint8_t> bytes) {
  print(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void note(std::string_view line) {
  std::string text(line);
  text += '\n';
  write_all(STDERR_FILENO, text.data(), text.size());
}

bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) != 0; }
bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) != 0; }
bool use_colour() { return stdout_is_terminal() && !has_variable("NO_COLOR"); }

bool use_unicode() {
  static const bool utf8 = [] {
    std::setlocale(LC_CTYPE, "");
    return std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0;
  }();
  return utf8;
}

}  // namespace firn::cli
