// The C stream interface: out and in again without copies; whoever holds an array keeps its bytes.
#include "schema/arrow_c.hpp"

#include "tests/schema/arrow_fixture.hpp"

namespace firn::arrow {
namespace {

using test::every_type;
using test::expect_same;
using test::random_batch;

TEST(ArrowC, BatchesGoOutAndInSharingBuffers) {
  const Batch a = random_batch(every_type(), 100, 1), b = random_batch(every_type(), 0, 2);
  ArrowArrayStream s;
  export_stream(a.schema(), {a, b, a.slice(3, 50)}, &s);
  const auto back = import_stream(&s).value();
  EXPECT_EQ(s.release, nullptr);
  ASSERT_EQ(back.size(), 3U);
  expect_same(a, back[0]);
  expect_same(b, back[1]);
  expect_same(a.slice(3, 50), back[2]);
  EXPECT_EQ(back[0][0].values.data(), a[0].values.data());
}

TEST(ArrowC, ArraysOutliveTheStream) {
  ArrowArrayStream s;
  {
    const Batch a = random_batch(every_type(), 10, 1);
    export_stream(a.schema(), {a}, &s);
  }
  ArrowArray array;
  ArrowSchema schema;
  ASSERT_EQ(s.get_next(&s, &array), 0);
  ASSERT_EQ(s.get_schema(&s, &schema), 0);
  s.release(&s);
  EXPECT_STREQ(schema.children[0]->format, "L");
  EXPECT_EQ(array.children[0]->length, 10);
  ArrowArray moved = *array.children[2];  // a consumer may take a child for itself
  array.children[2]->release = nullptr;
  array.release(&array);
  EXPECT_NE(moved.buffers[1], nullptr);
  moved.release(&moved);
  schema.release(&schema);
}

TEST(ArrowC, OffsetsOfTheProducerAreHonoured) {
  const Batch a = random_batch(every_type(), 100, 7);
  ArrowArrayStream s;
  export_stream(a.schema(), {a}, &s);
  // Wrap it: every array says that it begins at row 5 (of the struct) and 3 (of each child).
  static int (*inner)(ArrowArrayStream*, ArrowArray*);
  inner = s.get_next;
  s.get_next = [](ArrowArrayStream* self, ArrowArray* out) {
    const int code = inner(self, out);
    if (out->release == nullptr) return code;
    out->offset = 5;
    out->length = 80;
    for (std::int64_t i = 0; i < out->n_children; ++i) {
      out->children[i]->offset = 3;
      out->children[i]->length -= 3;
    }
    return code;
  };
  const auto back = import_stream(&s).value();
  expect_same(a.slice(8, 80), back[0]);
}

}  // namespace
}  // namespace firn::arrow
