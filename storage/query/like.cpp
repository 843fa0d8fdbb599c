// LIKE: % any run of characters, _ one character, case-sensitive, with ESCAPE. A constant pattern is compiled
// once; the common shapes (exact, prefix, suffix, contains) need no wildcard matching at all.
#include "storage/query/kernel_loops.hpp"
#include "storage/query/node_builder.hpp"
#include "storage/query/utf8.hpp"

namespace firn::storage::query {
namespace {

/// A pattern as literal runs and single-character gaps between the %.
struct Pattern {
  enum class Shape : std::uint8_t { exact, prefix, suffix, contains, general };
  struct Step {
    enum class Kind : std::uint8_t { byte, any_character, any_run } kind;
    char byte;
  };
  Shape shape = Shape::general;
  std::string literal;  // of the simple shapes; for `general` the bytes before the first wildcard
  std::vector<Step> steps;
};

Result<Pattern> compile(std::string_view text, std::string_view escape) {
  Pattern p;
  bool wild = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!escape.empty() && text.substr(i).starts_with(escape)) {
      i += escape.size();
      if (i >= text.size()) return Error(ErrorCode::parse, "the LIKE pattern ends with its escape character");
      p.steps.push_back({Pattern::Step::Kind::byte, text[i]});
    } else if (text[i] == '%') {
      if (p.steps.empty() || p.steps.back().kind != Pattern::Step::Kind::any_run)
        p.steps.push_back({Pattern::Step::Kind::any_run, 0});
      wild = true;
      continue;
    } else if (text[i] == '_') {
      p.steps.push_back({Pattern::Step::Kind::any_character, 0});
      wild = true;
      continue;
    } else {
      p.steps.push_back({Pattern::Step::Kind::byte, text[i]});
    }
    if (!wild) p.literal.push_back(text[i]);
  }
  return p;
}

void find_shape(Pattern& p) {
  using Kind = Pattern::Step::Kind;
  const std::size_t n = p.steps.size();
  std::size_t runs = 0;
  for (const auto& s : p.steps) {
    if (s.kind == Kind::any_character) return;
    runs += s.kind == Kind::any_run;
  }
  const bool first = n > 0 && p.steps.front().kind == Kind::any_run,
             last = n > 0 && p.steps.back().kind == Kind::any_run;
  if (runs == 0) {
    p.shape = Pattern::Shape::exact;
  } else if (runs == 1 && last) {
    p.shape = Pattern::Shape::prefix;
  } else if ((runs == 1 && first) || (runs == 2 && first && last)) {
    p.shape = runs == 1 ? Pattern::Shape::suffix : Pattern::Shape::contains;
    for (const auto& s : p.steps)
      if (s.kind == Kind::byte) p.literal.push_back(s.byte);
  }
}

/// Matching with a return to the last % only: linear in practice, text x pattern at worst.
bool matches_general(const Pattern& p, std::string_view s) {
  using Kind = Pattern::Step::Kind;
  std::size_t at = 0, step = 0, retry_at = 0, retry_step = p.steps.size() + 1;
  while (at < s.size()) {
    if (step < p.steps.size() && p.steps[step].kind == Kind::any_run) {
      retry_step = ++step;
      retry_at = at;
    } else if (step < p.steps.size() && p.steps[step].kind == Kind::any_character) {
      at += front_bytes(s.substr(at));
      ++step;
    } else if (step < p.steps.size() && p.steps[step].byte == s[at]) {
      ++at;
      ++step;
    } else if (retry_step <= p.steps.size()) {
      retry_at += front_bytes(s.substr(retry_at));
      at = retry_at;
      step = retry_step;
    } else {
      return false;
    }
  }
  while (step < p.steps.size() && p.steps[step].kind == Kind::any_run) ++step;
  return step == p.steps.size();
}

bool matches(const Pattern& p, std::string_view s) {
  switch (p.shape) {
    case Pattern::Shape::exact:
      return s == p.literal;
    case Pattern::Shape::prefix:
      return s.starts_with(p.literal);
    case Pattern::Shape::suffix:
      return s.ends_with(p.literal);
    case Pattern::Shape::contains:
      return s.find(p.literal) != std::string_view::npos;
    default:
      return matches_general(p, s);
  }
}

Result<Vector> like_constant(const Node& node, std::span<const Vector> args, std::size_t rows) {
  const auto& pattern = *static_cast<const Pattern*>(node.payload.get());
  const bool negated = node.parameter != 0;
  return map_one<std::uint8_t, std::string_view>(
      Lane::boolean, args, rows,
      [&](std::string_view s) -> std::uint8_t { return matches(pattern, s) != negated; });
}

Result<Vector> like_variable(const Node& node, std::span<const Vector> args, std::size_t rows) {
  NewVector<std::uint8_t> out(Lane::boolean, rows);
  std::uint8_t* valid = out.with_nulls();
  for (std::size_t i = 0; i < rows; ++i) {
    out.data[i] = 0;
    valid[i] = !any_null(args, i);
    if (!valid[i]) continue;
    auto pattern = compile(text_at(args[1], i), args.size() > 2 ? text_at(args[2], i) : std::string_view());
    if (!pattern) return error_at(node, pattern.error().code(), pattern.error().message());
    out.data[i] = matches_general(*pattern, text_at(args[0], i)) != (node.parameter != 0);
  }
  return out.v;
}

}  // namespace

Result<NodePtr> make_like(bool negated, std::vector<NodePtr> args, Place place) {
  for (NodePtr& a : args) {
    if (a->type == TypeId::null) return null_node(TypeId::boolean, place);
    if (!is_variable(a->type))
      return place.error(ErrorCode::type_mismatch, "LIKE needs text, not " + std::string(name_of(a->type)));
  }
  if (args.size() > 2 && args[2]->is_constant() && !args[2]->constant.is_null() &&
      count_characters(args[2]->constant.as_bytes()) != 1)
    return place.error(ErrorCode::parse, "ESCAPE takes one character");
  bool constants = true;
  for (std::size_t i = 1; i < args.size(); ++i) {
    if (args[i]->is_null_constant()) return null_node(TypeId::boolean, place);
    constants = constants && args[i]->is_constant();
  }
  if (!constants) return kernel_node(like_variable, TypeId::boolean, std::move(args), place, true, negated);
  auto compiled =
      compile(args[1]->constant.as_bytes(),
              args.size() > 2 ? std::string_view(args[2]->constant.as_bytes()) : std::string_view());
  if (!compiled) return place.error(compiled.error().code(), compiled.error().message());
  auto pattern = std::make_shared<Pattern>(std::move(*compiled));
  find_shape(*pattern);
  return kernel_node(like_constant, TypeId::boolean, {args[0]}, place, false, negated, std::move(pattern));
}

const std::string* like_prefix(const Node& node) {
  if (node.kernel != Kernel{like_constant} || node.parameter != 0) return nullptr;
  const auto& p = *static_cast<const Pattern*>(node.payload.get());
  const bool anchored = p.shape == Pattern::Shape::exact || p.shape == Pattern::Shape::prefix ||
                        p.shape == Pattern::Shape::general;
  return anchored && !p.literal.empty() ? &p.literal : nullptr;
}

}  // namespace firn::storage::query
