// The real program, with every call to the system failing in turn.
#include <cerrno>
#include <cstring>
#include <iostream>

#include "cmdline/quantize_fixture.hpp"
#include "support/stride.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::HasSubstr;

struct Function {
  std::string name;
  std::vector<int> errors;
};

const std::vector<Function> kFunctions = {{"open", {EIO, EACCES}},
                                          {"openat", {EIO, ENOSPC}},
                                          {"pread", {EIO}},
                                          {"pwrite", {ENOSPC, EDQUOT, EIO}},
                                          {"write", {ENOSPC, EIO}},
                                          {"fsync", {EIO, ENOSPC}},
                                          {"close", {EIO}},
                                          {"renameat", {EIO}},
                                          {"renameat2", {EIO, EINVAL}},
                                          {"fallocate", {ENOSPC, EOPNOTSUPP}},
                                          {"mkdirat", {ENOSPC}},
                                          {"symlinkat", {ENOSPC, EPERM}},
                                          {"unlinkat", {EIO}},
                                          {"flock", {ENOLCK}},
                                          {"readlinkat", {EIO}},
                                          {"stat", {EIO}},
                                          {"fstat", {EIO}},
                                          {"fstatat", {EIO}}};

// What the program can do without: where it is told that there is no such thing, it finds another way.
[[nodiscard]] bool IsOptional(const std::string& function, int error) {
  return (function == "renameat2" && error == EINVAL) || (function == "fallocate" && error == EOPNOTSUPP) ||
         (function == "symlinkat" && error == EPERM);
}

class QuantizeFaultsTest : public QuantizeTest, public ::testing::WithParamInterface<bool> {
 protected:
  using Files = std::map<std::string, std::string>;

  // Weights of each place, and few: every call is a run of the program.
  QuantizeFaultsTest() {
    ModelBuilder builder;
    builder.Input("x", {2, 64}).Output("z", {2, 32});
    builder.Initializer("w", {64, 64}, RandomValues(64 * 64), Storage::kExternal);
    builder.Initializer("v", {64, 32}, RandomValues(64 * 32));
    builder.Node("MatMul", {"x", "w"}, {"y"}, "first");
    builder.Node("MatMul", {"y", "v"}, {"z"}, "second");
    builder.Save(input());
    old_ = OldOutput();
  }

  // What an earlier run made of another model.
  [[nodiscard]] Files OldOutput() const {
    ModelBuilder builder;
    builder.Input("x", {2, 48}).Output("y", {2, 48}).Initializer("w", {48, 48}, RandomValues(48 * 48, 7));
    builder.Node("MatMul", {"x", "w"}, {"y"}, "only");
    const TempFolder folder;
    builder.Save(folder / "m.onnx");
    const auto result = RunQuantizeInt8({(folder / "m.onnx").native(), (folder / "q.onnx").native()});
    EXPECT_EQ(result.status, 0) << result.err;
    Files files;
    for (const std::string name : {"q.onnx", "q.onnx.data", "q.onnx.sha256"})
      files[name] = ReadFile(folder / name);
    return files;
  }

  [[nodiscard]] static bool IsOverOld() { return GetParam(); }

  // The output folder as a user sees it, through links, without the log.
  [[nodiscard]] Files Outputs() const {
    Files files;
    for (const auto& entry : fs::directory_iterator(folder_ / "out")) {
      const std::string name = entry.path().filename().native();
      if (name == "quantization_log.jsonl") continue;
      files[name] = fs::is_regular_file(entry) ? Sha256::HexOf(ReadFile(entry)) : "no file";
    }
    return files;
  }

  void Prepare() const {
    fs::remove_all(folder_ / "out");
    fs::create_directory(folder_ / "out");
    if (!IsOverOld()) return;
    for (const auto& [name, contents] : old_) WriteFile(folder_ / "out" / name, contents);
  }

  [[nodiscard]] ProgramResult QuantizeWith(const std::string& fault) const {
    std::vector<std::string> arguments = {"in/m.onnx", "out/q.onnx", "--threads", "1"};
    if (IsOverOld()) arguments.emplace_back("--force");
    return RunQuantizeInt8(arguments, {.folder = folder_.path(),
                                       .environment = {"LD_PRELOAD=" QI8_TEST_PRELOAD, "QI8_FAULT=" + fault,
                                                       "QI8_FAULT_FOLDER=" + folder_.path().native(),
                                                       "QI8_FAULT_MARK=" + (folder_ / "mark").native()}});
  }

  Files old_;

  // Whether the call that was to fail was made.
  [[nodiscard]] bool Happened() const { return fs::remove(folder_ / "mark"); }

  void ExpectNextRunTidiesUp(const Files& after) {
    ASSERT_EQ(Quantize({"--force"}).status, 0);
    ASSERT_EQ(Outputs(), after);
  }
};

TEST_P(QuantizeFaultsTest, EveryCallMayFail) {
  Prepare();
  const Files before = Outputs();
  const ProgramResult sound = QuantizeWith("");
  ASSERT_EQ(sound.status, 0) << sound.err;
  const Files after = Outputs();
  ASSERT_NE(before, after);

  std::size_t covered = 0;
  std::map<std::string, std::size_t> calls_of;
  for (const auto& [function, errors] : kFunctions) {
    for (const int error : errors) {
      for (std::size_t number = 0;; number += kStride) {
        Prepare();
        const ProgramResult result =
            QuantizeWith(function + ":" + std::to_string(number) + ":" + std::to_string(error));
        if (!Happened()) break;
        SCOPED_TRACE(function + ", call " + std::to_string(number) + ": " + std::strerror(error) +
                     "; status " + std::to_string(result.status) + ", " + result.err);
        ++covered;
        ++calls_of[function];
        Files left = Outputs();
        const bool has_debris = left.erase(".q.onnx.qi8") > 0;
        const bool is_whole = result.err.find(" whole") != std::string::npos;
        if (result.status == 0 || is_whole) {
          ASSERT_EQ(left, after);
        } else {
          ASSERT_EQ(result.status, 1);
          ASSERT_EQ(left, before);
          ASSERT_FALSE(has_debris) << "of a run that could tidy up";
        }
        if (result.status != 0) {
          ASSERT_TRUE(result.err.starts_with("quantize-int8: error: ")) << result.err;
          ASSERT_THAT(result.err, HasSubstr(std::strerror(error)));
          ASSERT_FALSE(IsOptional(function, error));
        }
        if (has_debris) ExpectNextRunTidiesUp(after);
      }
    }
  }
  std::cout << covered << " failures of " << calls_of.size() << " functions\n";
  for (const std::string must :
       {"open", "openat", "pread", "pwrite", "write", "fsync", "close", "renameat", "fallocate", "mkdirat",
        "symlinkat", "unlinkat", "flock", "readlinkat", "fstatat"}) {
    EXPECT_GT(calls_of[must], 0U) << must;
  }
  if (IsOverOld()) {
    EXPECT_GT(calls_of["renameat2"], 0U);
  }
}

TEST_P(QuantizeFaultsTest, ShortReadsAndWritesAreGoneOnFrom) {
  Prepare();
  ASSERT_EQ(QuantizeWith("").status, 0);
  const Files after = Outputs();
  std::size_t covered = 0;
  for (const std::string function : {"pread", "pwrite", "write"}) {
    for (std::size_t number = 0;; number += kStride) {
      Prepare();
      const ProgramResult result = QuantizeWith(function + ":" + std::to_string(number) + ":short");
      if (!Happened()) break;
      ++covered;
      ASSERT_EQ(result.status, 0) << function << " " << number << ": " << result.err;
      ASSERT_EQ(Outputs(), after) << function << " " << number;
    }
    Prepare();
    ASSERT_EQ(QuantizeWith(function + ":all:short").status, 0);
    ASSERT_TRUE(Happened());
    ASSERT_EQ(Outputs(), after) << function << ", all of them";
  }
  EXPECT_GT(covered, 10U / kStride);
  std::cout << covered << " short reads and writes\n";
}

INSTANTIATE_TEST_SUITE_P(Runs, QuantizeFaultsTest, ::testing::Bool(),
                         [](const auto& over_old) { return over_old.param ? "OverOld" : "ToNothing"; });

}  // namespace
}  // namespace qi8::testing
