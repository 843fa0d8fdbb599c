// Every way to move rows between columns against the same moves on vectors of Value.
#include <gtest/gtest.h>

#include <random>

#include "schema/batch.hpp"
#include "schema/bitmap.hpp"
#include "tests/schema/samples.hpp"

namespace firn {
namespace {

using Values = std::vector<Value>;

std::int64_t nulls_in(const Values& v) {
  return static_cast<std::int64_t>(
      std::count_if(v.begin(), v.end(), [](const Value& x) { return x.is_null(); }));
}

void expect_column(const Column& c, const Values& expected) {
  EXPECT_EQ(c.length, static_cast<std::int64_t>(expected.size()));
  EXPECT_EQ(c.null_count, nulls_in(expected));
  EXPECT_EQ(values_of(c), expected);
}

struct Sample {
  std::string name;
  Column column;
};

/// Plain and dictionary columns with no, some and many NULLs.
std::vector<Sample> samples(TypeId type, std::size_t rows, std::mt19937_64& random) {
  std::vector<Sample> out;
  for (const unsigned null_in : {0U, 2U, 20U}) {
    out.push_back({"plain", column_of(type, random_values(type, rows, null_in, random))});
    out.push_back({"dictionary", random_dictionary_column(type, rows, null_in, random)});
  }
  return out;
}

class ColumnOfEveryType : public testing::TestWithParam<TypeId> {};
INSTANTIATE_TEST_SUITE_P(Types, ColumnOfEveryType, testing::ValuesIn(kColumnTypes),
                         [](const auto& type) { return std::string(name_of(type.param)); });

TEST_P(ColumnOfEveryType, BuilderKeepsEdgeValuesAndNulls) {
  Values values = edge_values(GetParam());
  values.insert(values.begin() + 1, Value());
  values.emplace_back();
  expect_column(column_of(GetParam(), values), values);
}

TEST_P(ColumnOfEveryType, SliceTakeAndPlainFormMatchTheModel) {
  std::mt19937_64 random(21);
  for (const Sample& s : samples(GetParam(), 150, random)) {
    const Values values = values_of(s.column);
    expect_column(s.column.to_plain(), values);
    EXPECT_EQ(s.column.to_plain().dictionary, nullptr);
    for (int i = 0; i < 40; ++i) {
      const std::size_t offset = random() % 151, count = random() % (151 - offset);
      const Values expected(values.begin() + static_cast<std::ptrdiff_t>(offset),
                            values.begin() + static_cast<std::ptrdiff_t>(offset + count));
      const Column slice = s.column.slice(offset, count);
      expect_column(slice, expected);
      if (count > 1) expect_column(slice.slice(1, count - 1), {expected.begin() + 1, expected.end()});
      expect_column(slice.to_plain(), expected);

      std::vector<std::uint32_t> rows;
      Values taken;
      while (count != 0 && rows.size() < count) {  // runs and jumps
        auto row = static_cast<std::uint32_t>(random() % count);
        for (std::size_t n = random() % 5; n-- > 0 && row < count; ++row)
          rows.push_back(row), taken.push_back(expected[row]);
      }
      expect_column(slice.take(rows), taken);
    }
  }
}

TEST_P(ColumnOfEveryType, BuilderJoinsColumnsAndTruncatesLikeTheModel) {
  std::mt19937_64 random(22);
  const std::vector<Sample> some = samples(GetParam(), 40, random);
  for (int round = 0; round < 20; ++round) {
    ColumnBuilder b(GetParam());
    Values model;
    for (int step = 0; step < 15; ++step) {
      const Column& c = some[random() % some.size()].column;
      const std::size_t offset = random() % 40, count = random() % (41 - offset);
      const Column part = c.slice(offset, count);
      const Values values = values_of(part);
      switch (random() % 4) {
        case 0:
          b.append_column(part);
          model.insert(model.end(), values.begin(), values.end());
          break;
        case 1:
          for (std::size_t i = 0; i < count; ++i) b.append_from(part, i);
          model.insert(model.end(), values.begin(), values.end());
          break;
        case 2:
          model.resize(random() % (model.size() + 1));
          b.truncate(static_cast<std::int64_t>(model.size()));
          break;
        default:
          model.push_back(random() % 2 == 0 ? Value() : random_value(GetParam(), random));
          b.append(model.back()).value();
      }
      ASSERT_EQ(b.length(), static_cast<std::int64_t>(model.size()));
    }
    expect_column(b.finish(), model);
    EXPECT_EQ(b.length(), 0);
    b.append_column(some[0].column);  // ready for the next one
    expect_column(b.finish(), values_of(some[0].column));
  }
}

TEST_P(ColumnOfEveryType, ConcatMatchesTheModel) {
  std::mt19937_64 random(23);
  const Schema schema = Schema::for_result({{1, "c", GetParam(), true}});
  const std::vector<Sample> some = samples(GetParam(), 30, random);
  for (int round = 0; round < 30; ++round) {
    std::vector<Batch> parts;
    Values model;
    const bool shared = round % 3 == 0;
    for (std::size_t n = random() % 6; n-- > 0;) {
      const std::size_t offset = random() % 31;
      parts.push_back(
          Batch(schema, 30, {some[shared ? 1 : random() % some.size()].column}).slice(offset, 30 - offset));
      const Values values = values_of(parts.back()[0]);
      model.insert(model.end(), values.begin(), values.end());
    }
    const Batch all = concat(parts);
    EXPECT_EQ(all.rows(), static_cast<std::int64_t>(model.size()));
    if (parts.empty()) continue;
    expect_column(all[0], model);
    if (shared) {
      EXPECT_EQ(all[0].dictionary, some[1].column.dictionary);
    }
  }
}

TEST(Column, SlicesShareWhatTheyCan) {
  std::mt19937_64 random(24);
  const Column numbers = column_of(TypeId::i64, random_values(TypeId::i64, 100, 2, random));
  EXPECT_EQ(numbers.slice(3, 50).values.data(), numbers.values.data() + 24);
  EXPECT_EQ(numbers.slice(16, 50).validity.data(), numbers.validity.data() + 2);
  EXPECT_NE(numbers.slice(3, 50).validity.owner(), numbers.validity.owner());
  const Column texts = column_of(TypeId::utf8, random_values(TypeId::utf8, 100, 0, random));
  EXPECT_EQ(texts.slice(3, 50).values.owner(), texts.values.owner());
  EXPECT_LT(texts.slice(3, 5).byte_size(), texts.byte_size() / 4);
}

TEST(Column, OfNothingButNull) {
  ColumnBuilder b(TypeId::null);
  b.append_null();
  b.append_null();
  const Column c = b.finish();
  expect_column(c, Values(2));
  expect_column(c.slice(1, 1), Values(1));
  expect_column(c.take(std::vector<std::uint32_t>{0, 0, 1}), Values(3));
  b.append_column(c);
  b.append_column(c);
  b.truncate(3);
  expect_column(b.finish(), Values(3));
}

TEST(Column, RowsOutsideAreOurBugAndCaught) {
  const Column c = column_of(TypeId::u8, {std::uint8_t{1}, std::uint8_t{2}});
  EXPECT_THROW(c.take(std::vector<std::uint32_t>{2}), Error);
  EXPECT_THROW(c.slice(1, 2), Error);
  EXPECT_THROW(c.slice(3, 0), Error);
}

TEST(Column, PlainFormBeyondTwoGibibytesIsRefused) {
  Column c;
  c.type = TypeId::utf8;
  c.length = 3000;
  c.values = MutableBuffer(3000 * sizeof(std::uint32_t)).freeze();
  c.dictionary = std::make_shared<const Column>(column_of(TypeId::utf8, {std::string(1 << 20, 'x')}));
  try {
    c.to_plain();
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::out_of_range);
  }
}

TEST(Bitmap, RunsMatchBitByBit) {
  std::mt19937_64 random(25);
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::uint8_t> from(40), to(40);
    for (auto* bytes : {&from, &to}) {
      for (std::uint8_t& b : *bytes) b = static_cast<std::uint8_t>(random());
    }
    const std::vector<std::uint8_t> before = to;
    const std::size_t a = random() % 320, b = random() % 320, count = random() % (321 - std::max(a, b));
    std::size_t ones = 0;
    for (std::size_t i = 0; i < count; ++i) ones += bit_at(from.data(), a + i);
    EXPECT_EQ(count_ones(from.data(), a, count), ones);
    copy_bits(from.data(), a, to.data(), b, count);
    for (std::size_t i = 0; i < 320; ++i) {
      const bool inside = i >= b && i < b + count;
      ASSERT_EQ(bit_at(to.data(), i), inside ? bit_at(from.data(), a + i - b) : bit_at(before.data(), i));
    }
    const bool value = random() % 2 == 0;
    fill_bits(to.data(), a, count, value);
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(bit_at(to.data(), a + i), value);
  }
}

}  // namespace
}  // namespace firn
