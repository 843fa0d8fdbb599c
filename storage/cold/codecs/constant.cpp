// constant: u64 value.
#include <algorithm>

#include "storage/cold/codecs/codecs.hpp"

namespace firn::storage::cold {
namespace {
class ConstantReader final : public IntReader {
 public:
  explicit ConstantReader(std::uint64_t value) : value_(value) {}
  Result<void> read(std::size_t, std::size_t n, std::uint64_t* out) const override {
    std::fill_n(out, n, value_);
    return {};
  }

  std::optional<std::uint64_t> constant() const override { return value_; }

 private:
  std::uint64_t value_;
};
}  // namespace

void constant::encode(std::uint64_t value, Encoded& out) {
  out.bytes.push_back(static_cast<char>(Encoding::constant));
  put(out.bytes, value);
  out.tree = "constant";
}

Result<IntReaderPtr> constant::open(Bytes body, std::size_t) {
  NodeParser in(body);
  const auto value = in.take<std::uint64_t>();
  FIRN_TRY(in.check());
  return IntReaderPtr(std::make_unique<ConstantReader>(value));
}

}  // namespace firn::storage::cold
