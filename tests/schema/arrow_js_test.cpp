// Our half of the comparison with apache-arrow (arrow_js/run.sh): writes files and says what is in them;
// reads a file of another writer and says the same. Skipped unless run.sh names the folders.
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "schema/arrow_ipc.hpp"
#include "tests/schema/arrow_fixture.hpp"

namespace firn::arrow {
namespace {

Schema compared() {
  return Schema::parse("id i32, b bool, f f64, s utf8, u u16, d i64", {.key = {"id"}, .time = ""}).value();
}

Batch some_rows(std::int32_t first) {
  BatchBuilder b(compared());
  for (std::int32_t i = first; i < first + 1000; ++i) {
    const Value text = i % 5 == 0 ? Value() : Value("t\xC3\xBC" + std::to_string(i % 17));
    b.append(i, i % 3 == 0, i * 0.25, text, static_cast<std::uint16_t>(i), std::int64_t{i} * 1'000'000);
  }
  return b.finish().value();
}

double weigh(const Value& v) {
  if (v.type() == TypeId::utf8) return static_cast<double>(v.as_bytes().size());
  return v.type() == TypeId::boolean ? (v.as_bool() ? 1 : 0) : v.to_f64();
}

std::string summary(const Schema& schema, const std::vector<Batch>& batches) {
  std::int64_t rows = 0;
  for (const Batch& b : batches) rows += b.rows();
  std::string out = fmt::format("rows {}\n", rows);
  for (std::size_t c = 0; c < schema.size(); ++c) {
    std::int64_t count = 0;
    double sum = 0;
    for (const Batch& b : batches) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(b.rows()); ++i) {
        const Value v = b[c].value_at(i);
        if (v.is_null()) continue;
        ++count;
        sum += weigh(v);
      }
    }
    out += fmt::format("{} {} {:.3f}\n", schema[c].name, count, sum);
  }
  return out;
}

const char* folder() { return std::getenv("FIRN_ARROW_WORK"); }

void put(const std::string& name, std::string_view bytes) {
  std::ofstream(std::string(folder()) + "/" + name, std::ios::binary) << bytes;
}

template <class Writer>
void write(const std::string& name, const std::vector<Batch>& batches, WriteOptions options) {
  std::string bytes;
  Writer w(
      compared(),
      [&bytes](std::span<const std::uint8_t> b) -> Result<void> {
        bytes.append(b.begin(), b.end());
        return {};
      },
      options);
  for (const Batch& b : batches) w.write(b).value();
  w.close().value();
  put(name, bytes);
  put(name + ".txt", summary(compared(), batches));
}

Batch coded(const Batch& b) {
  std::vector<Column> columns = b.columns();
  columns[3] = test::as_dictionary(columns[3]);
  return Batch::make(b.schema(), std::move(columns)).value();
}

TEST(ArrowJs, WritesFilesForAnotherReader) {
  if (folder() == nullptr) GTEST_SKIP() << "run tests/schema/arrow_js/run.sh";
  const std::vector<Batch> plain{some_rows(0), some_rows(1000)};
  const std::vector<Batch> dictionaries{coded(plain[0]), coded(plain[1])};
  write<ArrowFileWriter>("plain.arrow", plain, {});
  write<ArrowFileWriter>("coded.arrow", dictionaries, {true});
  write<ArrowStreamWriter>("plain.arrows", plain, {});
  write<ArrowStreamWriter>("coded.arrows", dictionaries, {true});
}

TEST(ArrowJs, ReadsAFileOfAnotherWriter) {
  const char* path = std::getenv("FIRN_ARROW_FLIGHTS");
  if (folder() == nullptr || path == nullptr) GTEST_SKIP() << "run tests/schema/arrow_js/run.sh";
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  MutableBuffer copy;
  copy.append(bytes.data(), bytes.size());
  ArrowReader r = ArrowReader::open(copy.freeze()).value();
  std::vector<Batch> batches;
  while (auto b = r.next().value()) batches.push_back(std::move(*b));
  put("flights.txt", summary(r.schema(), batches));
}

}  // namespace
}  // namespace firn::arrow
