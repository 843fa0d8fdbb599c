// The smallest program that links firn::firn: reads a schema from text and prints what firn made of it.
#include <iostream>

#include "schema/table_schema.hpp"

int main() {
  try {
    const firn::SchemaOptions options{.key = {"event_id"}, .time = "ts"};
    const auto schema =
        firn::Schema::parse("event_id u64, ts timestamp, user_id i64, type utf8, amount f64", options)
            .value();
    std::cout << schema.to_string() << '\n';
    return schema.size() == 5 ? 0 : 1;
  } catch (const firn::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
