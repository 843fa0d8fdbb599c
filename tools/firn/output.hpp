// Standard output and what we know of the terminal. Data goes to stdout, all else to stderr.
#pragma once
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>

namespace firn::cli {

/// The reader of our output went away (`firn query ... | head`): main() ends quietly.
class PipeClosed : public std::exception {};

/// Writes all of it to stdout now, unbuffered. Throws PipeClosed, or Failure if the output cannot be written.
void print(std::string_view text);
void print(std::span<const std::uint8_t> bytes);
/// One line on stderr; never throws.
void note(std::string_view line);

bool stdout_is_terminal();
bool stderr_is_terminal();
/// Colours: stdout is a terminal and NO_COLOR is not set.
bool use_colour();
/// Whether the locale's character set is UTF-8.
bool use_unicode();

}  // namespace firn::cli
