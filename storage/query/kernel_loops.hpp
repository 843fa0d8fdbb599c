// The loops that kernels share: one or two arguments, constant or flat, NULL in NULL out.
#pragma once
#include <algorithm>

#include "storage/query/expression.hpp"

namespace firn::storage::query {

/// Validity of a result that is NULL where any argument is: sets it in `out`. Arguments flat or constant.
template <class T>
void null_where_any_is(NewVector<T>& out, std::span<const Vector> args) {
  const Vector* only = nullptr;
  bool several = false;
  for (const Vector& a : args) {
    if (!a.valid) continue;
    several = several || only != nullptr || a.constant;
    only = &a;
  }
  if (!only) return;
  if (!several) return out.share_nulls(*only);
  std::uint8_t* valid = out.with_nulls();
  std::fill_n(valid, out.v.size, std::uint8_t{1});
  for (const Vector& a : args) {
    if (!a.valid) continue;
    if (a.constant) {
      if (!a.valid[0]) std::fill_n(valid, out.v.size, std::uint8_t{0});
    } else {
      for (std::size_t i = 0; i < out.v.size; ++i) valid[i] &= a.valid[i];
    }
  }
}

/// out[i] = f(a[i]).
template <class Out, class A, class F>
Vector map_one(Lane lane, std::span<const Vector> args, std::size_t rows, F f) {
  NewVector<Out> out(lane, rows);
  null_where_any_is(out, args.first(1));
  const A* a = args[0].as<A>();
  if (args[0].constant) {
    std::fill_n(out.data, rows, f(a[0]));
  } else {
    for (std::size_t i = 0; i < rows; ++i) out.data[i] = f(a[i]);
  }
  return out.v;
}

/// out[i] = f(a[i], b[i]).
template <class Out, class A, class B, class F>
Vector map_two(Lane lane, std::span<const Vector> args, std::size_t rows, F f) {
  NewVector<Out> out(lane, rows);
  null_where_any_is(out, args.first(2));
  const A* a = args[0].as<A>();
  const B* b = args[1].as<B>();
  Out* o = out.data;
  if (args[0].constant && args[1].constant) {
    std::fill_n(o, rows, f(a[0], b[0]));
  } else if (args[1].constant) {
    const B y = b[0];
    for (std::size_t i = 0; i < rows; ++i) o[i] = f(a[i], y);
  } else if (args[0].constant) {
    const A x = a[0];
    for (std::size_t i = 0; i < rows; ++i) o[i] = f(x, b[i]);
  } else {
    for (std::size_t i = 0; i < rows; ++i) o[i] = f(a[i], b[i]);
  }
  return out.v;
}

/// The result of f(a[i], b[i], out) -> bool; false makes the row NULL.
template <class Out, class A, class B, class F>
Vector map_two_or_null(Lane lane, std::span<const Vector> args, std::size_t rows, F f) {
  NewVector<Out> out(lane, rows);
  NewVector<std::uint8_t> base(Lane::boolean, rows);
  null_where_any_is(base, args.first(2));
  const std::uint8_t* present = base.v.valid;
  std::uint8_t* valid = out.with_nulls();
  const A* a = args[0].as<A>();
  const B* b = args[1].as<B>();
  const std::size_t sa = args[0].constant ? 0 : 1, sb = args[1].constant ? 0 : 1;
  for (std::size_t i = 0; i < rows; ++i) {
    out.data[i] = Out{};
    valid[i] = (!present || present[i]) && f(a[i * sa], b[i * sb], out.data[i]);
  }
  return out.v;
}

/// As map_two_or_null with one argument.
template <class Out, class A, class F>
Vector map_one_or_null(Lane lane, std::span<const Vector> args, std::size_t rows, F f) {
  NewVector<Out> out(lane, rows);
  std::uint8_t* valid = out.with_nulls();
  const A* a = args[0].as<A>();
  const std::size_t sa = args[0].constant ? 0 : 1;
  for (std::size_t i = 0; i < rows; ++i) {
    out.data[i] = Out{};
    valid[i] = !args[0].is_null(i) && f(a[i * sa], out.data[i]);
  }
  return out.v;
}

/// Computed strings: the bytes lie in one arena that the vector keeps.
class StringsOut {
 public:
  explicit StringsOut(std::size_t rows) : arena_(std::make_shared<std::string>()) {
    ends_.reserve(rows);
    valid_.reserve(rows);
  }
  /// Appends to the current string.
  std::string& arena() { return *arena_; }
  void end(bool valid = true) {
    if (!valid) arena_->resize(ends_.empty() ? 0 : ends_.back());
    ends_.push_back(arena_->size());
    valid_.push_back(valid ? 1 : 0);
    any_null_ = any_null_ || !valid;
  }
  void add(std::string_view s) {
    arena_->append(s);
    end();
  }
  Vector finish() {
    NewVector<std::string_view> out(Lane::bytes, ends_.size());
    std::size_t begin = 0;
    for (std::size_t i = 0; i < ends_.size(); ++i) {
      out.data[i] = std::string_view(*arena_).substr(begin, ends_[i] - begin);
      begin = ends_[i];
    }
    if (any_null_) std::copy(valid_.begin(), valid_.end(), out.with_nulls());
    out.v.bytes_owner = std::move(arena_);
    return out.v;
  }

 private:
  std::shared_ptr<std::string> arena_;
  std::vector<std::size_t> ends_;
  std::vector<std::uint8_t> valid_;
  bool any_null_ = false;
};

/// The string of row i of a flat or constant bytes vector.
inline std::string_view text_at(const Vector& v, std::size_t i) {
  return v.as<std::string_view>()[v.constant ? 0 : i];
}
inline std::int64_t int_at(const Vector& v, std::size_t i) {
  return v.as<std::int64_t>()[v.constant ? 0 : i];
}
inline bool any_null(std::span<const Vector> args, std::size_t i) {
  return std::any_of(args.begin(), args.end(), [i](const Vector& v) { return v.is_null(i); });
}

}  // namespace firn::storage::query
