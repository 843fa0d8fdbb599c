// JSON as text, written member by member; commas and nesting are looked after.
#pragma once
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "schema/text/ndjson.hpp"
#include "schema/value.hpp"

namespace firn::cli {

class JsonText {
 public:
  JsonText& begin_object(std::string_view name = {}) { return open(name, '{'); }
  JsonText& end_object() { return close('}'); }
  JsonText& begin_array(std::string_view name = {}) { return open(name, '['); }
  JsonText& end_array() { return close(']'); }
  JsonText& add(std::string_view name, std::string_view text) {
    begin_value(name);
    text::append_json_string(text, out_);
    return *this;
  }
  JsonText& add(std::string_view name, const char* text) { return add(name, std::string_view(text)); }
  JsonText& add(std::string_view name, const std::string& text) { return add(name, std::string_view(text)); }
  JsonText& add(std::string_view name, std::integral auto number) {
    begin_value(name);
    if constexpr (std::same_as<decltype(number), bool>)
      out_ += number ? "true" : "false";
    else
      out_ += std::to_string(number);
    return *this;
  }
  JsonText& add(std::string_view name, double number) {
    begin_value(name);
    out_ += format_double(number);
    return *this;
  }
  JsonText& add_null(std::string_view name) {
    begin_value(name);
    out_ += "null";
    return *this;
  }
  /// With a line end.
  std::string text() const { return out_ + "\n"; }

 private:
  void begin_value(std::string_view name) {
    if (!first_) out_ += ", ";
    first_ = false;
    if (name.empty()) return;
    text::append_json_string(name, out_);
    out_ += ": ";
  }
  JsonText& open(std::string_view name, char bracket) {
    begin_value(name);
    out_ += bracket;
    first_ = true;
    return *this;
  }
  JsonText& close(char bracket) {
    out_ += bracket;
    first_ = false;
    return *this;
  }
  std::string out_;
  bool first_ = true;
};

}  // namespace firn::cli
