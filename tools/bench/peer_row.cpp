#include "tools/bench/peer_row.hpp"

namespace firn::bench {

namespace {

template <class T>
void put(std::string& out, T v) {
  out.append(reinterpret_cast<const char*>(&v), sizeof v);
}

void put_text(std::string& out, std::string_view v) {
  put(out, static_cast<std::uint16_t>(v.size()));
  out.append(v);
}

template <class T>
T get(std::string_view& in) {
  T v{};
  if (in.size() < sizeof v) throw Error(ErrorCode::corrupt, "a stored row is too short");
  std::memcpy(&v, in.data(), sizeof v);
  in.remove_prefix(sizeof v);
  return v;
}

std::string_view get_text(std::string_view& in) {
  const auto size = get<std::uint16_t>(in);
  if (in.size() < size) throw Error(ErrorCode::corrupt, "a stored text is too short");
  const std::string_view v = in.substr(0, size);
  in.remove_prefix(size);
  return v;
}

}  // namespace

void encode_event(const Event& e, std::string& out) {
  out.clear();
  put(out, e.ts), put(out, e.user), put(out, e.amount), put(out, e.status);
  put_text(out, e.type), put_text(out, e.country), put_text(out, e.url), put_text(out, e.payload);
}

Event decode_event(std::uint64_t id, std::string_view value) {
  Event e;
  e.id = id;
  e.ts = get<std::int64_t>(value);
  e.user = get<std::int64_t>(value);
  e.amount = get<double>(value);
  e.status = get<std::int32_t>(value);
  e.type = get_text(value);
  e.country = get_text(value);
  e.url = get_text(value);
  e.payload = get_text(value);
  return e;
}

void encode_row(const Batch& batch, std::size_t i, std::string& out) {
  out.clear();
  for (std::size_t c = 1; c < batch.columns().size(); ++c) {
    const Column& column = batch[c];
    const std::size_t width = width_of(column.type);
    if (is_variable(column.type))
      put_text(out, column.bytes_at(i));
    else
      out.append(reinterpret_cast<const char*>(column.values.data()) + i * width, width);
  }
}

std::uint64_t key_of(const Batch& batch, std::size_t i) { return batch[0].value_at(i).to_u64(); }

void ScanAnswer::add(std::uint64_t id, std::string_view value) {
  const Event e = decode_event(id, value);
  switch (asked_.question) {
    case Question::group_by:
      if (last_ == nullptr || last_type_ != e.type) {
        last_type_ = e.type;
        last_ = &groups_[last_type_];
      }
      last_->count += 1;
      last_->sum += e.amount;
      break;
    case Question::filter_count:
      count_ += e.status >= 400 && e.amount > 500 ? 1 : 0;
      break;
    case Question::newest:
      if (e.ts >= asked_.from_ts) kept_.emplace_back(value);
      break;
  }
}

Answer ScanAnswer::finish() {
  switch (asked_.question) {
    case Question::group_by: {
      Answer a{groups_.size(), 0, 0};
      for (const auto& [type, group] : groups_) a.count += group.count, a.sum += group.sum;
      return a;
    }
    case Question::filter_count:
      return {1, count_, 0};
    case Question::newest:
      return {kept_.size(), kept_.size(), 0};
  }
  return {};
}

}  // namespace firn::bench
