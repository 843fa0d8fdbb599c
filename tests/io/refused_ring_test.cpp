// The kernel refuses io_uring, as containers often do: each test is a child process with a seccomp filter that does so.
// There is a notice with the kernel's reason, and system calls keep the same promises.
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "io/append_log.hpp"
#include "io/uring.hpp"
#include "io/uring_disk.hpp"
#include "tests/io/log_fixture.hpp"

namespace firn::io {
namespace {

namespace fs = std::filesystem;

/// From now on this system call fails with this errno in this process; false if filters are not to be had.
bool refuse(std::uint32_t call, int error) {
  std::array<sock_filter, 4> program{
      sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, call},
      sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)},
      sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

constexpr int kHolds = 0, kFails = 1, kNoFilter = 77;

/// Runs the check in a child to whom the call is refused; what it prints is the reason for its failure.
template <class Check>
int in_a_child_without(std::uint32_t call, int error, Check check) {
  const pid_t child = ::fork();
  if (child == 0) {
    int status = kFails;
    try {
      status = refuse(call, error) ? (check() ? kHolds : kFails) : kNoFilter;
    } catch (const std::exception& e) {
      std::cerr << e.what() << std::endl;
    }
    ::_exit(status);
  }
  int status = -1;
  if (::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

bool same(bool holds, const char* what) {
  if (!holds) std::cerr << "does not hold: " << what << std::endl;
  return holds;
}
#define HOLDS(condition) same(condition, #condition)

class RefusedRing : public ::testing::TestWithParam<int> {
 protected:
  RefusedRing() {
    std::string name = (fs::temp_directory_path() / "firn_refused_XXXXXX").string();
    root_ = ::mkdtemp(name.data());
  }
  ~RefusedRing() override { fs::remove_all(root_); }
  template <class Check>
  void expect_without_rings(Check check) {
    expect_without(__NR_io_uring_setup, check);
  }
  template <class Check>
  void expect_without(std::uint32_t call, Check check) {
    const int status = in_a_child_without(call, GetParam(), check);
    if (status == kNoFilter) GTEST_SKIP() << "this kernel takes no seccomp filter";
    EXPECT_EQ(status, kHolds);
  }
  std::string root_;
};

TEST_P(RefusedRing, TheNoticeNamesTheReason) {
  expect_without_rings([&] {
    std::string notice;
    const auto disk = open_disk(root_, false, &notice).value();
    std::cerr << notice << std::endl;
    return HOLDS(notice.find("io_uring") != std::string::npos) &&
           HOLDS(notice.find(std::strerror(GetParam())) != std::string::npos) &&
           HOLDS(notice.find("same guarantees") != std::string::npos) &&
           HOLDS(dynamic_cast<UringDisk*>(disk.get()) == nullptr) && HOLDS(thread_ring() == nullptr);
  });
}

TEST_P(RefusedRing, ALogIsWrittenSyncedSealedAndReadBack) {
  expect_without_rings([&] {
    const auto disk = open_disk(root_, false).value();
    const Bytes large = pattern(3 << 20, 7);
    const auto log = AppendLog::create(*disk, "log", {{1, 2}, 1, 0}).value();
    for (std::uint64_t i = 0; i < 20; ++i) log->append_and_sync(pattern(100 * i, i), 1).value();
    log->append_and_sync(large, 1).value();
    log->seal().value();
    LogExpectation expect;
    expect.store_id = 1;
    expect.file_id = 2;
    expect.must_be_sealed = true;
    const Reading r = read_log(*disk, "log", expect);
    return HOLDS(!r.error) && HOLDS(r.payloads.size() == 21) && HOLDS(r.payloads.back() == large);
  });
}

/// Rings can be made, but take no work: what was asked of them is done by system calls.
TEST_P(RefusedRing, ARingThatTakesNoWorkIsPassedBy) {
  expect_without(__NR_io_uring_enter, [&] {
    const auto disk = open_disk(root_, false).value();
    const auto file = disk->open("f", Disk::Mode::create_new).value();
    const Bytes linked = pattern(200'000, 3), large = pattern(9 << 20, 4);
    file->write_and_sync(0, linked).value();
    const std::vector<std::span<const std::uint8_t>> parts{large};
    file->write_parts(200'000, parts).value();
    file->sync().value();
    Bytes back(linked.size() + large.size());
    file->read_at(0, back).value();
    return HOLDS(std::equal(linked.begin(), linked.end(), back.begin())) &&
           HOLDS(std::equal(large.begin(), large.end(), back.begin() + 200'000));
  });
}

INSTANTIATE_TEST_SUITE_P(Reasons, RefusedRing, ::testing::Values(EPERM, ENOSYS, ENOMEM),
                         [](const auto& reason) {
                           return reason.param == EPERM    ? std::string("Forbidden")
                                  : reason.param == ENOSYS ? std::string("Unknown")
                                                           : std::string("NoMemory");
                         });

}  // namespace
}  // namespace firn::io
