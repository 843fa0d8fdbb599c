// CSV: every quoting and line end, fed in pieces of any size; misfits are named by line or set aside.
#include "schema/text/csv.hpp"

#include "tests/schema/arrow_fixture.hpp"

namespace firn::text {
namespace {

std::span<const std::uint8_t> bytes_of(std::string_view s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};  // NOLINT: text as bytes
}

std::vector<Batch> read(CsvReader& r, std::string_view text, std::size_t chunk = 1U << 20) {
  for (std::size_t i = 0; i < text.size(); i += chunk) r.feed(bytes_of(text.substr(i, chunk))).value();
  r.finish().value();
  std::vector<Batch> out;
  while (auto b = r.next()) out.push_back(std::move(*b));
  return out;
}

std::string round_trip(std::string_view text, std::size_t chunk = 1U << 20) {
  CsvReader r;
  std::string out;
  for (const Batch& b : read(r, text, chunk)) append_csv(b, out);
  return csv_header(*r.schema()) + out;
}

CsvOptions with_schema(std::string_view columns) {
  CsvOptions o;
  o.schema = Schema::parse(columns, {.key = {"id"}, .time = ""}).value();
  return o;
}

Error error_of(CsvOptions options, std::string_view text) {
  CsvReader r(std::move(options));
  auto fed = r.feed(bytes_of(text));
  return fed ? r.finish().error() : fed.error();
}

TEST(Csv, QuotesNewlinesAndNullsInPiecesOfAnySize) {
  const std::string text =
      "\xEF\xBB\xBFid,\"a "
      "\"\"b\"\"\",c\r\n1,\"x,\"\"y\"\"\",\r\n2,\"line\none\r\ntwo\",\"\"\r\n\r\n3,,z\r\n4,\"q\",\"w\"";
  const std::string expected =
      "id,\"a \"\"b\"\"\",c\n1,\"x,\"\"y\"\"\",\n2,\"line\none\r\ntwo\",\"\"\n3,,z\n4,q,w\n";
  for (std::size_t chunk : {1, 2, 3, 7, 1000}) EXPECT_EQ(round_trip(text, chunk), expected) << chunk;
}

TEST(Csv, TypesAreInferred) {
  CsvReader r;
  read(r,
       "i,f,s,d,t,b,mixed,empty\n1,1,x,2001-01-01,2001-01-01,true,1,\n-2,2.5,1,2001-02-28,2001-01-01 "
       "10:11:12.5,"
       "false,true,\n");
  const TypeId expected[] = {TypeId::i64,       TypeId::f64,     TypeId::utf8, TypeId::date,
                             TypeId::timestamp, TypeId::boolean, TypeId::utf8, TypeId::utf8};
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ((*r.schema())[i].type, expected[i]) << i;
}

TEST(Csv, LaterMisfitNamesItsLine) {
  CsvOptions o;
  o.infer_rows = 2;
  const Error e = error_of(o, "id,v\n1,1\n2,\"a\nb\"\n3,3\nx,4\n");
  EXPECT_NE(e.message().find("line 6"), std::string::npos) << e.message();
  EXPECT_NE(e.message().find("\"id\""), std::string::npos) << e.message();
}

TEST(Csv, MisfitsAreSetAside) {
  CsvOptions o = with_schema("id i64, v i8");
  std::vector<std::string> bad;
  o.bad_rows = [&bad](const BadRow& b) -> Result<void> {
    bad.push_back(std::to_string(b.line) + ":" + std::string(b.raw));
    return {};
  };
  CsvReader r(o);
  const auto batches = read(r, "id,v\n1,1\nx,2\n3,1000\n4\n\"5\"y,1\n,6\n7,7\n");
  ASSERT_EQ(batches.size(), 1U);
  EXPECT_EQ(batches[0].rows(), 2);
  EXPECT_EQ(batches[0][0].value_at(1), Value(std::int64_t{7}));
  EXPECT_EQ(bad, (std::vector<std::string>{"3:x,2", "4:3,1000", "5:4", "6:\"5\"y,1", "7:,6"}));
  EXPECT_EQ(r.bad_rows(), 5U);
}

TEST(Csv, AKeyIsMeasuredAsItIsStored) {
  const std::string most(503 - 2, 'x'), more = most + "x";
  const std::pair<std::string, std::string> misfits[] = {
      {"id utf8", more}, {"id utf8", '"' + more.substr(1) + "\"\"\""}, {"id binary", more}};
  for (const auto& [columns, id] : misfits) {
    const Error e = error_of(with_schema(columns), "id\na\n" + id + "\n");
    EXPECT_EQ(e.misfit_line(), 3U) << columns << ' ' << id.substr(0, 20) << ": " << e.message();
    EXPECT_NE(e.message().find("line 3: the key takes 504 bytes"), std::string::npos) << e.message();
  }
  for (const auto& [columns, id] : {std::pair{"id utf8", most}, std::pair{"id binary", most}}) {
    CsvReader r(with_schema(columns));
    EXPECT_EQ(read(r, "id\n" + id + "\n").front().rows(), 1) << columns;
  }
  CsvReader plain(with_schema("id i64, v utf8"));
  EXPECT_EQ(read(plain, "id,v\n1," + more + "\n").front().rows(), 1) << "a value, no key";
}

TEST(Csv, AKeyThatIsADefaultIsMeasuredToo) {
  CsvOptions o = with_schema("id utf8 default '" + std::string(502, 'x') + "', n i64");
  EXPECT_EQ(error_of(o, "n\n1\n").misfit_line(), 2U);
  std::vector<std::uint64_t> lines;
  o.bad_rows = [&lines](const BadRow& b) -> Result<void> {
    lines.push_back(b.line);
    return {};
  };
  CsvReader r(o);
  EXPECT_TRUE(read(r, "n\n1\n2\n").empty());
  EXPECT_EQ(lines, (std::vector<std::uint64_t>{2, 3}));
}

TEST(Csv, OnlyWholeRowsAreMisfits) {
  EXPECT_EQ(error_of(with_schema("id i64"), "id\n1\nx\n").misfit_line(), 3U);
  EXPECT_FALSE(error_of(with_schema("id i64"), "id,x\n").misfit_line());
  CsvOptions o = with_schema("id i64");
  o.row_bytes_max = 10;
  const Error e = error_of(o, "id\n\"" + std::string(100, 'x'));
  EXPECT_FALSE(e.misfit_line()) << e.message();
  EXPECT_NE(e.message().find("line 2"), std::string::npos);
}

TEST(Csv, HeaderIsMatchedByName) {
  CsvReader r(with_schema("id i64, a utf8, b f64"));
  const auto batches = read(r, "b,id\n1.5,7\n");
  EXPECT_EQ(batches[0][0].value_at(0), Value(std::int64_t{7}));
  EXPECT_TRUE(batches[0][1].is_null(0));
  EXPECT_EQ(batches[0][2].value_at(0), Value(1.5));
  EXPECT_EQ(error_of(with_schema("id i64"), "id,x\n").code(), ErrorCode::not_found);
  EXPECT_EQ(error_of(with_schema("id i64"), "id,id\n").code(), ErrorCode::already_exists);
  EXPECT_EQ(error_of(with_schema("id i64, a utf8"), "a\nx\n").code(), ErrorCode::not_found);
}

TEST(Csv, UnclosedQuoteIsAnError) {
  EXPECT_EQ(error_of(with_schema("id i64, a utf8"), "id,a\n1,\"x\n2,y\n").code(), ErrorCode::corrupt);
}

TEST(Csv, EveryTypeReadsBackAsWritten) {
  const Batch b = test::random_batch(
      Schema::parse("id i64, b bool, i i8, u u64, f f32, d f64, s utf8, t timestamp, y date",
                    {.key = {"id"}, .time = ""})
          .value(),
      500, 11);
  std::string text = csv_header(b.schema());
  append_csv(b, text);
  CsvOptions o;
  o.schema = b.schema();
  CsvReader r(o);
  const auto back = read(r, text, 100);
  ASSERT_EQ(back.size(), 1U);
  test::expect_same(b, back[0]);
}

TEST(Csv, BatchesHaveTheAskedSize) {
  CsvOptions o;
  o.batch_rows = 3;
  CsvReader r(o);
  std::string text = "id\n";
  for (int i = 0; i < 10; ++i) text += std::to_string(i) + "\n";
  const auto batches = read(r, text);
  ASSERT_EQ(batches.size(), 4U);
  EXPECT_EQ(batches[3].rows(), 1);
}

}  // namespace
}  // namespace firn::text
