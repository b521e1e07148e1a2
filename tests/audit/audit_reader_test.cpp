#include "audit/audit_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "audit/audit_log.hpp"
#include "audit/audit_text.hpp"
#include "audit/record_seal.hpp"
#include "hash/sha256.hpp"
#include "support/stride.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kLines = 4;

// A log of a few runs, as the program writes it.
[[nodiscard]] std::vector<std::string> ExampleLines() {
  const testing::TempFolder folder;
  const auto file_system = MakePosixFileSystem();
  for (int i = 0; i < kLines; ++i) {
    AuditRecord record{.command = "quantize",
                       .status = i == 2 ? "failed" : "done",
                       .error = i == 2 ? "cannot read 'm.onnx'" : "",
                       .libraries = {},
                       .isa = "avx2",
                       .options_json = "{}",
                       .run = {}};
    record.run.plan.inputs = {{"/in/m" + std::to_string(i) + ".onnx", 100, ""}, {"/in/data", 10, ""}};
    record.run.plan.outputs = {{"/out/q.onnx", 50, ""}};
    record.run.seconds = i + 0.5;
    AppendAuditRecord(*file_system, {folder / "log", LogPlace::NamedBy::kDefault}, record);
  }
  std::vector<std::string> lines(1);
  for (const char c : testing::ReadFile(folder / "log")) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  lines.pop_back();
  return lines;
}

[[nodiscard]] std::string Join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

struct Reading {
  AuditCheck check;
  std::vector<AuditedRun> runs;
  std::vector<std::string> json;

  [[nodiscard]] std::vector<std::uint64_t> ProblemLines() const {
    std::vector<std::uint64_t> lines;
    for (const AuditProblem& problem : check.problems) lines.push_back(problem.line);
    return lines;
  }
};

[[nodiscard]] Reading Read(const std::string& log) {
  Reading reading;
  reading.check = CheckAuditLog(*MakeMemoryFile("log", log), [&](const AuditedRun& run) {
    reading.runs.push_back(run);
    reading.json.emplace_back(run.json);
  });
  return reading;
}

// A record that is made to fit: whoever can write the file can do this.
[[nodiscard]] std::string Forge(const std::string& previous_line, const std::string& members) {
  return SealRecord(R"({"schema":1,"previous":")" +
                    (previous_line.empty() ? "" : Sha256::HexOf(previous_line)) + "\"" + members + "}");
}

TEST(AuditReaderTest, ALogAsItWasWrittenIsIntact) {
  const auto lines = ExampleLines();
  const Reading reading = Read(Join(lines));
  EXPECT_TRUE(reading.check.intact());
  EXPECT_THAT(reading.check.problems, IsEmpty());
  EXPECT_EQ(reading.check.lines, kLines);
  EXPECT_EQ(reading.json, lines);
  ASSERT_EQ(reading.runs.size(), kLines);
  const AuditedRun& failed = reading.runs[2];
  EXPECT_EQ(failed.line, 3U);
  EXPECT_EQ(failed.command, "quantize");
  EXPECT_EQ(failed.status, "failed");
  EXPECT_EQ(failed.error, "cannot read 'm.onnx'");
  EXPECT_EQ(failed.input, "/in/m2.onnx") << "the first of several";
  EXPECT_EQ(failed.output, "/out/q.onnx");
  EXPECT_EQ(failed.seconds, 2.5);
  EXPECT_EQ(failed.time.size(), std::string("2023-11-14T22:13:20Z").size());
  EXPECT_FALSE(failed.user.empty());
  EXPECT_FALSE(failed.host.empty());
}

TEST(AuditReaderTest, AnEmptyLogIsIntact) {
  const Reading reading = Read("");
  EXPECT_TRUE(reading.check.intact());
  EXPECT_EQ(reading.check.lines, 0U);
}

// Of whatever byte, in the first line or the last, its line feed included.
TEST(AuditReaderTest, EveryChangeOfASingleByteShowsAtItsLine) {
  const std::string log = Join(ExampleLines());
  std::uint64_t line = 1;
  for (std::size_t i = 0; i < log.size(); ++i) {
    for (std::size_t bit = i % testing::kStride; bit < 8; bit += testing::kStride) {
      std::string changed = log;
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      const auto problems = Read(changed).ProblemLines();
      ASSERT_FALSE(problems.empty()) << "byte " << i << ", bit " << bit;
      ASSERT_EQ(problems.front(), line) << "byte " << i << ", bit " << bit;
    }
    if (log[i] == '\n') ++line;
  }
}

TEST(AuditReaderTest, EveryByteRemovedOrAddedShowsAtItsLine) {
  const std::string log = Join(ExampleLines());
  std::uint64_t line = 1;
  for (std::size_t i = 0; i < log.size(); ++i) {
    if (log[i] != '\n' && i % testing::kStride != 0) continue;
    std::string shorter = log;
    shorter.erase(i, 1);
    const auto removed = Read(shorter).ProblemLines();
    ASSERT_FALSE(removed.empty()) << "byte " << i;
    ASSERT_EQ(removed.front(), line) << "byte " << i;
    for (const char extra : {' ', '\n', '}'}) {
      std::string longer = log;
      longer.insert(i, 1, extra);
      const auto added = Read(longer).ProblemLines();
      ASSERT_FALSE(added.empty()) << "byte " << i;
      const bool makes_an_empty_line_behind = extra == '\n' && log[i] == '\n';
      ASSERT_EQ(added.front(), line + (makes_an_empty_line_behind ? 1 : 0)) << "byte " << i;
    }
    if (log[i] == '\n') ++line;
  }
  EXPECT_THAT(Read(log + "x").ProblemLines(), ElementsAre(kLines + 1));
}

TEST(AuditReaderTest, LinesThatWereRemovedShowAtTheNext) {
  for (std::size_t gone = 0; gone + 1 < kLines; ++gone) {
    auto lines = ExampleLines();
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(gone));
    EXPECT_THAT(Read(Join(lines)).ProblemLines(), ElementsAre(gone + 1));
  }
}

// Nothing follows that could name them. The pages say so.
TEST(AuditReaderTest, LinesRemovedAtTheEndCanNotBeSeen) {
  auto lines = ExampleLines();
  lines.pop_back();
  EXPECT_TRUE(Read(Join(lines)).check.intact());
}

TEST(AuditReaderTest, LinesThatWereMovedOrRepeatedShow) {
  auto moved = ExampleLines();
  std::swap(moved[1], moved[2]);
  EXPECT_EQ(Read(Join(moved)).ProblemLines().front(), 2U);
  auto repeated = ExampleLines();
  repeated.insert(repeated.begin() + 1, repeated[0]);
  EXPECT_EQ(Read(Join(repeated)).ProblemLines().front(), 2U);
  auto at_the_end = ExampleLines();
  at_the_end.push_back(at_the_end.back());
  EXPECT_THAT(Read(Join(at_the_end)).ProblemLines(), ElementsAre(kLines + 1));
}

// A line with a hash that fits itself: the line after it tells.
TEST(AuditReaderTest, ALineThatWasReplacedAndSealedShowsAtTheNext) {
  auto lines = ExampleLines();
  lines[1] = Forge(lines[0], R"(,"status":"done","user":"somebody else")");
  EXPECT_THAT(Read(Join(lines)).ProblemLines(), ElementsAre(3));
}

TEST(AuditReaderTest, WhatIsWrongIsNamedOnceAndNotAgainAtTheNextLine) {
  auto lines = ExampleLines();
  lines[1].replace(lines[1].find("/in/m1"), 6, "/in/m7");
  const Reading reading = Read(Join(lines));
  EXPECT_THAT(reading.ProblemLines(), ElementsAre(2));
  EXPECT_THAT(reading.check.problems[0].what, HasSubstr("changed after it was written"));
  EXPECT_EQ(reading.runs.size(), kLines) << "it is shown all the same";
}

TEST(AuditReaderTest, OtherFilesAreNoLogs) {
  const Reading text = Read("hello\nworld\n");
  EXPECT_THAT(text.ProblemLines(), ElementsAre(1, 2));
  EXPECT_THAT(text.check.problems[0].what, HasSubstr("not a JSON object"));
  EXPECT_THAT(text.runs, IsEmpty());
  EXPECT_THAT(Read("[]\n").ProblemLines(), ElementsAre(1));
  EXPECT_THAT(Read("{}\n").ProblemLines(), ElementsAre(1));
  EXPECT_THAT(Read(SealRecord(R"({"schema":7,"previous":""})") + "\n").check.problems.at(0).what,
              HasSubstr("schema"));
}

// A record may hold what it likes beside what is shown.
TEST(AuditReaderTest, TakesOnlyMembersOfTheRecordItself) {
  const std::string line =
      Forge("", R"(,"options":{"user":"x","status":"y","seconds":9},"inputs":[{"more":{"path":"deep"}}],)"
                R"("list":[{"path":"other"}],"seconds":2,"user":"me")");
  const Reading reading = Read(line + "\n");
  ASSERT_TRUE(reading.check.intact());
  ASSERT_EQ(reading.runs.size(), 1U);
  EXPECT_EQ(reading.runs[0].user, "me");
  EXPECT_EQ(reading.runs[0].status, "");
  EXPECT_EQ(reading.runs[0].input, "");
  EXPECT_EQ(reading.runs[0].seconds, 2);
}

TEST(AuditReaderTest, NestingWithoutEndIsReadInLittleMemory) {
  const std::string deep(1'000'000, '[');
  EXPECT_THAT(Read(deep + "\n").ProblemLines(), ElementsAre(1));
  const std::string line = Forge("", ",\"x\":" + deep + std::string(deep.size(), ']'));
  EXPECT_TRUE(Read(line + "\n").check.intact());
}

TEST(AuditReaderTest, ALineLongerThanTheBoundEndsReading) {
  const std::string first = Forge("", "");
  const auto with_length = [&first](std::size_t length) {
    const std::size_t rest = Forge(first, R"(,"x":"")").size();
    return Forge(first, R"(,"x":")" + std::string(length - rest, 'x') + "\"");
  };
  EXPECT_TRUE(Read(first + "\n" + with_length(kMostAuditLineBytes - 1) + "\n").check.intact());
  try {
    static_cast<void>(Read(first + "\n" + with_length(kMostAuditLineBytes) + "\n"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kFailure);
    EXPECT_THAT(error.what(), HasSubstr("line 2 is longer than"));
  }
}

// A file that claims a size and gives zeros, and notes the most that was asked for at once.
class EndlessFile final : public ReadableFile {
 public:
  [[nodiscard]] const std::string& path() const override { return path_; }
  void ReadAt(std::uint64_t offset, std::span<std::byte> into) const override {
    std::ranges::fill(into, std::byte{'x'});
    furthest_ = std::max(furthest_, offset + into.size());
  }
  [[nodiscard]] FileIdentity Identity() const override { return {.size = 1ULL << 40U}; }
  [[nodiscard]] std::uint64_t furthest() const { return furthest_; }

 private:
  std::string path_ = "endless";
  mutable std::uint64_t furthest_ = 0;
};

TEST(AuditReaderTest, ALineWithoutEndIsNotReadToItsEnd) {
  const EndlessFile file;
  EXPECT_THROW(static_cast<void>(CheckAuditLog(file, [](const AuditedRun&) {})), Error);
  EXPECT_LE(file.furthest(), kMostAuditLineBytes + (1U << 20U));
}

TEST(AuditReaderTest, ALogOfProblemsIsCountedAndNotKept) {
  std::string log;
  for (int i = 0; i < 1000; ++i) log += "no record\n";
  const AuditCheck check = Read(log).check;
  EXPECT_EQ(check.problem_count, 1000U);
  EXPECT_EQ(check.problems.size(), kMostAuditProblems);
}

TEST(AuditLogWriterTest, ARecordTooLongToBeReadIsNotWritten) {
  const testing::TempFolder folder;
  const auto file_system = MakePosixFileSystem();
  AuditRecord record{.command = "quantize",
                     .status = "failed",
                     .error = std::string(kMostAuditLineBytes, 'x'),
                     .libraries = {},
                     .isa = "",
                     .options_json = "{}",
                     .run = {}};
  EXPECT_THROW(AppendAuditRecord(*file_system, {folder / "log", LogPlace::NamedBy::kDefault}, record), Error);
  EXPECT_EQ(testing::ReadFile(folder / "log"), "");
}

TEST(AuditTextTest, JsonHasEveryRecordAndTheResult) {
  auto lines = ExampleLines();
  lines[0].replace(lines[0].find("/in/m0"), 6, "/in/m9");
  lines.insert(lines.begin() + 2, "no record");
  AuditJson text;
  std::string json = AuditJson::Start();
  const AuditCheck check = CheckAuditLog(*MakeMemoryFile("log", Join(lines)),
                                         [&](const AuditedRun& run) { json += text.Record(run); });
  json += AuditJson::End(check);
  const auto parsed = nlohmann::json::parse(json);
  ASSERT_EQ(parsed["records"].size(), kLines);
  EXPECT_EQ(parsed["records"][0]["inputs"][0]["path"], "/in/m9.onnx");
  EXPECT_EQ(parsed["lines"], kLines + 1);
  EXPECT_EQ(parsed["intact"], false);
  ASSERT_EQ(parsed["problems"].size(), 2U);
  EXPECT_EQ(parsed["problems"][0]["line"], 1);
  EXPECT_EQ(parsed["problems"][1]["line"], 3);

  const auto empty = nlohmann::json::parse(AuditJson::Start() + AuditJson::End({}));
  EXPECT_EQ(empty["records"].size(), 0U);
  EXPECT_EQ(empty["intact"], true);
}

TEST(AuditTextTest, NamesInTheTableMoveNoCursor) {
  AuditedRun run;
  run.user = "a\x1b[2J";
  run.input = "line\nbreak";
  const std::string row = AuditTableRow(run);
  EXPECT_EQ(std::ranges::count(row, '\n'), 1);
  EXPECT_EQ(row.find('\x1b'), std::string::npos);
  EXPECT_THAT(row, HasSubstr("a\\x1b[2J"));
}

}  // namespace
}  // namespace qi8
