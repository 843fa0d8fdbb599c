// Functions on text. Positions and lengths count characters for utf8 and bytes for binary; lower and upper
// change ASCII letters only.
#include "storage/query/functions.hpp"
#include "storage/query/kernel_loops.hpp"
#include "storage/query/utf8.hpp"

namespace firn::storage::query {
namespace {

using View = std::string_view;
using Text = std::span<const Vector>;

/// Characters of utf8, bytes of binary, decided once for a vector.
bool by_bytes(const Node& node) { return node.args[0]->type == TypeId::binary; }

Result<Vector> length(const Node& node, Text args, std::size_t rows) {
  const bool bytes = by_bytes(node);
  return map_one<std::int64_t, View>(Lane::i64, args, rows, [bytes](View s) {
    return static_cast<std::int64_t>(bytes ? s.size() : count_characters(s));
  });
}

/// Text to text, row by row: f(out, row) appends; NULL where any argument is NULL.
template <class F>
Vector each(Text args, std::size_t rows, F f) {
  StringsOut out(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const bool present = !any_null(args, i);
    if (present) f(out.arena(), i);
    out.end(present);
  }
  return out.finish();
}

Result<Vector> change_case(const Node& node, Text args, std::size_t rows) {
  const char first = node.parameter != 0 ? 'a' : 'A', last = node.parameter != 0 ? 'z' : 'Z';
  return each(args, rows, [&](std::string& out, std::size_t i) {
    for (const char c : text_at(args[0], i))
      out.push_back(c >= first && c <= last ? static_cast<char>(c ^ 0x20) : c);
  });
}

constexpr std::int64_t kTrimLeft = 1, kTrimRight = 2;

Result<Vector> trim(const Node& node, Text args, std::size_t rows) {
  return each(args, rows, [&](std::string& out, std::size_t i) {
    View s = text_at(args[0], i);
    const View set = args.size() > 1 ? text_at(args[1], i) : View(" ");
    if (node.parameter & kTrimLeft) s.remove_prefix(std::min(s.find_first_not_of(set), s.size()));
    if (node.parameter & kTrimRight) s = s.substr(0, s.find_last_not_of(set) + 1);
    out.append(s);
  });
}

/// Characters [from, from + count) counted from 0; negative `from` and what lies outside are cut.
View cut(View s, std::int64_t from, std::int64_t count, bool bytes) {
  if (count <= 0) return {};
  std::int64_t end = 0;
  if (__builtin_add_overflow(from, count, &end)) end = INT64_MAX;
  if (end <= 0) return {};
  from = std::max<std::int64_t>(from, 0);
  const auto at = [&](std::int64_t k) {
    const auto u = static_cast<std::size_t>(k);
    return bytes ? std::min(u, s.size()) : u >= s.size() ? s.size() : offset_of_character(s, u);
  };
  const std::size_t b = at(from);
  return s.substr(b, at(end) - b);
}

std::int64_t characters(View s, bool bytes) {
  return static_cast<std::int64_t>(bytes ? s.size() : count_characters(s));
}

/// substr(s, start [, count]): start from 1; negative counts from the end.
Result<Vector> substr(const Node& node, Text args, std::size_t rows) {
  const bool bytes = by_bytes(node);
  return each(args, rows, [&](std::string& out, std::size_t i) {
    const View s = text_at(args[0], i);
    const std::int64_t start = int_at(args[1], i), count = args.size() > 2 ? int_at(args[2], i) : INT64_MAX;
    std::int64_t from = start - (start > 0 ? 1 : 0);
    std::int64_t n = count;
    if (start == 0 && args.size() > 2) n = count - (count > 0 ? 1 : 0);  // position 0 lies before the text
    if (start < 0) {
      const std::int64_t total = characters(s, bytes);
      from = start < -total ? start + total : total + start;
    }
    out.append(cut(s, from, n, bytes));
  });
}

Result<Vector> left(const Node& node, Text args, std::size_t rows) {
  const bool bytes = by_bytes(node);
  return each(args, rows, [&](std::string& out, std::size_t i) {
    const View s = text_at(args[0], i);
    const std::int64_t n = int_at(args[1], i);
    out.append(cut(s, 0, n < 0 ? characters(s, bytes) + n : n, bytes));  // negative: all but the last |n|
  });
}

Result<Vector> right(const Node& node, Text args, std::size_t rows) {
  const bool bytes = by_bytes(node);
  return each(args, rows, [&](std::string& out, std::size_t i) {
    const View s = text_at(args[0], i);
    const std::int64_t n = int_at(args[1], i), total = characters(s, bytes);
    const std::int64_t skip = n < 0 ? (n < -total ? total : -n) : (n > total ? 0 : total - n);
    out.append(cut(s, skip, total, bytes));
  });
}

Result<Vector> replace(const Node&, Text args, std::size_t rows) {
  return each(args, rows, [&](std::string& out, std::size_t i) {
    View s = text_at(args[0], i);
    const View from = text_at(args[1], i), to = text_at(args[2], i);
    while (!from.empty()) {
      const std::size_t at = s.find(from);
      if (at == View::npos) break;
      out.append(s.substr(0, at)).append(to);
      s.remove_prefix(at + from.size());
    }
    out.append(s);
  });
}

Result<Vector> reverse(const Node& node, Text args, std::size_t rows) {
  const bool bytes = by_bytes(node);
  return each(args, rows, [&](std::string& out, std::size_t i) {
    const View s = text_at(args[0], i);
    std::size_t end = s.size();
    while (end > 0) {
      std::size_t begin = end - 1;
      while (!bytes && begin > 0 && is_continuation(s[begin])) --begin;
      out.append(s.substr(begin, end - begin));
      end = begin;
    }
  });
}

Result<Vector> hex(const Node&, Text args, std::size_t rows) {
  return each(args, rows, [&](std::string& out, std::size_t i) {
    for (const char c : text_at(args[0], i)) {
      out.push_back("0123456789ABCDEF"[static_cast<unsigned char>(c) >> 4U]);
      out.push_back("0123456789ABCDEF"[static_cast<unsigned char>(c) & 15U]);
    }
  });
}

Result<Vector> position(const Node& node, Text args, std::size_t rows) {
  const bool bytes = by_bytes(node);
  return map_two<std::int64_t, View, View>(Lane::i64, args, rows, [bytes](View s, View part) -> std::int64_t {
    const std::size_t at = s.find(part);
    return at == View::npos ? 0 : characters(s.substr(0, at), bytes) + 1;
  });
}

Result<Vector> starts_with(const Node&, Text args, std::size_t rows) {
  return map_two<std::uint8_t, View, View>(
      Lane::boolean, args, rows, [](View s, View part) -> std::uint8_t { return s.starts_with(part); });
}
Result<Vector> ends_with(const Node&, Text args, std::size_t rows) {
  return map_two<std::uint8_t, View, View>(
      Lane::boolean, args, rows, [](View s, View part) -> std::uint8_t { return s.ends_with(part); });
}
Result<Vector> contains(const Node&, Text args, std::size_t rows) {
  return map_two<std::uint8_t, View, View>(Lane::boolean, args, rows, [](View s, View part) -> std::uint8_t {
    return s.find(part) != View::npos;
  });
}

Result<Vector> concatenate(const Node& node, Text args, std::size_t rows) {
  const bool skip_nulls = node.parameter != 0;
  StringsOut out(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    bool present = true;
    for (const Vector& a : args) {
      if (!a.is_null(i))
        out.arena().append(text_at(a, i));
      else
        present = present && skip_nulls;
    }
    out.end(present);
  }
  return out.finish();
}

}  // namespace

Result<NodePtr> make_concat(std::vector<NodePtr> args, bool skip_nulls, Place place) {
  // A chain of || is one node: no intermediate strings, no deep nesting.
  std::vector<NodePtr> parts;
  TypeId type = TypeId::utf8;
  for (NodePtr& a : args) {
    if (!skip_nulls && a->kind == NodeKind::kernel && a->kernel == Kernel{concatenate} && a->parameter == 0) {
      parts.insert(parts.end(), a->args.begin(), a->args.end());
      if (a->type == TypeId::binary) type = TypeId::binary;
      continue;
    }
    if (a->type == TypeId::binary) type = TypeId::binary;
    if (!is_variable(a->type)) {
      FIRN_ASSIGN(a, make_cast(a, TypeId::utf8, place));
    }
    parts.push_back(a);
  }
  return kernel_node(concatenate, type, std::move(parts), place, false, skip_nulls);
}

std::span<const FunctionEntry> string_functions() {
  using A = ArgKind;
  static const FunctionEntry entries[] = {
      {"length", 1, 1, {A::text}, TypeId::i64, length},
      {"char_length", 1, 1, {A::text}, TypeId::i64, length},
      {"lower", 1, 1, {A::text}, TypeId::utf8, change_case, 0},
      {"upper", 1, 1, {A::text}, TypeId::utf8, change_case, 1},
      {"trim", 1, 2, {A::text, A::text}, TypeId::utf8, trim, kTrimLeft | kTrimRight},
      {"ltrim", 1, 2, {A::text, A::text}, TypeId::utf8, trim, kTrimLeft},
      {"rtrim", 1, 2, {A::text, A::text}, TypeId::utf8, trim, kTrimRight},
      {"substr", 2, 3, {A::text, A::integer, A::integer}, TypeId::invalid, substr},
      {"substring", 2, 3, {A::text, A::integer, A::integer}, TypeId::invalid, substr},
      {"left", 2, 2, {A::text, A::integer}, TypeId::invalid, left},
      {"right", 2, 2, {A::text, A::integer}, TypeId::invalid, right},
      {"replace", 3, 3, {A::text, A::text, A::text}, TypeId::invalid, replace},
      {"reverse", 1, 1, {A::text}, TypeId::invalid, reverse},
      {"hex", 1, 1, {A::text}, TypeId::utf8, hex},
      {"instr", 2, 2, {A::text, A::text}, TypeId::i64, position},
      {"strpos", 2, 2, {A::text, A::text}, TypeId::i64, position},
      {"starts_with", 2, 2, {A::text, A::text}, TypeId::boolean, starts_with},
      {"ends_with", 2, 2, {A::text, A::text}, TypeId::boolean, ends_with},
      {"contains", 2, 2, {A::text, A::text}, TypeId::boolean, contains},
  };
  return entries;
}

}  // namespace firn::storage::query
