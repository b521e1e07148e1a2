#include "io/posix_log.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "qi8/error.hpp"
#include "support/failure.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;
using qi8::testing::FailureOf;
using qi8::testing::ReadFile;
using qi8::testing::TempFolder;
using qi8::testing::WriteFile;
using ::testing::AllOf;
using ::testing::HasSubstr;
using NamedBy = LogPlace::NamedBy;

class PosixLogTest : public ::testing::Test {
 protected:
  // What the log's last line was when `text` was appended. Its result may be dropped.
  std::string Append(const fs::path& log, const std::string& text, NamedBy named_by = NamedBy::kDefault) {
    std::string seen;
    const auto compose = [&](std::string_view last_line) {
      seen = last_line;
      return text;
    };
    file_system_->AppendLocked({log, named_by}, compose, {});
    return seen;
  }
  // The failure of looking at a log before the work, which is also that of appending to it.
  [[nodiscard]] std::string Refusal(const fs::path& log, NamedBy named_by = NamedBy::kDefault) {
    const std::string early = FailureOf([&] { file_system_->RequireLog({log, named_by}); });
    EXPECT_EQ(FailureOf([&] { Append(log, "line\n", named_by); }), early);
    return early;
  }

  TempFolder folder_;
  std::unique_ptr<FileSystem> file_system_ = MakePosixFileSystem();
};

TEST_F(PosixLogTest, SaysThatADiskIsFull) {
  ASSERT_EQ(::access("/dev/full", W_OK), 0);
  EXPECT_THAT(FailureOf([&] { Append("/dev/full", "text\n", NamedBy::kUser); }),
              AllOf(HasSubstr("'/dev/full'"), HasSubstr("No space left"), HasSubstr("; free some space")));
}

TEST_F(PosixLogTest, AppendsAndShowsTheLastLine) {
  const fs::path log = folder_ / "log";
  EXPECT_EQ(Append(log, "one\n"), "");
  EXPECT_EQ(Append(log, "two\n"), "one");
  EXPECT_EQ(Append(log, "three\nfour\n"), "two");
  EXPECT_EQ(Append(log, ""), "four");
  EXPECT_EQ(ReadFile(log), "one\ntwo\nthree\nfour\n");
}

TEST_F(PosixLogTest, ALastLineMayBeEmptyOrNotEnded) {
  WriteFile(folder_ / "empty", "one\n\n");
  EXPECT_EQ(Append(folder_ / "empty", ""), "");
  WriteFile(folder_ / "not-ended", "one\ntwo");
  EXPECT_EQ(Append(folder_ / "not-ended", ""), "two");
  WriteFile(folder_ / "one-line", "one");
  EXPECT_EQ(Append(folder_ / "one-line", ""), "one");
  WriteFile(folder_ / "line-feed", "\n");
  EXPECT_EQ(Append(folder_ / "line-feed", ""), "");
}

// The file is read from its end in steps of 64 KiB.
class LastLineTest : public PosixLogTest, public ::testing::WithParamInterface<int> {};

TEST_P(LastLineTest, IsWholeWhateverItsLength) {
  const auto length = static_cast<std::size_t>(GetParam());
  std::string line(length, '\0');
  for (std::size_t i = 0; i < length; ++i) line[i] = static_cast<char>('a' + i % 26);
  WriteFile(folder_ / "only", line + "\n");
  EXPECT_EQ(Append(folder_ / "only", ""), line);
  WriteFile(folder_ / "second", "first\n" + line + "\n");
  EXPECT_EQ(Append(folder_ / "second", ""), line);
  WriteFile(folder_ / "not-ended", "first\n" + line);
  EXPECT_EQ(Append(folder_ / "not-ended", ""), line);
  WriteFile(folder_ / "long-first", line + "\nlast\n");
  EXPECT_EQ(Append(folder_ / "long-first", ""), "last");
}

INSTANTIATE_TEST_SUITE_P(Around64KiB, LastLineTest,
                         ::testing::Values(1, 100, 65533, 65534, 65535, 65536, 65537, 131070, 131071, 131072,
                                           131073, 300000));

// What is no log must not fill the memory.
TEST_F(PosixLogTest, AnEndlessLastLineIsRefused) {
  const fs::path log = folder_ / "log";
  WriteFile(log, "one\n");
  fs::resize_file(log, 1ULL << 30U);
  EXPECT_THAT(FailureOf([&] { Append(log, "line\n"); }),
              AllOf(HasSubstr("/log'"), HasSubstr("longer than 16")));
  EXPECT_EQ(fs::file_size(log), 1ULL << 30U);
  fs::resize_file(log, 10ULL << 20U);
  EXPECT_EQ(Append(log, "line\n").size(), (10ULL << 20U) - 4);
}

TEST_F(PosixLogTest, ManyAppendersKeepLinesWholeAndInAChain) {
  constexpr int kProcesses = 4;
  constexpr int kThreads = 2;
  constexpr int kLines = 20;
  const fs::path log = folder_ / "log";
  // Each line counts on from the one before: two that saw the same last line would give one number twice.
  const auto append = [&log](int who) {
    const auto file_system = MakePosixFileSystem();
    for (int i = 0; i < kLines; ++i) {
      const auto compose = [who](std::string_view last_line) {
        const int number = last_line.empty() ? 0 : std::stoi(std::string(last_line)) + 1;
        return std::to_string(number) + " " + std::string(3000, static_cast<char>('a' + who)) + "\n";
      };
      file_system->AppendLocked({log, LogPlace::NamedBy::kDefault}, compose, {});
    }
  };
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      std::vector<std::thread> threads;
      for (int t = 0; t < kThreads; ++t) threads.emplace_back(append, kThreads * p + t);
      for (std::thread& thread : threads) thread.join();
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  std::istringstream lines(ReadFile(log));
  std::string line;
  int number = 0;
  for (; std::getline(lines, line); ++number) {
    const std::string prefix = std::to_string(number) + " ";
    ASSERT_TRUE(line.starts_with(prefix)) << line.substr(0, 20);
    const std::string rest = line.substr(prefix.size());
    ASSERT_EQ(rest, std::string(3000, rest.front())) << "line " << number;
  }
  EXPECT_EQ(number, kProcesses * kThreads * kLines);
}

TEST_F(PosixLogTest, ComposesWhileTheLockIsHeld) {
  const fs::path log = folder_ / "log";
  const auto compose = [&](std::string_view) {
    const int other = ::open(log.c_str(), O_RDWR);
    EXPECT_GE(other, 0);
    EXPECT_EQ(::flock(other, LOCK_EX | LOCK_NB), -1);
    ::close(other);
    return std::string("line\n");
  };
  file_system_->AppendLocked({log, LogPlace::NamedBy::kDefault}, compose, {});
  const int other = ::open(log.c_str(), O_RDWR);
  EXPECT_EQ(::flock(other, LOCK_EX | LOCK_NB), 0) << "and lets go of it";
  ::close(other);
}

TEST_F(PosixLogTest, AppendsToPipesWithoutALastLine) {
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  EXPECT_EQ(Append(pipe, "line\n", NamedBy::kUser), "");
  std::array<char, 16> bytes{};
  EXPECT_EQ(::read(reader, bytes.data(), bytes.size()), 5);
  EXPECT_STREQ(bytes.data(), "line\n");
  ::close(reader);
}

TEST_F(PosixLogTest, ALogThatCannotBeOpenedIsAnError) {
  EXPECT_THAT(FailureOf([&] { Append(folder_ / "missing" / "log", "line\n"); }),
              AllOf(HasSubstr("cannot"), HasSubstr("/missing/log'"), HasSubstr("No such file")));
  EXPECT_THAT(FailureOf([&] { Append(folder_.path(), "line\n"); }), HasSubstr(folder_.path().native()));
}

// A link would lead the log's lines into another file, or make one.
TEST_F(PosixLogTest, FollowsNoLink) {
  WriteFile(folder_ / "notes.txt", "notes\n");
  WriteFile(folder_ / "empty", "");
  for (const std::string target : {"notes.txt", "empty", "nowhere"}) {
    fs::create_symlink(target, folder_ / "log");
    for (const NamedBy named_by : {NamedBy::kDefault, NamedBy::kUser}) {
      EXPECT_THAT(Refusal(folder_ / "log", named_by),
                  AllOf(HasSubstr("/log'"), HasSubstr("symbolic link to '" + target + "'"),
                        HasSubstr("--audit-log")));
    }
    fs::remove(folder_ / "log");
  }
  EXPECT_EQ(ReadFile(folder_ / "notes.txt"), "notes\n");
  EXPECT_EQ(ReadFile(folder_ / "empty"), "");
  EXPECT_FALSE(fs::exists(folder_ / "nowhere"));
}

TEST_F(PosixLogTest, IsNoSecondNameOfAnotherFile) {
  WriteFile(folder_ / "empty", "");
  fs::create_hard_link(folder_ / "empty", folder_ / "log");
  EXPECT_THAT(Refusal(folder_ / "log"), HasSubstr("several hard links"));
  EXPECT_EQ(ReadFile(folder_ / "empty"), "");
}

TEST_F(PosixLogTest, IsAPipeOnlyWhereItWasNamed) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(Refusal(folder_ / "pipe"), AllOf(HasSubstr("/pipe'"), HasSubstr("not a regular file")));
  file_system_->RequireLog({folder_ / "pipe", NamedBy::kUser});
}

// /dev/stdout is a link, which the system makes.
TEST_F(PosixLogTest, IsStandardOutputWhereItWasNamed) {
  const fs::path file = folder_ / "redirected";
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ::dup2(fd, 1) < 0) ::_exit(1);
    Append("/dev/stdout", "line\n", NamedBy::kUser);
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(ReadFile(file), "line\n");
}

TEST_F(PosixLogTest, WaitsForItsTurnOnlyUntilToldToStop) {
  const fs::path log = folder_ / "log";
  const int other = ::open(log.c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(::flock(other, LOCK_EX), 0);
  int asked = 0;
  try {
    file_system_->AppendLocked(
        {log, NamedBy::kDefault}, [](std::string_view) { return "line\n"; },
        [&asked] { return ++asked == 3; });
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInterrupted);
  }
  EXPECT_EQ(asked, 3);
  ::close(other);
  EXPECT_EQ(ReadFile(log), "");
}

}  // namespace
}  // namespace qi8
