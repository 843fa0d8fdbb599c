// NDJSON: lines in pieces of any size; integers exact, times in any usual form, bad lines named.
#include "schema/text/ndjson.hpp"

#include "tests/schema/arrow_fixture.hpp"

namespace firn::text {
namespace {

std::vector<Batch> read(NdjsonReader& r, std::string_view text, std::size_t chunk = 1U << 20) {
  for (std::size_t i = 0; i < text.size(); i += chunk) {
    const auto part = text.substr(i, chunk);
    r.feed({reinterpret_cast<const std::uint8_t*>(part.data()), part.size()})
        .value();  // NOLINT: text as bytes
  }
  r.finish().value();
  std::vector<Batch> out;
  while (auto b = r.next()) out.push_back(std::move(*b));
  return out;
}

TEST(Ndjson, ReadsBackInPiecesOfAnySize) {
  const std::string text =
      "{\"a\":9007199254740993,\"b\":\"x\\ny\",\"c\":true,\"n\":{\"k\":[1,2]}}\n"
      "{\"a\":-1,\"b\":null,\"c\":false,\"n\":\"t\"}\n";
  for (std::size_t chunk : {1, 3, 10, 1000}) {
    NdjsonReader r;
    const auto batches = read(r, text, chunk);
    ASSERT_EQ(batches.size(), 1U);
    EXPECT_EQ(batches[0][0].value_at(0), Value(std::int64_t{9007199254740993}));
    EXPECT_EQ(batches[0][3].value_at(0), Value("{\"k\":[1,2]}"));
    std::string out;
    append_ndjson(batches[0].slice(1, 1), out);
    EXPECT_EQ(out, "{\"a\":-1,\"b\":null,\"c\":false,\"n\":\"t\"}\n");
  }
}

TEST(Ndjson, TimesAreTextOrNumbers) {
  NdjsonOptions o;
  o.schema = Schema::parse("id i64, t timestamp", {.key = {"id"}, .time = ""}).value();
  NdjsonReader r(o);
  const auto b = read(
      r,
      "{\"id\":1,\"t\":\"2001-01-01T00:00:00Z\"}\n{\"id\":2,\"t\":978307200}\n{\"t\":978307200000,\"id\":3}");
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(b[0][1].value_at(i).to_i64(), 978'307'200'000'000) << i;
}

TEST(Ndjson, TypesAreInferred) {
  NdjsonReader r;
  read(r, "{\"i\":1,\"f\":1,\"s\":\"1\",\"b\":true,\"t\":\"2001-01-01 00:00:00\"}\n{\"f\":1.5,\"late\":2}\n");
  const TypeId expected[] = {TypeId::i64,     TypeId::f64,       TypeId::utf8,
                             TypeId::boolean, TypeId::timestamp, TypeId::i64};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ((*r.schema())[i].type, expected[i]) << i;
}

TEST(Ndjson, BadLinesAreNamedOrSetAside) {
  const std::string text =
      "{\"id\":1}\n{\"id\":\n[1]\n{\"id\":1.5}\n{\"x\":1}\n{\"id\":null}\n\n{\"id\":8}\n";
  NdjsonOptions o;
  o.schema = Schema::parse("id i64", {.key = {"id"}, .time = ""}).value();
  std::vector<std::uint64_t> lines;
  o.bad_rows = [&lines](const BadRow& b) -> Result<void> {
    lines.push_back(b.line);
    return {};
  };
  NdjsonReader r(o);
  const auto b = read(r, text);
  EXPECT_EQ(b[0].rows(), 2);
  EXPECT_EQ(lines, (std::vector<std::uint64_t>{2, 3, 4, 5, 6}));
  o.bad_rows = nullptr;
  NdjsonReader strict(o);
  const auto fed = strict.feed({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});  // NOLINT
  ASSERT_FALSE(fed.ok());
  EXPECT_NE(fed.error().message().find("line 2"), std::string::npos);
}

Error ndjson_error_of(const std::string& columns, const std::string& text) {
  NdjsonOptions o;
  o.schema = Schema::parse(columns, {.key = {"id"}, .time = ""}).value();
  NdjsonReader r(o);
  const auto fed = r.feed({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});  // NOLINT
  return fed ? r.finish().error() : fed.error();
}

TEST(Ndjson, AKeyIsMeasuredAsItIsStored) {
  const std::string most(503 - 2, 'x'), more = most + "x";
  std::string hex = "\\\\x", zeros = "\\\\x";
  for (int i = 0; i < 502; ++i) hex += "61", zeros += i < 251 ? "00" : "";
  const std::pair<std::string, std::string> misfits[] = {
      {"id utf8", '"' + more + '"'},
      {"id utf8", "{\"of\": \"" + most.substr(8) + "\"}"},
      {"id utf8", "[\"" + most.substr(3) + "\"]"},
      {"id binary", '"' + more + '"'},
      {"id binary", '"' + hex + '"'},
      {"id binary", '"' + zeros + '"'},
  };
  for (const auto& [columns, id] : misfits) {
    const Error e = ndjson_error_of(columns, "{\"id\":\"a\"}\n{\"id\":" + id + "}\n");
    EXPECT_EQ(e.misfit_line(), 2U) << columns << ' ' << id.substr(0, 20) << ": " << e.message();
    EXPECT_NE(e.message().find("line 2: the key takes 504 bytes"), std::string::npos) << e.message();
  }
  const std::pair<std::string, std::string> fits[] = {
      {"id utf8", '"' + most + '"'},
      {"id binary", '"' + hex.substr(0, hex.size() - 2) + '"'},
      {"id binary", '"' + zeros.substr(0, zeros.size() - 2) + '"'},
  };
  for (const auto& [columns, id] : fits) {
    NdjsonOptions o;
    o.schema = Schema::parse(columns, {.key = {"id"}, .time = ""}).value();
    NdjsonReader r(o);
    EXPECT_EQ(read(r, "{\"id\":" + id + "}").front().rows(), 1) << columns;
  }
}

TEST(Ndjson, AKeyThatIsADefaultOrNotThereIsAMisfitOfItsLine) {
  const std::string rest = ", n i64 not null default 7";
  EXPECT_EQ(
      ndjson_error_of("id utf8 default '" + std::string(502, 'x') + "'" + rest, "{\"n\":1}\n").misfit_line(),
      1U);
  EXPECT_EQ(ndjson_error_of("id utf8" + rest, "{\"id\":\"a\"}\n{\"n\":1}\n").misfit_line(), 2U);
  NdjsonOptions o;
  o.schema = Schema::parse("id utf8 default 'x'" + rest, {.key = {"id"}, .time = ""}).value();
  NdjsonReader r(o);
  EXPECT_EQ(read(r, "{}").front()[1].value_at(0), Value(std::int64_t{7}));
}

TEST(Ndjson, WhatIsNoRowIsNoMisfit) {
  NdjsonOptions o;
  o.row_bytes_max = 10;
  NdjsonReader r(o);
  const std::string text(100, ' ');
  const auto fed = r.feed({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});  // NOLINT
  ASSERT_FALSE(fed);
  EXPECT_FALSE(fed.error().misfit_line());
  EXPECT_NE(fed.error().message().find("line 1"), std::string::npos);
}

}  // namespace
}  // namespace firn::text
