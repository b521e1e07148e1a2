#include "io/open_beneath.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>

#include "qi8/error.hpp"
#include "support/failure.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;
using qi8::testing::FailureOf;
using qi8::testing::TempFolder;
using qi8::testing::WriteFile;
using ::testing::AllOf;
using ::testing::HasSubstr;

[[nodiscard]] std::string Read(const ReadableFile& file, std::uint64_t offset, std::size_t length) {
  std::string bytes(length, '?');
  file.ReadAt(offset, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

class OpenBeneathTest : public ::testing::TestWithParam<BeneathBy> {
 protected:
  [[nodiscard]] std::string BeneathFailure(const fs::path& folder, const std::string& relative) {
    return FailureOf([&] { static_cast<void>(file_system_->OpenBeneath(folder, relative)); });
  }
  [[nodiscard]] std::string ReadBeneath(const fs::path& folder, const std::string& relative) {
    const auto file = file_system_->OpenBeneath(folder, relative);
    return Read(*file, 0, file->Identity().size);
  }

  TempFolder folder_;
  std::unique_ptr<FileSystem> file_system_ = MakePosixFileSystem(LinkPolicy::kSafe, GetParam());
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
[[nodiscard]] int OpenBeneathWhereOpenat2(std::uint32_t action, BeneathBy by, const fs::path& folder) {
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
      ::_exit(Read(*MakePosixFileSystem(LinkPolicy::kSafe, by)->OpenBeneath(folder, "a.data"), 0, 1) == "a"
                  ? 0
                  : 3);
    } catch (const Error&) {
      ::_exit(1);
    }
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(OpenBeneathWithoutOpenat2, OpensBeneathAFolderAllTheSame) {
  const TempFolder folder_;
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

// Whoever made the name in the model's folder chose what file it stands for.
TEST_P(OpenBeneathTest, TakesHardLinksWhereOnlyTheUserCanHaveMadeThem) {
  fs::create_directories(folder_ / "model");
  WriteFile(folder_ / "blob", "b");
  fs::create_hard_link(folder_ / "blob", folder_ / "model" / "a.data");
  EXPECT_EQ(ReadBeneath(folder_ / "model", "a.data"), "b");

  fs::permissions(folder_ / "model", fs::perms(0777));
  EXPECT_THAT(BeneathFailure(folder_ / "model", "a.data"),
              AllOf(HasSubstr("a.data'"), HasSubstr("hard links"), HasSubstr("--follow-links")))
      << "anybody could put a link there";
  fs::permissions(folder_ / "model", fs::perms(0755));
  fs::permissions(folder_ / "blob", fs::perms(0666));
  EXPECT_EQ(ReadBeneath(folder_ / "model", "a.data"), "b") << "what the file itself permits is no matter";

  fs::permissions(folder_ / "model", fs::perms(0777));
  fs::remove(folder_ / "blob");
  EXPECT_EQ(ReadBeneath(folder_ / "model", "a.data"), "b") << "only one name is left";
}

TEST_P(OpenBeneathTest, RefusesHardLinksThatAnotherUserCanHaveMade) {
  ASSERT_EQ(::geteuid(), 0U) << "giving files away takes root";
  fs::create_directories(folder_ / "model");
  WriteFile(folder_ / "blob", "b");
  fs::create_hard_link(folder_ / "blob", folder_ / "model" / "a.data");
  constexpr uid_t kStranger = 12345;
  ASSERT_EQ(::chown((folder_ / "model").c_str(), kStranger, kStranger), 0);
  EXPECT_THAT(BeneathFailure(folder_ / "model", "a.data"), HasSubstr("hard links")) << "a stranger's folder";
  ASSERT_EQ(::chown((folder_ / "model").c_str(), 0, 0), 0);
  ASSERT_EQ(::chown((folder_ / "blob").c_str(), kStranger, kStranger), 0);
  EXPECT_THAT(BeneathFailure(folder_ / "model", "a.data"), HasSubstr("hard links")) << "a stranger's file";
}

class HubCacheTest : public OpenBeneathTest {
 protected:
  HubCacheTest() {
    fs::create_directories(repository_ / "blobs");
    fs::create_directories(snapshot_ / "onnx");
    WriteFile(repository_ / "blobs" / "hash", "blob");
  }

  fs::path repository_ = folder_ / "hub" / "models--owner--name";
  fs::path snapshot_ = repository_ / "snapshots" / "revision";
};

INSTANTIATE_TEST_SUITE_P(By, HubCacheTest, ::testing::Values(BeneathBy::kKernel, BeneathBy::kSteps),
                         [](const auto& by) { return by.param == BeneathBy::kKernel ? "Kernel" : "Steps"; });

TEST_P(HubCacheTest, FilesAreLinksToBlobsOfTheirRepository) {
  fs::create_symlink("../../blobs/hash", snapshot_ / "a.data");
  fs::create_symlink("../../../blobs/hash", snapshot_ / "onnx" / "b.data");
  EXPECT_EQ(ReadBeneath(snapshot_, "a.data"), "blob");
  EXPECT_EQ(ReadBeneath(snapshot_ / "onnx", "b.data"), "blob");
  EXPECT_EQ(ReadBeneath(snapshot_, "onnx/b.data"), "blob");
  fs::create_directory_symlink(snapshot_, folder_ / "link");
  EXPECT_EQ(ReadBeneath(folder_ / "link", "a.data"), "blob")
      << "the snapshot itself may be reached by a link";
}

TEST_P(HubCacheTest, LinksDoNotLeaveTheRepository) {
  WriteFile(folder_ / "secret", "s");
  fs::create_directories(folder_ / "hub" / "models--owner--name-2" / "blobs");
  WriteFile(folder_ / "hub" / "models--owner--name-2" / "blobs" / "hash", "s");
  fs::create_symlink("../../../../secret", snapshot_ / "out");
  fs::create_symlink("../../../models--owner--name-2/blobs/hash", snapshot_ / "neighbor");
  fs::create_symlink(folder_ / "secret", repository_ / "blobs" / "link");
  fs::create_symlink("../../blobs/link", snapshot_ / "through-a-blob");
  for (const std::string name : {"out", "neighbor", "through-a-blob"}) {
    EXPECT_THAT(BeneathFailure(snapshot_, name), AllOf(HasSubstr("leads out"), HasSubstr("--follow-links")));
  }
}

TEST_P(HubCacheTest, TheModelItselfMayNotNameABlob) {
  EXPECT_THAT(BeneathFailure(snapshot_, "../../blobs/hash"), HasSubstr("leads out"));
  EXPECT_THAT(BeneathFailure(snapshot_ / "onnx", "../a.data"), HasSubstr("leads out"));
}

// A folder that only looks a little like a repository of the cache is a folder like any other.
TEST_P(HubCacheTest, OtherLayoutsHaveNoSuchRights) {
  fs::create_symlink("../../blobs/hash", snapshot_ / "a.data");
  fs::rename(repository_, folder_ / "hub" / "owner--name");
  EXPECT_THAT(BeneathFailure(folder_ / "hub" / "owner--name" / "snapshots" / "revision", "a.data"),
              HasSubstr("leads out"));
  fs::rename(folder_ / "hub" / "owner--name", repository_);
  fs::rename(repository_ / "snapshots", repository_ / "versions");
  EXPECT_THAT(BeneathFailure(repository_ / "versions" / "revision", "a.data"), HasSubstr("leads out"));
}

TEST(FollowLinks, ReadsWhatTheUserVouchesFor) {
  const TempFolder folder;
  const auto file_system = MakePosixFileSystem(LinkPolicy::kFollow);
  const auto read = [&](const std::string& name) {
    return Read(*file_system->OpenBeneath(folder / "model", name), 0, 1);
  };
  fs::create_directories(folder / "model");
  WriteFile(folder / "blob", "b");
  fs::create_symlink("../blob", folder / "model" / "link");
  fs::create_hard_link(folder / "blob", folder / "model" / "hard");
  fs::permissions(folder / "model", fs::perms(0777));
  EXPECT_EQ(read("link"), "b");
  EXPECT_EQ(read("hard"), "b");
  EXPECT_THROW(static_cast<void>(read("../blob")), Error)
      << "what the model says is not what the user vouches for";
  EXPECT_THROW(static_cast<void>(read((folder / "blob").native())), Error);
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

}  // namespace
}  // namespace qi8
