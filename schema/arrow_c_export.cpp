#include <memory>
#include <string>

#include "schema/arrow_c.hpp"

namespace firn::arrow {
namespace {

std::string format_of(TypeId type) {
  switch (type) {
    case TypeId::boolean:
      return "b";
    case TypeId::i8:
      return "c";
    case TypeId::i16:
      return "s";
    case TypeId::i32:
      return "i";
    case TypeId::i64:
      return "l";
    case TypeId::u8:
      return "C";
    case TypeId::u16:
      return "S";
    case TypeId::u32:
      return "I";
    case TypeId::u64:
      return "L";
    case TypeId::f32:
      return "f";
    case TypeId::f64:
      return "g";
    case TypeId::utf8:
      return "u";
    case TypeId::binary:
      return "z";
    case TypeId::timestamp:
      return "tsu:UTC";
    case TypeId::date:
      return "tdD";
    default:
      return "n";
  }
}

/// What an exported schema points into. Children are released through their own callbacks, as the consumer
/// may have moved them away.
struct SchemaOwner {
  std::string format, name;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> child_pointers;
};

void release_schema(ArrowSchema* s) {
  for (std::int64_t i = 0; i < s->n_children; ++i)
    if (s->children[i]->release != nullptr) s->children[i]->release(s->children[i]);
  delete static_cast<SchemaOwner*>(s->private_data);
  s->release = nullptr;
}

void fill_schema(std::string format, std::string name, bool nullable, std::size_t children,
                 ArrowSchema* out) {
  auto owner = std::make_unique<SchemaOwner>();
  owner->format = std::move(format);
  owner->name = std::move(name);
  owner->children.resize(children);
  for (ArrowSchema& c : owner->children) owner->child_pointers.push_back(&c);
  *out = {};
  out->format = owner->format.c_str();
  out->name = owner->name.c_str();
  out->flags = nullable ? ARROW_FLAG_NULLABLE : 0;
  out->n_children = static_cast<std::int64_t>(children);
  out->children = owner->child_pointers.data();
  out->release = release_schema;
  out->private_data = owner.release();
}

struct ArrayOwner {
  Column column;
  std::vector<const void*> buffers;
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> child_pointers;
};

void release_array(ArrowArray* a) {
  for (std::int64_t i = 0; i < a->n_children; ++i)
    if (a->children[i]->release != nullptr) a->children[i]->release(a->children[i]);
  delete static_cast<ArrayOwner*>(a->private_data);
  a->release = nullptr;
}

/// Consumers may read a buffer that has no bytes: it needs an address all the same.
const void* address_of(const Buffer& b) {
  alignas(kBufferAlignment) static constexpr std::uint8_t kNothing[kBufferAlignment] = {};
  return b.data() == nullptr ? kNothing : b.data();
}

void finish_array(std::unique_ptr<ArrayOwner> owner, std::int64_t length, std::int64_t nulls,
                  ArrowArray* out) {
  *out = {};
  out->length = length;
  out->null_count = nulls;
  out->n_buffers = static_cast<std::int64_t>(owner->buffers.size());
  out->buffers = owner->buffers.data();
  out->n_children = static_cast<std::int64_t>(owner->children.size());
  out->children = owner->child_pointers.data();
  out->release = release_array;
  out->private_data = owner.release();
}

void fill_column(const Column& c, ArrowArray* out) {
  auto owner = std::make_unique<ArrayOwner>();
  owner->column = c.to_plain();
  const Column& p = owner->column;
  if (p.type != TypeId::null) {
    owner->buffers.push_back(p.null_count == 0 || p.validity.empty() ? nullptr : p.validity.data());
    if (is_variable(p.type)) owner->buffers.push_back(address_of(p.offsets));
    owner->buffers.push_back(address_of(p.values));
  }
  const std::int64_t nulls = p.type == TypeId::null ? p.length : (p.validity.empty() ? 0 : p.null_count);
  finish_array(std::move(owner), c.length, nulls, out);
}

void fill_batch(const Batch& b, ArrowArray* out) {
  auto owner = std::make_unique<ArrayOwner>();
  owner->buffers.push_back(nullptr);
  owner->children.resize(b.columns().size());
  for (std::size_t i = 0; i < owner->children.size(); ++i) {
    fill_column(b[i], &owner->children[i]);
    owner->child_pointers.push_back(&owner->children[i]);
  }
  finish_array(std::move(owner), b.rows(), 0, out);
}

struct StreamOwner {
  Schema schema;
  std::vector<Batch> batches;
  std::size_t next = 0;
  std::string error;
};

constexpr int kNoMemory = 12;  ///< ENOMEM, as the interface wants errno values

template <class F>
int guarded(ArrowArrayStream* s, F work) {  // no exception may cross the C boundary
  auto* owner = static_cast<StreamOwner*>(s->private_data);
  try {
    work(*owner);
    return 0;
  } catch (const std::exception& e) {
    owner->error = e.what();
    return kNoMemory;
  }
}

int get_schema(ArrowArrayStream* s, ArrowSchema* out) {
  return guarded(s, [out](StreamOwner& o) {
    fill_schema("+s", "", false, o.schema.size(), out);
    for (std::size_t i = 0; i < o.schema.size(); ++i)
      fill_schema(format_of(o.schema[i].type), o.schema[i].name, o.schema[i].nullable, 0, out->children[i]);
  });
}

int get_next(ArrowArrayStream* s, ArrowArray* out) {
  return guarded(s, [out](StreamOwner& o) {
    *out = {};  // released: the end
    if (o.next == o.batches.size()) return;
    fill_batch(o.batches[o.next], out);
    o.batches[o.next++] = Batch();
  });
}

const char* get_last_error(ArrowArrayStream* s) {
  const auto* owner = static_cast<StreamOwner*>(s->private_data);
  return owner->error.empty() ? nullptr : owner->error.c_str();
}

void release_stream(ArrowArrayStream* s) {
  delete static_cast<StreamOwner*>(s->private_data);
  s->release = nullptr;
}

}  // namespace

void export_stream(const Schema& schema, std::vector<Batch> batches, ArrowArrayStream* out) {
  auto owner = std::make_unique<StreamOwner>();
  owner->schema = schema;
  owner->batches = std::move(batches);
  *out = {get_schema, get_next, get_last_error, release_stream, owner.release()};
}

}  // namespace firn::arrow
