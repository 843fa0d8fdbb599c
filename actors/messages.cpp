#include "firn/messages.hpp"

#include <fmt/format.h>

#include "schema/arrow_ipc.hpp"

namespace firn {

struct ArrowBody::State {
  std::optional<Batch> rows;
  Buffer ipc;
  std::size_t bytes = 0;
};

ArrowBody::ArrowBody(Batch rows) {
  auto s = std::make_shared<State>();
  s->bytes = rows.byte_size();
  s->rows = std::move(rows);
  state_ = std::move(s);
}

ArrowBody::ArrowBody(Buffer ipc_bytes) {
  auto s = std::make_shared<State>();
  s->bytes = ipc_bytes.size();
  s->ipc = std::move(ipc_bytes);
  state_ = std::move(s);
}

bool ArrowBody::is_decoded() const noexcept { return state_ && state_->rows; }

std::size_t ArrowBody::byte_size() const noexcept { return state_ ? state_->bytes : 0; }

Result<Batch> ArrowBody::batch() const {
  if (!state_) return Error(ErrorCode::invalid_argument, "the message has no Arrow body");
  if (state_->rows) return *state_->rows;
  FIRN_ASSIGN(auto reader, arrow::ArrowReader::open(state_->ipc));
  std::vector<Batch> parts;
  for (;;) {
    FIRN_ASSIGN(auto part, reader.next());
    if (!part) break;
    parts.push_back(std::move(*part));
  }
  if (parts.empty()) return BatchBuilder(reader.schema()).finish();
  return parts.size() == 1 ? parts.front() : concat(parts);
}

Result<Buffer> ArrowBody::stream() const {
  if (!state_) return Error(ErrorCode::invalid_argument, "the message has no Arrow body");
  if (!state_->rows) return state_->ipc;
  MutableBuffer out;
  arrow::ArrowStreamWriter writer(state_->rows->schema(),
                                  [&](std::span<const std::uint8_t> bytes) -> Result<void> {
                                    out.append(bytes.data(), bytes.size());
                                    return {};
                                  });
  FIRN_TRY(writer.write(*state_->rows));
  FIRN_TRY(writer.close());
  return out.freeze();
}

caf::error to_caf(const Error& error) {
  return {static_cast<std::uint8_t>(error.code()), caf::atom("firn"), caf::make_message(error.message())};
}

Error to_error(const caf::error& error) {
  const auto& context = error.context();
  const bool has_text = !context.empty() && context.match_element<std::string>(0);
  if (error.category() == caf::atom("firn")) {
    return {static_cast<ErrorCode>(error.code()), has_text ? context.get_as<std::string>(0) : "unknown"};
  }
  if (error.category() == caf::atom("system")) {
    const auto code = static_cast<caf::sec>(error.code());
    if (code == caf::sec::request_receiver_down) return {ErrorCode::closed, "the actor has ended"};
  }
  return {ErrorCode::internal, has_text ? context.get_as<std::string>(0) : caf::to_string(error)};
}

std::string render_error(std::uint8_t code, caf::atom_value category, const caf::message& context) {
  std::string text = caf::to_string(category) + ": " + std::string(name_of(static_cast<ErrorCode>(code)));
  if (!context.empty() && context.match_element<std::string>(0))
    text += ": " + context.get_as<std::string>(0);
  return text;
}

flatbuffers::Offset<fb::Cell> to_cell(flatbuffers::FlatBufferBuilder& b, const Value& v) {
  const auto type = static_cast<std::uint8_t>(v.type());
  if (v.is_null()) return fb::CreateCell(b, static_cast<std::uint8_t>(TypeId::null));
  if (v.type() == TypeId::boolean) return fb::CreateCell(b, type, v.as_bool() ? 1 : 0);
  if (is_signed_integer(v.type()) || is_temporal(v.type())) return fb::CreateCell(b, type, v.as_signed());
  if (is_unsigned_integer(v.type())) return fb::CreateCell(b, type, 0, v.as_unsigned());
  if (is_float(v.type())) return fb::CreateCell(b, type, 0, 0, v.as_double());
  const std::string& bytes = v.as_bytes();
  const auto data =
      b.CreateVector(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());  // NOLINT
  return fb::CreateCell(b, type, 0, 0, 0, data);
}

flatbuffers::Offset<fb::Row> to_row(flatbuffers::FlatBufferBuilder& b, std::span<const Value> values) {
  std::vector<flatbuffers::Offset<fb::Cell>> cells;
  for (const Value& v : values) cells.push_back(to_cell(b, v));
  return fb::CreateRow(b, b.CreateVector(cells));
}

Result<Value> from_cell(const fb::Cell& cell) {
  const auto type = static_cast<TypeId>(cell.type());
  if (type == TypeId::null) return Value{};
  if (type == TypeId::boolean) return Value(cell.integer() != 0);
  if (is_signed_integer(type) || is_temporal(type)) return Value::of_signed(type, cell.integer());
  if (is_unsigned_integer(type)) return Value::of_unsigned(type, cell.natural());
  if (is_float(type)) return Value::of_float(type, cell.real());
  if (!is_variable(type))
    return Error(ErrorCode::invalid_argument, fmt::format("a cell of type {}", cell.type()));
  std::string bytes;
  if (cell.bytes() != nullptr) bytes.assign(cell.bytes()->begin(), cell.bytes()->end());
  return Value::of_bytes(type, std::move(bytes));
}

Result<std::vector<Value>> from_row(const fb::Row& row) {
  std::vector<Value> values;
  if (row.cells() == nullptr) return values;
  for (const fb::Cell* cell : *row.cells()) {
    FIRN_ASSIGN(Value v, from_cell(*cell));
    values.push_back(std::move(v));
  }
  return values;
}

}  // namespace firn
