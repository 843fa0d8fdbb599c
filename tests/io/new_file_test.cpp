// Files and folders that come into being whole or not at all.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "io/compress.hpp"
#include "io/decompress.hpp"
#include "io/new_folder.hpp"

namespace firn::io {
namespace {

namespace fs = std::filesystem;

class NewFileTest : public ::testing::Test {
 protected:
  NewFileTest() {
    std::string name = fs::temp_directory_path() / "firn-new-XXXXXX";
    root_ = mkdtemp(name.data());
  }
  ~NewFileTest() override { fs::remove_all(root_); }
  std::string at(const std::string& name) const { return (root_ / name).string(); }
  static std::string read(const std::string& path) {
    const auto source = open_source(path).value();
    std::string all;
    for (;;) {
      const auto bytes = source->next().value();
      if (bytes.empty()) return all;
      all.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
  }
  static std::span<const std::uint8_t> bytes_of(const std::string& s) {
    return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
  }
  fs::path root_;
};

TEST_F(NewFileTest, WhatIsWrittenIsReadBackInEveryCompression) {
  std::mt19937 random(7);
  std::string text(2'000'000, ' ');
  for (char& c : text) c = "abcdefgh \n"[random() % 10];
  for (const std::string name : {"a.csv", "a.csv.zst", "a.csv.gz"}) {
    for (const std::string& content : {text, std::string("x"), std::string()}) {
      fs::remove(at(name));
      const auto sink = create_sink(at(name)).value();
      for (std::size_t i = 0; i < content.size(); i += 300'000)
        sink->write(bytes_of(content).subspan(i, std::min<std::size_t>(300'000, content.size() - i))).value();
      EXPECT_FALSE(fs::exists(at(name)));
      sink->finish().value();
      EXPECT_EQ(read(at(name)), content) << name;
      EXPECT_EQ(fs::file_size(at(name)), sink->bytes_written());
      EXPECT_FALSE(fs::exists(at(name) + ".partial"));
    }
  }
  EXPECT_LT(fs::file_size(at("a.csv")), 10u);  // the last content was empty
}

TEST_F(NewFileTest, TwoWritersOfOneNameDoNotMix) {
  auto first = create_sink(at("a.csv")).value();
  first->write(bytes_of("first")).value();
  const auto second = create_sink(at("a.csv"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::busy);
  first->finish().value();
  first.reset();
  EXPECT_EQ(read(at("a.csv")), "first");
  // What a kill left is nobody's: the next writer takes the name over.
  std::ofstream(at("b.csv.partial")) << "left by a kill, and longer";
  const auto next = create_sink(at("b.csv")).value();
  next->write(bytes_of("next")).value();
  next->finish().value();
  EXPECT_EQ(read(at("b.csv")), "next");
}

TEST_F(NewFileTest, CompressionCompresses) {
  const std::string text(1'000'000, 'z');
  for (const char* name : {"z.zst", "z.gz"}) {
    const auto sink = create_sink(at(name)).value();
    sink->write(bytes_of(text)).value();
    sink->finish().value();
    EXPECT_LT(fs::file_size(at(name)), 10'000u);
  }
}

TEST_F(NewFileTest, AFileThatIsNotFinishedLeavesNothing) {
  { create_sink(at("b")).value()->write(bytes_of("half")).value(); }
  EXPECT_TRUE(fs::is_empty(root_));
  std::ofstream(at("b")) << "mine";
  EXPECT_EQ(create_sink(at("b")).error().code(), ErrorCode::already_exists);
  EXPECT_EQ(create_sink(at("no/b")).error().code(), ErrorCode::not_found);
  const auto late = create_sink(at("c")).value();
  std::ofstream(at("c")) << "mine";  // somebody was faster
  EXPECT_EQ(late->finish().error().code(), ErrorCode::already_exists);
  EXPECT_EQ(read(at("c")), "mine");
}

TEST_F(NewFileTest, AFolderHasItsNameOnlyWhenItIsPublished) {
  {
    auto folder = NewFolder::begin(at("d")).value();
    replace_file(*folder.disk(), "x", bytes_of("1")).value();
    EXPECT_FALSE(fs::exists(at("d")));
    EXPECT_TRUE(fs::exists(at("d.partial/partial")));
    EXPECT_EQ(NewFolder::begin(at("d")).error().code(), ErrorCode::busy);
    folder.publish().value();
  }
  EXPECT_EQ(read(at("d/x")), "1");
  EXPECT_FALSE(fs::exists(at("d/partial")));
  EXPECT_FALSE(fs::exists(at("d.partial")));
  EXPECT_EQ(NewFolder::begin(at("d")).error().code(), ErrorCode::already_exists);
  EXPECT_EQ(NewFolder::begin(at("d/")).error().code(), ErrorCode::already_exists);
}

TEST_F(NewFileTest, AFolderThatIsNotPublishedGoes) {
  {
    auto folder = NewFolder::begin(at("e")).value();
    folder.disk()->make_directories("deep/down").value();
    const NewFolder moved = std::move(folder);
  }
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(NewFileTest, OnlyLeftoversAreReplaced) {
  fs::create_directories(at("f.partial/sub"));
  std::ofstream(at("f.partial/partial"));
  NewFolder::begin(at("f")).value().publish().value();
  EXPECT_FALSE(fs::exists(at("f/sub")));
  fs::create_directories(at("g.partial"));
  std::ofstream(at("g.partial/letters")) << "mine";
  EXPECT_EQ(NewFolder::begin(at("g")).error().code(), ErrorCode::already_exists);
  EXPECT_EQ(read(at("g.partial/letters")), "mine");
  for (const char* none : {"..", ".", "/"}) EXPECT_FALSE(NewFolder::begin(none)) << none;
}

}  // namespace
}  // namespace firn::io
