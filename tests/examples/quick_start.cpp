// The smallest program that links firn::firn.
#include <iostream>

#include "schema/result.hpp"

int main() {
  const firn::Result<int> answer = firn::Error(firn::ErrorCode::not_found, "no such table");
  std::cout << firn::name_of(answer.error().code()) << ": " << answer.error().what() << '\n';
  return answer.ok() ? 1 : 0;
}
