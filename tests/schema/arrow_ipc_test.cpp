// Arrow IPC: what is written reads back the same, shares its bytes, and no damaged byte does harm.
#include "schema/arrow_ipc.hpp"

#include "tests/schema/arrow_fixture.hpp"

namespace firn::arrow {
namespace {

using test::as_dictionary;
using test::every_type;
using test::expect_same;
using test::random_batch;

class Bytes {
 public:
  Sink sink() {
    return [this](std::span<const std::uint8_t> bytes) -> Result<void> {
      all_.append(bytes.data(), bytes.size());
      return {};
    };
  }
  Buffer take() { return all_.freeze(); }

 private:
  MutableBuffer all_;
};

Buffer write_stream(const std::vector<Batch>& batches, WriteOptions options = {}) {
  Bytes out;
  ArrowStreamWriter w(batches[0].schema(), out.sink(), options);
  for (const Batch& b : batches) w.write(b).value();
  w.close().value();
  return out.take();
}

Buffer write_file(const std::vector<Batch>& batches, WriteOptions options = {}) {
  Bytes out;
  ArrowFileWriter w(batches[0].schema(), out.sink(), options);
  for (const Batch& b : batches) w.write(b).value();
  w.close().value();
  return out.take();
}

std::vector<Batch> read_all(const Buffer& bytes) {
  ArrowReader r = ArrowReader::open(bytes).value();
  std::vector<Batch> out;
  while (auto b = r.next().value()) out.push_back(std::move(*b));
  return out;
}

Buffer at_odd_address(const Buffer& b, std::size_t shift) {
  MutableBuffer copy(shift);
  copy.append(b.data(), b.size());
  return copy.freeze().slice(shift, b.size());
}

Batch with_dictionaries(const Batch& b) {
  std::vector<Column> columns;
  for (const Column& c : b.columns()) columns.push_back(c.type == TypeId::boolean ? c : as_dictionary(c));
  return Batch::make(b.schema(), std::move(columns)).value();
}

TEST(ArrowMessage, BatchReadsBackWithSharedBuffers) {
  for (std::size_t rows : {0, 1, 7, 8, 9, 64, 1000}) {
    const Batch b = random_batch(every_type(), rows, rows);
    const Buffer message = encode_batch_message(b);
    EXPECT_EQ(message.size() % 64, 0U);
    const Batch back = decode_batch_message(b.schema(), message).value();
    expect_same(b, back);
    if (rows == 0) continue;
    const Buffer& values = back[0].values;
    EXPECT_TRUE(values.data() >= message.data() && values.data() < message.data() + message.size());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(values.data()) % 64, 0U);
  }
}

TEST(ArrowMessage, MisalignedBytesAreCopiedNotMisread) {
  const Batch b = random_batch(every_type(), 100, 5);
  const Buffer message = encode_batch_message(b);
  for (std::size_t shift = 1; shift < 9; ++shift)
    expect_same(b, decode_batch_message(b.schema(), at_odd_address(message, shift)).value());
}

TEST(ArrowMessage, SlicesAreWrittenWithoutWhatTheyLeaveOut) {
  const Batch b = random_batch(every_type(), 1000, 6);
  const Batch part = b.slice(900, 50);
  const EncodedMessage message = encode_batch_parts(part);
  EXPECT_LT(message.length(), encode_batch_parts(b).length() / 4);
  expect_same(part, decode_batch_message(b.schema(), message.join()).value());
}

TEST(ArrowMessage, OtherColumnsAreRefused) {
  const Buffer message = encode_batch_message(random_batch(every_type(), 10, 7));
  const Schema other = Schema::parse("id u64, s utf8").value();
  EXPECT_EQ(decode_batch_message(other, message).error().code(), ErrorCode::corrupt);
  EXPECT_EQ(decode_batch_message(other, encode_schema_message(other)).error().code(), ErrorCode::corrupt);
}

TEST(ArrowMessage, SchemaKeepsKeyTimeAndIds) {
  const Schema s = every_type();
  EXPECT_EQ(decode_schema_message(encode_schema_message(s)).value(), s);
  const Schema rows = Schema::parse("a i64, b utf8").value();
  EXPECT_EQ(decode_schema_message(encode_schema_message(rows)).value(), rows);
  EXPECT_TRUE(decode_schema_message(encode_schema_message(rows)).value().has_row_key());
}

TEST(ArrowStream, BatchesReadBack) {
  const std::vector<Batch> batches{random_batch(every_type(), 100, 1), random_batch(every_type(), 0, 2),
                                   random_batch(every_type(), 33, 3)};
  const std::vector<Batch> back = read_all(write_stream(batches));
  ASSERT_EQ(back.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) expect_same(batches[i], back[i]);
  EXPECT_EQ(back[0].schema(), batches[0].schema());
}

TEST(ArrowStream, EndMarkMayBeMissing) {
  const Buffer all = write_stream({random_batch(every_type(), 100, 1)});
  EXPECT_EQ(read_all(all.slice(0, all.size() - 8)).size(), 1U);
}

TEST(ArrowStream, OfNoBatchHasASchema) {
  Bytes out;
  ArrowStreamWriter w(every_type(), out.sink());
  w.close().value();
  ArrowReader r = ArrowReader::open(out.take()).value();
  EXPECT_EQ(r.schema(), every_type());
  EXPECT_FALSE(r.next().value().has_value());
}

TEST(ArrowStream, EveryCutIsAnErrorOrAShorterStream) {
  const Buffer all = write_stream({random_batch(every_type(), 20, 1), random_batch(every_type(), 5, 2)});
  for (std::size_t n = 0; n < all.size(); ++n) {
    auto r = ArrowReader::open(all.slice(0, n));
    if (!r) continue;
    std::size_t batches = 0;
    while (true) {
      auto b = r->next();
      if (!b || !*b) break;
      ++batches;
    }
    EXPECT_LE(batches, 2U);
  }
}

TEST(ArrowFile, BatchesReadBack) {
  const std::vector<Batch> batches{random_batch(every_type(), 100, 1), random_batch(every_type(), 33, 3)};
  const std::vector<Batch> back = read_all(write_file(batches));
  ASSERT_EQ(back.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) expect_same(batches[i], back[i]);
}

TEST(ArrowFile, CutFileSaysSo) {
  const Buffer all = write_file({random_batch(every_type(), 100, 1)});
  auto r = ArrowReader::open(all.slice(0, all.size() - 1));
  ASSERT_FALSE(r.ok());
  EXPECT_EQ(r.error().code(), ErrorCode::corrupt);
}

TEST(ArrowDictionary, PlainByDefaultKeptOnRequest) {
  std::vector<Batch> plain, coded;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    plain.push_back(random_batch(every_type(), 60, seed));
    coded.push_back(with_dictionaries(plain.back()));
  }
  for (bool file : {false, true}) {
    const std::vector<Batch> a = read_all(file ? write_file(coded) : write_stream(coded));
    const std::vector<Batch> b = read_all(file ? write_file(coded, {true}) : write_stream(coded, {true}));
    ASSERT_EQ(b.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
      expect_same(plain[i], a[i]);
      expect_same(plain[i], b[i]);
      EXPECT_EQ(a[i][11].dictionary, nullptr);
      EXPECT_NE(b[i][11].dictionary, nullptr);
    }
  }
}

TEST(ArrowDictionary, LaterPlainBatchIsEncodedToo) {
  const Batch plain = random_batch(every_type(), 60, 9);
  const std::vector<Batch> back = read_all(write_stream({with_dictionaries(plain), plain, plain}, {true}));
  for (const Batch& b : back) expect_same(plain, b);
}

// Hostile bytes: whatever is flipped, the reader answers, and what it hands out stays in bounds.
void touch_everything(const Batch& b) {
  for (const Column& c : b.columns())
    for (std::size_t i = 0; i < static_cast<std::size_t>(c.length) && i < 1000; ++i) (void)c.value_at(i);
}

void read_hostile(const Buffer& bytes) {
  auto r = ArrowReader::open(bytes);
  if (!r) return;
  for (int i = 0; i < 10; ++i) {
    auto b = r->next();
    if (!b || !*b) return;
    touch_everything(**b);
  }
}

void mutate_and_read(const Buffer& good, std::uint64_t seed, int rounds) {
  std::mt19937_64 random(seed);
  for (int round = 0; round < rounds; ++round) {
    MutableBuffer bad;
    bad.append(good.data(), good.size());
    const std::size_t edits = 1 + random() % 3;
    for (std::size_t e = 0; e < edits; ++e) {
      const std::size_t at = random() % bad.size();
      switch (random() % 4) {
        case 0:
          bad.data()[at] = static_cast<std::uint8_t>(random());
          break;
        case 1:
          bad.data()[at] ^= static_cast<std::uint8_t>(1U << random() % 8);
          break;
        case 2:
          bad.data()[at] = random() % 2 == 0 ? 0xFF : 0x7F;
          break;
        default: {
          const std::uint32_t word =
              random() % 2 == 0 ? 0x7FFFFFFF : static_cast<std::uint32_t>(random() % 100);
          std::memcpy(bad.data() + at / 4 * 4, &word, std::min<std::size_t>(4, bad.size() - at / 4 * 4));
        }
      }
    }
    if (random() % 8 == 0) bad.resize(random() % bad.size());
    read_hostile(bad.freeze());
  }
}

TEST(ArrowHostile, MutatedBytesNeverCrash) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  const Batch b = random_batch(every_type(), 12, 3);
  mutate_and_read(write_stream({b, b}), seed, 1500);
  mutate_and_read(write_file({b, b}), seed + 1, 1500);
  const Batch d = with_dictionaries(b);
  mutate_and_read(write_stream({d, random_batch(every_type(), 12, 4)}, {true}), seed + 2, 1500);
  mutate_and_read(write_file({d, d}, {true}), seed + 3, 1500);
}

}  // namespace
}  // namespace firn::arrow
