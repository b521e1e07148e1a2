#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <future>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "io/file_system.hpp"
#include "qi8/error.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;
using qi8::testing::ReadFile;
using qi8::testing::TempFolder;
using qi8::testing::WriteFile;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Read(const ReadableFile& file, std::uint64_t offset, std::size_t length) {
  std::string bytes(length, '?');
  file.ReadAt(offset, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

void WriteText(WritableFile& file, std::uint64_t offset, std::string_view text) {
  file.WriteAt(offset, std::as_bytes(std::span(text)));
}

class PosixFileSystemTest : public ::testing::Test {
 protected:
  // The message of the failure that `work` ends with.
  template <typename Work>
  static std::string FailureOf(Work work) {
    try {
      work();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kFailure);
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return "";
  }
  std::string OpenFailure(const fs::path& path) {
    return FailureOf([&] { static_cast<void>(file_system_->OpenForReading(path)); });
  }
  // What the log's last line was when `text` was appended.
  std::string Append(const fs::path& log, const std::string& text) {
    std::string seen;
    file_system_->AppendLocked(log, [&](std::string_view last_line) {
      seen = last_line;
      return text;
    });
    return seen;
  }

  TempFolder folder_;
  std::unique_ptr<FileSystem> file_system_ = MakePosixFileSystem();
};

TEST_F(PosixFileSystemTest, ReadsWhereItIsTold) {
  WriteFile(folder_ / "file", "0123456789");
  const auto file = file_system_->OpenForReading(folder_ / "file");
  EXPECT_EQ(file->path(), (folder_ / "file").native());
  EXPECT_EQ(Read(*file, 0, 10), "0123456789");
  EXPECT_EQ(Read(*file, 7, 3), "789");
  EXPECT_EQ(Read(*file, 10, 0), "");
}

TEST_F(PosixFileSystemTest, ReadsFromSeveralThreads) {
  std::string text(1 << 20, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 % 253);
  WriteFile(folder_ / "file", text);
  const auto file = file_system_->OpenForReading(folder_ / "file");
  std::vector<std::future<bool>> readers;
  for (std::size_t t = 0; t < 4; ++t) {
    readers.push_back(std::async(std::launch::async, [&, t] {
      for (std::size_t start = t * 1000; start + 5000 < text.size(); start += 9973) {
        if (Read(*file, start, 5000) != text.substr(start, 5000)) return false;
      }
      return true;
    }));
  }
  for (auto& reader : readers) EXPECT_TRUE(reader.get());
}

TEST_F(PosixFileSystemTest, AShortReadTellsTheNumbers) {
  WriteFile(folder_ / "short", std::string(1500, 'x'));
  const auto file = file_system_->OpenForReading(folder_ / "short");
  EXPECT_THAT(FailureOf([&] { static_cast<void>(Read(*file, 1000, 2500)); }),
              AllOf(HasSubstr("cannot read"), HasSubstr((folder_ / "short").native()),
                    HasSubstr("byte 1,500"), HasSubstr("2,000 bytes early")));
}

TEST_F(PosixFileSystemTest, AFileThatIsCutShortWhileOpenIsAnError) {
  WriteFile(folder_ / "file", std::string(1000, 'x'));
  const auto file = file_system_->OpenForReading(folder_ / "file");
  EXPECT_EQ(Read(*file, 900, 100), std::string(100, 'x'));
  fs::resize_file(folder_ / "file", 500);
  EXPECT_THAT(FailureOf([&] { static_cast<void>(Read(*file, 900, 100)); }), HasSubstr("cut short"));
}

TEST_F(PosixFileSystemTest, OpensOnlyRegularFiles) {
  EXPECT_THAT(OpenFailure(folder_ / "missing"),
              AllOf(HasSubstr("cannot open"), HasSubstr("/missing'"), HasSubstr("No such file")));
  EXPECT_THAT(OpenFailure(folder_.path()), HasSubstr("it is a folder"));
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(OpenFailure(folder_ / "pipe"),
              HasSubstr("not a regular file"));  // and does not wait for a writer
  EXPECT_THAT(OpenFailure("/dev/null"), HasSubstr("not a regular file"));
}

TEST_F(PosixFileSystemTest, OpensThroughLinks) {
  WriteFile(folder_ / "file", "text");
  fs::create_symlink("file", folder_ / "link");
  EXPECT_EQ(Read(*file_system_->OpenForReading(folder_ / "link"), 0, 4), "text");
}

TEST_F(PosixFileSystemTest, ControlBytesOfANameDoNotReachTheTerminal) {
  EXPECT_THAT(OpenFailure(folder_ / "a\x1b[2Jb"), HasSubstr("a\\x1b[2Jb"));
}

class OpenBeneathTest : public PosixFileSystemTest, public ::testing::WithParamInterface<BeneathBy> {
 protected:
  OpenBeneathTest() { file_system_ = MakePosixFileSystem(GetParam()); }

  std::string BeneathFailure(const fs::path& folder, const std::string& relative) {
    return FailureOf([&] { static_cast<void>(file_system_->OpenBeneath(folder, relative)); });
  }
  std::string ReadBeneath(const fs::path& folder, const std::string& relative) {
    const auto file = file_system_->OpenBeneath(folder, relative);
    return Read(*file, 0, file->Identity().size);
  }
};

INSTANTIATE_TEST_SUITE_P(By, OpenBeneathTest, ::testing::Values(BeneathBy::kKernel, BeneathBy::kSteps),
                         [](const auto& by) { return by.param == BeneathBy::kKernel ? "Kernel" : "Steps"; });

TEST_P(OpenBeneathTest, OpensBeneathAFolder) {
  fs::create_directories(folder_ / "model" / "weights");
  WriteFile(folder_ / "model" / "a.data", "a");
  WriteFile(folder_ / "model" / "weights" / "b.data", "b");
  EXPECT_EQ(ReadBeneath(folder_ / "model", "a.data"), "a");
  EXPECT_EQ(ReadBeneath(folder_ / "model", "./a.data"), "a");
  EXPECT_EQ(ReadBeneath(folder_ / "model", "weights/b.data"), "b");
  EXPECT_EQ(ReadBeneath(folder_ / "model", "weights/../a.data"), "a") << "stays inside";
}

TEST_P(OpenBeneathTest, AnEmptyFolderIsTheCurrentOne) {
  const fs::path old = fs::current_path();
  fs::current_path(folder_.path());
  WriteFile("a.data", "a");
  EXPECT_EQ(ReadBeneath("", "a.data"), "a");
  fs::current_path(old);
}

TEST_P(OpenBeneathTest, RefusesLocationsOutsideTheFolder) {
  fs::create_directories(folder_ / "model");
  fs::create_directories(folder_ / "model-2");
  WriteFile(folder_ / "secret", "s");
  WriteFile(folder_ / "model-2" / "secret", "s");
  EXPECT_THAT(BeneathFailure(folder_ / "model", "../secret"),
              AllOf(HasSubstr("'../secret'"), HasSubstr("leads out of the model's folder")));
  EXPECT_THAT(BeneathFailure(folder_ / "model", "../model-2/secret"), HasSubstr("leads out"))
      << "a folder's name is not a prefix of characters";
  EXPECT_THAT(BeneathFailure(folder_ / "model", (folder_ / "secret").native()), HasSubstr("is absolute"));
  WriteFile(folder_ / "model" / "inside", "i");
  EXPECT_THAT(BeneathFailure(folder_ / "model", (folder_ / "model" / "inside").native()),
              HasSubstr("is absolute"));
}

TEST_P(OpenBeneathTest, RefusesLinksThatLeadOut) {
  fs::create_directories(folder_ / "model");
  fs::create_directories(folder_ / "outside");
  WriteFile(folder_ / "outside" / "secret", "s");
  fs::create_symlink("../outside/secret", folder_ / "model" / "file-link");
  fs::create_symlink(folder_ / "outside", folder_ / "model" / "folder-link");
  EXPECT_THAT(BeneathFailure(folder_ / "model", "file-link"),
              AllOf(HasSubstr("leads out"), HasSubstr((folder_ / "outside" / "secret").native())));
  EXPECT_THAT(BeneathFailure(folder_ / "model", "folder-link/secret"), HasSubstr("leads out"));
}

TEST_P(OpenBeneathTest, FollowsLinksThatStayInside) {
  fs::create_directories(folder_ / "model" / "weights");
  WriteFile(folder_ / "model" / "weights" / "a.data", "a");
  fs::create_symlink("weights/a.data", folder_ / "model" / "link");
  EXPECT_EQ(ReadBeneath(folder_ / "model", "link"), "a");
  fs::create_directory_symlink(folder_ / "model", folder_ / "model-link");
  EXPECT_EQ(ReadBeneath(folder_ / "model-link", "link"), "a") << "the folder itself may be a link";
  fs::create_symlink(folder_ / "model" / "weights" / "a.data", folder_ / "model" / "absolute");
  EXPECT_EQ(ReadBeneath(folder_ / "model", "absolute"), "a");
  fs::create_symlink("../model/link", folder_ / "model" / "out-and-in");
  EXPECT_EQ(ReadBeneath(folder_ / "model", "out-and-in"), "a");
}

// Another process puts a link that leads out and a file that lies inside in each other's place all the time.
TEST_P(OpenBeneathTest, NeverReadsWhatLiesOutsideWhileNamesChange) {
  const fs::path model = folder_ / "model";
  fs::create_directories(model / "inside");
  fs::create_directories(folder_ / "outside");
  WriteFile(model / "inside" / "a.data", "inside");
  WriteFile(folder_ / "outside" / "a.data", "secret");
  fs::create_directory_symlink(folder_ / "outside", model / "other");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    while (::renameat2(AT_FDCWD, (model / "inside").c_str(), AT_FDCWD, (model / "other").c_str(),
                       RENAME_EXCHANGE) == 0) {
    }
    ::_exit(1);
  }
  int read = 0;
  int refused = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while ((read < 50 || refused < 50) && std::chrono::steady_clock::now() < end) {
    try {
      ASSERT_EQ(ReadBeneath(model, "inside/a.data"), "inside");
      ++read;
    } catch (const Error&) {
      ++refused;
    }
  }
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_GT(read, 0);
  EXPECT_GT(refused, 0);
}

// A child for which openat2 ends as `action` says opens a file; returns how the child ended.
int OpenBeneathWhereOpenat2(std::uint32_t action, BeneathBy by, const fs::path& folder) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::array<sock_filter, 4> filter = {{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
                                          BPF_STMT(BPF_RET | BPF_K, action),
                                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
    const sock_fprog program = {.len = filter.size(), .filter = filter.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
      ::_exit(2);
    }
    try {
      ::_exit(Read(*MakePosixFileSystem(by)->OpenBeneath(folder, "a.data"), 0, 1) == "a" ? 0 : 3);
    } catch (const Error&) {
      ::_exit(1);
    }
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

TEST_F(PosixFileSystemTest, OpensBeneathAFolderAlsoWithoutOpenat2) {
  WriteFile(folder_ / "a.data", "a");
  for (const int code : {ENOSYS, EPERM}) {
    EXPECT_EQ(OpenBeneathWhereOpenat2(SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(code),
                                      BeneathBy::kKernel, folder_.path()),
              0);
  }
  EXPECT_EQ(OpenBeneathWhereOpenat2(SECCOMP_RET_KILL_PROCESS, BeneathBy::kSteps, folder_.path()), 0);
  const int status = OpenBeneathWhereOpenat2(SECCOMP_RET_KILL_PROCESS, BeneathBy::kKernel, folder_.path());
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << "the kernel was not asked: " << status;
}

TEST_P(OpenBeneathTest, RefusesSeveralHardLinks) {
  fs::create_directories(folder_ / "model");
  WriteFile(folder_ / "secret", "s");
  fs::create_hard_link(folder_ / "secret", folder_ / "model" / "a.data");
  EXPECT_THAT(BeneathFailure(folder_ / "model", "a.data"),
              AllOf(HasSubstr("a.data'"), HasSubstr("hard links")));
  fs::remove(folder_ / "secret");
  EXPECT_EQ(ReadBeneath(folder_ / "model", "a.data"), "s") << "only one left";
}

TEST_P(OpenBeneathTest, RefusesLocationsThatNameNoFile) {
  EXPECT_THAT(BeneathFailure(folder_.path(), ""), HasSubstr("empty"));
  WriteFile(folder_ / "a", "a");
  EXPECT_THAT(BeneathFailure(folder_.path(), std::string("a\0b", 3)), HasSubstr("zero byte"));
  EXPECT_THAT(BeneathFailure(folder_.path(), "missing"),
              AllOf(HasSubstr("/missing'"), HasSubstr("No such file")));
  EXPECT_THAT(BeneathFailure(folder_.path(), "."), HasSubstr("folder"));
  EXPECT_THAT(BeneathFailure(folder_ / "nowhere", "a"), HasSubstr("/nowhere'"));
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(BeneathFailure(folder_.path(), "pipe"), HasSubstr("not a regular file"));
  fs::create_symlink("loop", folder_ / "loop");
  EXPECT_THAT(BeneathFailure(folder_.path(), "loop"), HasSubstr("/loop'"));
}

TEST_F(PosixFileSystemTest, WritesAndReadsBack) {
  const auto file = file_system_->Create(folder_ / "file");
  file->Reserve(10);
  EXPECT_EQ(fs::file_size(folder_ / "file"), 10U);
  WriteText(*file, 5, "56789");
  WriteText(*file, 0, "01234");
  std::string back(4, '?');
  file->ReadAt(3, std::as_writable_bytes(std::span(back)));
  EXPECT_EQ(back, "3456");
  file->StartWriteBack(0, 10);
  file->Sync();
  file->Close();
  EXPECT_EQ(ReadFile(folder_ / "file"), "0123456789");
}

TEST_F(PosixFileSystemTest, ReservingNothingIsFine) {
  const auto file = file_system_->Create(folder_ / "file");
  file->Reserve(0);
  file->Close();
  EXPECT_EQ(ReadFile(folder_ / "file"), "");
}

TEST_F(PosixFileSystemTest, ReservedBytesAreZeroAndTaken) {
  constexpr std::uint64_t kSize = 1 << 20;
  const auto file = file_system_->Create(folder_ / "file");
  file->Reserve(kSize);
  struct stat status {};
  ASSERT_EQ(::stat((folder_ / "file").c_str(), &status), 0);
  EXPECT_EQ(status.st_size, static_cast<off_t>(kSize));
  EXPECT_GE(status.st_blocks * 512, static_cast<off_t>(kSize)) << "a hole would meet a full disk later";
  EXPECT_EQ(ReadFile(folder_ / "file"), std::string(kSize, '\0'));
}

TEST_F(PosixFileSystemTest, AFullDiskShowsWhenSpaceIsReserved) {
  constexpr std::uint64_t kMoreThanAnyDisk = 1ULL << 50U;
  const auto file = file_system_->Create(folder_ / "file");
  EXPECT_THAT(FailureOf([&] { file->Reserve(kMoreThanAnyDisk); }),
              AllOf(HasSubstr("reserve space"), HasSubstr((folder_ / "file").native())));
}

TEST_F(PosixFileSystemTest, CreatesOnlyWhatDoesNotExist) {
  WriteFile(folder_ / "file", "mine");
  EXPECT_THAT(FailureOf([&] { static_cast<void>(file_system_->Create(folder_ / "file")); }),
              AllOf(HasSubstr("cannot create"), HasSubstr("/file'"), HasSubstr("exists")));
  EXPECT_EQ(ReadFile(folder_ / "file"), "mine");
  fs::create_symlink("elsewhere", folder_ / "dangling");
  EXPECT_THAT(FailureOf([&] { static_cast<void>(file_system_->Create(folder_ / "dangling")); }),
              HasSubstr("exists"));
  EXPECT_FALSE(fs::exists(folder_ / "elsewhere"));
}

TEST_F(PosixFileSystemTest, SaysThatADiskIsFull) {
  ASSERT_EQ(::access("/dev/full", W_OK), 0);
  EXPECT_THAT(FailureOf([&] { Append("/dev/full", "text\n"); }),
              AllOf(HasSubstr("'/dev/full'"), HasSubstr("No space left"), HasSubstr("; free some space")));
}

TEST_F(PosixFileSystemTest, IdentifiesOneFileUnderAllItsNames) {
  WriteFile(folder_ / "file", "text");
  WriteFile(folder_ / "other", "text");
  fs::create_symlink("file", folder_ / "link");
  fs::create_hard_link(folder_ / "file", folder_ / "hard");
  const auto identity = file_system_->Identify(folder_ / "file");
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->size, 4U);
  EXPECT_TRUE(identity->SameFile(*file_system_->Identify(folder_ / "link")));
  EXPECT_TRUE(identity->SameFile(*file_system_->Identify(folder_ / "hard")));
  EXPECT_FALSE(identity->SameFile(*file_system_->Identify(folder_ / "other")));
  EXPECT_EQ(*identity, file_system_->OpenForReading(folder_ / "link")->Identity());
}

TEST_F(PosixFileSystemTest, IdentityTellsOfAChange) {
  WriteFile(folder_ / "file", "text");
  const auto file = file_system_->OpenForReading(folder_ / "file");
  const FileIdentity before = file->Identity();
  EXPECT_EQ(file->Identity(), before);
  fs::last_write_time(folder_ / "file",
                      fs::last_write_time(folder_ / "file") + std::chrono::nanoseconds(1000));
  EXPECT_NE(file->Identity(), before) << "of the same size, written a microsecond later";
  EXPECT_TRUE(file->Identity().SameFile(before));
}

TEST_F(PosixFileSystemTest, IdentifiesNothingWhereNothingIs) {
  EXPECT_FALSE(file_system_->Identify(folder_ / "missing"));
  EXPECT_FALSE(file_system_->Identify(folder_ / "missing" / "deeper"));
  WriteFile(folder_ / "file", "");
  EXPECT_FALSE(file_system_->Identify(folder_ / "file" / "beneath a file"));
  fs::create_symlink("loop", folder_ / "loop");
  EXPECT_THAT(FailureOf([&] { static_cast<void>(file_system_->Identify(folder_ / "loop")); }),
              HasSubstr("/loop'"));
}

TEST_F(PosixFileSystemTest, KnowsFolders) {
  WriteFile(folder_ / "file", "");
  fs::create_directory_symlink(folder_.path(), folder_ / "link");
  EXPECT_TRUE(file_system_->IsFolder(folder_.path()));
  EXPECT_TRUE(file_system_->IsFolder(folder_ / "link"));
  EXPECT_FALSE(file_system_->IsFolder(folder_ / "file"));
  EXPECT_FALSE(file_system_->IsFolder(folder_ / "missing"));
  EXPECT_TRUE(file_system_->IsWritableFolder(folder_.path()));
  EXPECT_FALSE(file_system_->IsWritableFolder(folder_ / "missing"));
}

TEST_F(PosixFileSystemTest, TellsFreeSpace) {
  const std::uint64_t expected = fs::space(folder_.path()).available;
  const std::uint64_t free = file_system_->FreeSpace(folder_.path());
  EXPECT_GT(free, expected / 2);
  EXPECT_LT(free, expected * 2);
  EXPECT_THAT(FailureOf([&] { static_cast<void>(file_system_->FreeSpace(folder_ / "missing")); }),
              HasSubstr("/missing'"));
}

TEST_F(PosixFileSystemTest, RenamesAndRemoves) {
  WriteFile(folder_ / "a", "a");
  WriteFile(folder_ / "b", "b");
  file_system_->Rename(folder_ / "a", folder_ / "b");
  EXPECT_EQ(folder_.Listing(), (std::map<std::string, std::string>{{"b", "a"}}));
  file_system_->SyncFolder(folder_.path());
  file_system_->Remove(folder_ / "b");
  EXPECT_TRUE(folder_.Listing().empty());
  file_system_->Remove(folder_ / "b");  // gone is gone
  EXPECT_THAT(FailureOf([&] { file_system_->Rename(folder_ / "missing", folder_ / "c"); }), HasSubstr("/c'"));
  EXPECT_THAT(FailureOf([&] { file_system_->Remove(folder_.path()); }), HasSubstr("cannot remove"));
  EXPECT_THAT(FailureOf([&] { file_system_->SyncFolder(folder_ / "missing"); }), HasSubstr("/missing'"));
}

TEST_F(PosixFileSystemTest, AppendsAndShowsTheLastLine) {
  const fs::path log = folder_ / "log";
  EXPECT_EQ(Append(log, "one\n"), "");
  EXPECT_EQ(Append(log, "two\n"), "one");
  EXPECT_EQ(Append(log, "three\nfour\n"), "two");
  EXPECT_EQ(Append(log, ""), "four");
  EXPECT_EQ(ReadFile(log), "one\ntwo\nthree\nfour\n");
}

TEST_F(PosixFileSystemTest, ALastLineMayBeEmptyOrNotEnded) {
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
class LastLineTest : public PosixFileSystemTest, public ::testing::WithParamInterface<int> {};

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
TEST_F(PosixFileSystemTest, AnEndlessLastLineIsRefused) {
  const fs::path log = folder_ / "log";
  WriteFile(log, "one\n");
  fs::resize_file(log, 1ULL << 30U);
  EXPECT_THAT(FailureOf([&] { Append(log, "line\n"); }),
              AllOf(HasSubstr("/log'"), HasSubstr("longer than 16")));
  EXPECT_EQ(fs::file_size(log), 1ULL << 30U);
  fs::resize_file(log, 10ULL << 20U);
  EXPECT_EQ(Append(log, "line\n").size(), (10ULL << 20U) - 4);
}

TEST_F(PosixFileSystemTest, ManyAppendersKeepLinesWholeAndInAChain) {
  constexpr int kProcesses = 4;
  constexpr int kThreads = 2;
  constexpr int kLines = 20;
  const fs::path log = folder_ / "log";
  // Each line counts on from the one before: two that saw the same last line would give one number twice.
  const auto append = [&log](int who) {
    const auto file_system = MakePosixFileSystem();
    for (int i = 0; i < kLines; ++i) {
      file_system->AppendLocked(log, [who](std::string_view last_line) {
        const int number = last_line.empty() ? 0 : std::stoi(std::string(last_line)) + 1;
        return std::to_string(number) + " " + std::string(3000, static_cast<char>('a' + who)) + "\n";
      });
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

TEST_F(PosixFileSystemTest, ComposesWhileTheLockIsHeld) {
  const fs::path log = folder_ / "log";
  file_system_->AppendLocked(log, [&](std::string_view) {
    const int other = ::open(log.c_str(), O_RDWR);
    EXPECT_GE(other, 0);
    EXPECT_EQ(::flock(other, LOCK_EX | LOCK_NB), -1);
    ::close(other);
    return std::string("line\n");
  });
  const int other = ::open(log.c_str(), O_RDWR);
  EXPECT_EQ(::flock(other, LOCK_EX | LOCK_NB), 0) << "and lets go of it";
  ::close(other);
}

TEST_F(PosixFileSystemTest, AppendsToPipesWithoutALastLine) {
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  EXPECT_EQ(Append(pipe, "line\n"), "");
  std::array<char, 16> bytes{};
  EXPECT_EQ(::read(reader, bytes.data(), bytes.size()), 5);
  EXPECT_STREQ(bytes.data(), "line\n");
  ::close(reader);
}

TEST_F(PosixFileSystemTest, ALogThatCannotBeOpenedIsAnError) {
  EXPECT_THAT(FailureOf([&] { Append(folder_ / "missing" / "log", "line\n"); }),
              AllOf(HasSubstr("cannot open"), HasSubstr("/missing/log'"), HasSubstr("No such file")));
  EXPECT_THAT(FailureOf([&] { Append(folder_.path(), "line\n"); }), HasSubstr(folder_.path().native()));
}

}  // namespace
}  // namespace qi8
