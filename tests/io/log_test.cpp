#include <random>

#include "io/crc32c.hpp"
#include "io/disk_path.hpp"
#include "tests/io/log_fixture.hpp"

namespace firn::io {
namespace {

TEST_F(LogTest, EmptyLogEndsCleanly) { expect_end(read(), 0, false); }

TEST_F(LogTest, EntriesComeBackInOrderWithTheirPlaces) {
  const auto a = put("alpha");
  const auto b = put("");
  const auto c = put_synced("gamma");
  const Reading r = read();
  expect_end(r, 3, false);
  EXPECT_EQ(r.payloads, (std::vector<Bytes>{bytes_of("alpha"), {}, bytes_of("gamma")}));
  EXPECT_EQ(r.positions[1].offset, b.offset);
  EXPECT_EQ(a.offset, kLogHeaderBytes);
  EXPECT_EQ(c.payload_offset % 8, 0U);
  EXPECT_EQ(r.tail->end, log_->durable_position());
}

TEST_F(LogTest, PartsAreJoined) {
  const Bytes x = bytes_of("one "), y = bytes_of("two");
  const std::vector<std::span<const std::uint8_t>> parts{x, y};
  log_->append(parts, 9).value();
  EXPECT_EQ(read().payloads.at(0), bytes_of("one two"));
}

TEST_F(LogTest, LargePayloadsOfManyPartsComeBack) {
  const Bytes big = pattern(8 << 20, 1), small = pattern(1000, 2), middle = pattern(70'000, 3);
  const std::vector<std::span<const std::uint8_t>> parts{small, big, small, middle, small};
  const auto p = log_->append_and_sync(parts, 1).value();
  log_->append_and_sync(pattern(8 << 20, 4), 1).value();
  Bytes whole;
  for (const auto& part : parts) whole.insert(whole.end(), part.begin(), part.end());
  const Reading r = read();
  expect_end(r, 2, false);
  EXPECT_TRUE(r.payloads[0] == whole);
  EXPECT_TRUE(r.payloads[1] == pattern(8 << 20, 4));
  const auto file = disk_.open(kPath, Disk::Mode::read).value();
  EXPECT_TRUE(read_entry(*file, log_->identity(), p).value() == whole);
}

TEST_F(LogTest, AHeadThatIsKnownLastStandsFirst) {
  for (const std::size_t bytes : {std::size_t{1000}, std::size_t{3 << 20}}) {
    const Bytes head = pattern(200, 1), rest = pattern(bytes, 2);
    const std::vector<std::span<const std::uint8_t>> parts{rest};
    int finished = 0;
    const auto p = log_->append(head.size(), parts, 7,
                                [&]() -> AppendLog::Head {
                                  ++finished;
                                  return {head, crc32c(rest, crc32c(head))};
                                })
                       .value();
    EXPECT_EQ(finished, 1);
    EXPECT_EQ(p.payload_bytes, head.size() + rest.size());
    log_->append_and_sync(bytes_of("next"), 1).value();
    Bytes whole = head;
    whole.insert(whole.end(), rest.begin(), rest.end());
    const auto file = disk_.open(kPath, Disk::Mode::read).value();
    EXPECT_TRUE(read_entry(*file, log_->identity(), p).value() == whole);
  }
  expect_end(read(), 4, false);
}

TEST_F(LogTest, AHeadThatFailsLeavesTheLogAsItWas) {
  const Bytes rest = pattern(3 << 20, 2);
  const std::vector<std::span<const std::uint8_t>> parts{rest};
  EXPECT_THROW((void)log_->append(100, parts, 7, []() -> AppendLog::Head { throw std::bad_alloc(); }),
               std::bad_alloc);
  put_synced("fine");
  const Reading r = read();
  expect_end(r, 1, r.tail->torn);
  EXPECT_EQ(r.payloads.at(0), bytes_of("fine"));
}

TEST_F(LogTest, FileGrowsByDoubling) {
  EXPECT_EQ(log_->allocated(), 64U * 1024);
  log_->append(pattern(100'000, 1), 1).value();
  EXPECT_EQ(log_->allocated(), 128U * 1024);
}

TEST_F(LogTest, ReservedKindsAreRefusedAndHarmNothing) {
  EXPECT_EQ(log_->append(Bytes{}, 0).error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(log_->append(Bytes{}, kFooterKind).error().code(), ErrorCode::invalid_argument);
  put_synced("fine");
  expect_end(read(), 1, false);
}

TEST_F(LogTest, TornRecordAtTailIsDropped) {
  put_synced("kept");
  const auto last = put("torn away");
  const Bytes zeros(4, 0);
  disk_.damage(kPath, last.payload_offset, zeros).value();
  const Reading r = read();
  expect_end(r, 1, true);
  EXPECT_EQ(r.tail->end.offset, last.offset);
}

TEST_F(LogTest, FlipAboveTheWatermarkEndsTheLog) {
  put_synced("kept");
  const auto bad = put("flipped");
  put("sound, but written when the flipped one was not yet durable");
  flip(bad.payload_offset + 2);
  expect_end(read(), 1, true);
}

TEST_F(LogTest, FlipBelowAnEntrysWatermarkIsDamageWithItsOffset) {
  const auto bad = put_synced("flipped");
  put_synced("its watermark lies behind the first");
  flip(bad.payload_offset + 2);
  expect_corrupt(read(), bad.offset);
}

TEST_F(LogTest, EveryByteOfADurableEntryIsGuarded) {
  const auto first = put_synced("first entry");
  put_synced("second");
  for (std::uint64_t at = first.offset; at < first.payload_offset + first.payload_bytes; ++at) {
    flip(at);
    expect_corrupt(read(), first.offset);
    flip(at);
  }
  expect_end(read(), 2, false);
}

TEST_F(LogTest, FlipBelowTheCallersWatermarkIsDamage) {
  const auto only = put_synced("the last entry: no other one vouches for it");
  expect_.watermark = log_->durable_position();
  expect_end(read(), 1, false);
  flip(only.payload_offset);
  expect_corrupt(read(), only.offset);
}

TEST_F(LogTest, MissingEntryBelowTheCallersWatermarkIsDamage) {
  put_synced("kept");
  const auto last = put_synced("cut away");
  expect_.watermark = log_->durable_position();
  cut_file(last.offset);
  expect_corrupt(read(), last.offset);
}

TEST_F(LogTest, AnotherHistoryAtTheCallersWatermarkIsDamage) {
  put_synced("this");
  expect_.watermark = log_->durable_position();
  expect_.watermark->chain ^= 1;
  expect_corrupt(read(), expect_.watermark->offset);
}

TEST_F(LogTest, ZeroedSectorInTheMiddleIsDamage) {
  for (int i = 0; i < 50; ++i) put_synced("forty bytes of payload, give or take one");
  disk_.damage(kPath, 1024, Bytes(512, 0)).value();
  const Reading r = read();
  ASSERT_TRUE(r.error.has_value());
  EXPECT_EQ(r.error->code(), ErrorCode::corrupt);
}

TEST_F(LogTest, MisdirectedSectorIsNoticed) {
  for (int i = 0; i < 64; ++i)
    put_synced(std::string(512 - kEntryHeaderBytes, static_cast<char>('a' + i % 26)));
  Bytes entry(512);
  disk_.open(kPath, Disk::Mode::read).value()->read_at(kLogHeaderBytes + 512 * 5, entry).value();
  disk_.damage(kPath, kLogHeaderBytes + 512 * 9, entry).value();
  expect_corrupt(read(), kLogHeaderBytes + 512 * 9);
}

TEST_F(LogTest, StaleEntriesOfAnOlderFileEndTheLog) {  // room that was another log's before
  put_synced("mine");
  SimDisk other;
  auto older = AppendLog::create(other, kPath, {{kStore, kFile - 1}, 1, 0x1234}).value();
  for (int i = 0; i < 3; ++i) older->append_and_sync(bytes_of("mine"), 1).value();
  Bytes stale(static_cast<std::size_t>(older->end() - log_->end()));
  other.open(kPath, Disk::Mode::read).value()->read_at(log_->end(), stale).value();
  disk_.damage(kPath, log_->end(), stale).value();
  expect_end(read(), 1, true);
}

TEST_F(LogTest, GarbageInThePreallocatedRoomEndsTheLog) {
  put_synced("mine");
  disk_.damage(kPath, log_->end(), pattern(5000, 7)).value();
  expect_end(read(), 1, true);
}

TEST_F(LogTest, SealedLogReadsWholly) {
  put("a");
  put("b");
  log_->seal().value();
  expect_.must_be_sealed = true;
  const Reading r = read();
  expect_end(r, 2, false);
  EXPECT_TRUE(r.tail->sealed);
  EXPECT_EQ(disk_.open(kPath, Disk::Mode::read).value()->size().value(), log_->end() + kFooterEntryBytes);
  EXPECT_EQ(log_->append(Bytes{}, 1).error().code(), ErrorCode::closed);
}

TEST_F(LogTest, EveryFlipInASealedLogIsDamage) {
  put("first");
  put("");
  put("the last entry");
  log_->seal().value();
  const std::uint64_t size = log_->end() + kFooterEntryBytes;
  for (std::uint64_t at = 0; at < log_->end(); ++at) {  // even for a reader that does not know of the seal
    flip(at);
    ASSERT_TRUE(read().error.has_value()) << at;
    flip(at);
  }
  expect_.must_be_sealed = true;
  for (std::uint64_t cut = 0; cut < size; ++cut) {
    auto image = disk_.cut(CutPolicy::keep, 1);
    image->open(kPath, Disk::Mode::read_write).value()->truncate(cut).value();
    const Reading r = read_log(*image, kPath, expect_);
    ASSERT_TRUE(r.error.has_value()) << cut;
    EXPECT_EQ(r.error->code(), ErrorCode::corrupt);
  }
}

TEST_F(LogTest, SealedLogWithBytesTooManyIsDamage) {
  put("a");
  log_->seal().value();
  disk_.damage(kPath, log_->end() + kFooterEntryBytes, Bytes(8, 1)).value();
  expect_.must_be_sealed = true;
  expect_corrupt(read(), log_->end() + kFooterEntryBytes);
}

TEST_F(LogTest, ForeignStoreFileAndPlaceAreRefused) {
  put_synced("a");
  expect_.store_id = kStore + 1;
  expect_corrupt(read(), 0);
  expect_.store_id = kStore;
  expect_.file_id = kFile + 1;
  expect_corrupt(read(), 0);
  expect_.file_id = kFile;
  expect_.chain_start = 0x9999;
  expect_corrupt(read(), 0);
  expect_.chain_start = 0x1234;
  expect_.first_sequence = 2;
  expect_corrupt(read(), 0);
}

TEST_F(LogTest, EmptyAndCutFilesAreDamage) {
  for (const std::uint64_t size : {0U, 1U, 63U}) {
    cut_file(size);
    expect_corrupt(read(), 0);
  }
}

TEST_F(LogTest, RandomBytesNeverGiveAnEntry) {
  std::mt19937_64 rng(11);
  for (int i = 0; i < 300; ++i) {
    auto image = disk_.cut(CutPolicy::keep, 1);
    image->damage(kPath, kLogHeaderBytes, pattern(rng() % 4000, rng())).value();
    const Reading r = read_log(*image, kPath, expect_);
    ASSERT_TRUE(r.tail.has_value());
    EXPECT_TRUE(r.payloads.empty());
  }
}

TEST_F(LogTest, FailedAppendEndsTheLogForGood) {
  put_synced("kept");
  disk_.fail_at(disk_.operations() + 1, SimDisk::Failure::short_write);
  const auto failed = log_->append(bytes_of("half of this arrives"), 1);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(log_->append(bytes_of("x"), 1).error().message(), failed.error().message());
  EXPECT_EQ(log_->sync().error().message(), failed.error().message());
  EXPECT_EQ(log_->seal().error().message(), failed.error().message());
  EXPECT_EQ(log_->durable_sequence(), 1U);
  expect_end(read(), 1, true);
}

TEST_F(LogTest, FailedSyncEndsTheLogForGood) {
  put("never durable");
  disk_.fail_at(disk_.operations() + 1, SimDisk::Failure::io);
  const auto failed = log_->sync();
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().message().find(kPath), std::string::npos);
  EXPECT_EQ(log_->sync().error().message(), failed.error().message());
  EXPECT_EQ(log_->append_and_sync(bytes_of("x"), 1).error().message(), failed.error().message());
  EXPECT_EQ(log_->durable_sequence(), 0U);
}

TEST_F(LogTest, FullDiskRefusesTheAppendAndTheLogGoesOnOnceThereIsRoom) {
  put_synced("kept");
  disk_.set_capacity(80'000);
  EXPECT_EQ(log_->append(pattern(100'000, 1), 1).error().code(), ErrorCode::full);
  put_synced("fits into the room that is there");
  disk_.set_capacity(std::nullopt);
  log_->append_and_sync(pattern(100'000, 1), 1).value();
  expect_end(read(), 3, false);
}

TEST_F(LogTest, AnAlmostFullDiskIsUsedToItsEndWithoutHarm) {
  disk_.set_capacity(80'000);
  std::size_t appended = 0;
  for (;; ++appended) {
    const auto done = log_->append_and_sync(pattern(3000, appended), 1);
    if (done.ok()) continue;
    EXPECT_EQ(done.error().code(), ErrorCode::full);
    break;
  }
  EXPECT_GT(appended, 24U);
  EXPECT_FALSE(log_->failure().has_value());
  disk_.set_capacity(std::nullopt);
  put_synced("there is room again");
  expect_end(read(), appended + 1, false);
}

TEST_F(LogTest, RewriteKeepsTheSoundPrefixInANewSealedFile) {
  put_synced("one");
  put_synced("two");
  const auto torn = put("torn");
  flip(torn.payload_offset);
  RewriteRequest request{expect_, kFile + 1, {}};
  const auto made = rewrite_tail(disk_, kPath, "b.log", request).value();
  EXPECT_EQ(made.count, 2U);
  EXPECT_TRUE(made.old_tail.torn);
  expect_.file_id = kFile + 1;
  expect_.must_be_sealed = true;
  expect_.chain_start = 0x1234;
  auto image = disk_.cut(CutPolicy::lose, 1);
  const Reading r = read_log(*image, "b.log", expect_);
  ASSERT_TRUE(r.tail.has_value());
  EXPECT_EQ(r.payloads, (std::vector<Bytes>{bytes_of("one"), bytes_of("two")}));
  EXPECT_EQ(r.tail->end, made.end);
  EXPECT_FALSE(disk_.exists("b.log.tmp").value());
  EXPECT_EQ(rewrite_tail(disk_, kPath, "b.log", request).error().code(), ErrorCode::already_exists);
}

TEST_F(LogTest, RewriteUpToASequence) {
  for (int i = 0; i < 9; ++i) put_synced("x");
  const auto made = rewrite_tail(disk_, kPath, "b.log", {expect_, kFile + 1, 4}).value();
  EXPECT_EQ(made.count, 4U);
  EXPECT_EQ(made.end.sequence, 4U);
}

TEST_F(LogTest, RewriteOfADamagedLogFailsAndLeavesNothing) {
  const auto bad = put_synced("one");
  put_synced("two");
  flip(bad.payload_offset);
  EXPECT_EQ(rewrite_tail(disk_, kPath, "b.log", {expect_, kFile + 1, {}}).error().code(), ErrorCode::corrupt);
  EXPECT_EQ(disk_.list("").value().size(), 1U);
}

TEST_F(LogTest, RewriteSurvivesAFailureOfEveryOperation) {
  for (int i = 0; i < 5; ++i) put_synced("entry");
  for (std::uint64_t n = 1;; ++n) {
    auto image = disk_.cut(CutPolicy::keep, 1);
    image->fail_at(n, SimDisk::Failure::io);
    const auto failed = rewrite_tail(*image, kPath, "b.log", {expect_, kFile + 1, {}});
    if (image->operations() < n) break;
    image->fail_at(0, SimDisk::Failure::io);
    if (failed.ok()) continue;
    if (image->exists("b.log").value()) image->remove("b.log").value();
    EXPECT_EQ(rewrite_tail(*image, kPath, "b.log", {expect_, kFile + 1, {}}).value().count, 5U) << n;
  }
}

}  // namespace
}  // namespace firn::io
