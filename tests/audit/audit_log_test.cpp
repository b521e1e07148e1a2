#include "audit/audit_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "core/version.hpp"
#include "hash/sha256.hpp"
#include "qi8/error.hpp"
#include "qi8/quantize.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

using nlohmann::json;
using qi8::testing::ReadFile;
using qi8::testing::TempFolder;
using qi8::testing::WriteFile;

[[nodiscard]] std::vector<std::string> LinesOf(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  std::istringstream text(ReadFile(path));
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

[[nodiscard]] AuditRecord ExampleRecord() {
  AuditRecord record{.command = "quantize",
                     .status = "done",
                     .error = "",
                     .libraries = {{"onnx", "1.12.0"}, {"openssl", "3.0.0"}},
                     .isa = "avx2",
                     .options_json = R"({"ops":["MatMul"],"threads":2})",
                     .run = {}};
  RunReport& run = record.run;
  run.plan.inputs = {{"/models/m.onnx", 100, std::string(64, '1')}, {"/models/m.onnx.data", 4000, ""}};
  run.plan.outputs = {{"/models/q.onnx", 90, std::string(64, '2')},
                      {"/models/q.onnx.data", 1000, std::string(64, '3')}};
  run.plan.quantized_nodes = 7;
  run.plan.quantized_weights = 6;
  run.plan.nodes.resize(4);
  run.plan.nodes[1].skip = Skip{SkipReason::kNotConstant, ""};
  run.plan.nodes[2].skip = Skip{SkipReason::kNotConstant, ""};
  run.plan.nodes[3].skip = Skip{SkipReason::kType, "int64"};
  run.seconds = 1.5;
  run.peak_memory_bytes = 12345678;
  return record;
}

class AuditLogTest : public ::testing::Test {
 protected:
  ~AuditLogTest() override { ::unsetenv("SOURCE_DATE_EPOCH"); }

  void Append(const AuditRecord& record) {
    AppendAuditRecord(*file_system_, {log_, LogPlace::NamedBy::kDefault}, record);
  }
  [[nodiscard]] json Last() { return json::parse(LinesOf(log_).back()); }

  TempFolder folder_;
  std::filesystem::path log_ = folder_ / "quantization_log.jsonl";
  std::unique_ptr<FileSystem> file_system_ = MakePosixFileSystem();
};

TEST_F(AuditLogTest, RecordsTheRun) {
  Append(ExampleRecord());
  ASSERT_EQ(LinesOf(log_).size(), 1U);
  EXPECT_EQ(ReadFile(log_).back(), '\n');
  const json record = Last();
  EXPECT_EQ(record["schema"], 1);
  EXPECT_EQ(record["previous"], "");
  EXPECT_EQ(record["tool"],
            json({{"name", "quantize-int8"}, {"version", Version()}, {"commit", BuildCommit()}}));
  EXPECT_EQ(record["libraries"], json({{"onnx", "1.12.0"}, {"openssl", "3.0.0"}}));
  EXPECT_EQ(record["isa"], "avx2");
  EXPECT_EQ(record["command"], "quantize");
  EXPECT_EQ(record["options"], json({{"ops", {"MatMul"}}, {"threads", 2}}));
  EXPECT_EQ(record["inputs"],
            json::array({{{"path", "/models/m.onnx"}, {"bytes", 100}, {"sha256", std::string(64, '1')}},
                         {{"path", "/models/m.onnx.data"}, {"bytes", 4000}, {"sha256", nullptr}}}));
  EXPECT_EQ(
      record["outputs"],
      json::array({{{"path", "/models/q.onnx"}, {"bytes", 90}, {"sha256", std::string(64, '2')}},
                   {{"path", "/models/q.onnx.data"}, {"bytes", 1000}, {"sha256", std::string(64, '3')}}}));
  EXPECT_EQ(record["quantized_nodes"], 7);
  EXPECT_EQ(record["quantized_weights"], 6);
  EXPECT_EQ(record["skipped"], json({{"not-constant", 2}, {"type", 1}}));
  EXPECT_EQ(record["seconds"], 1.5);
  EXPECT_EQ(record["peak_memory_bytes"], 12345678);
  EXPECT_EQ(record["status"], "done");
  EXPECT_FALSE(record.contains("error"));
}

TEST_F(AuditLogTest, RecordsWhoAndWhere) {
  Append(ExampleRecord());
  const passwd* user = ::getpwuid(::geteuid());
  ASSERT_NE(user, nullptr);
  EXPECT_EQ(Last()["user"], user->pw_name);
  std::array<char, 256> host{};
  ASSERT_EQ(::gethostname(host.data(), host.size() - 1), 0);
  EXPECT_EQ(Last()["host"], host.data());
}

TEST_F(AuditLogTest, RecordsAFailure) {
  AuditRecord record = ExampleRecord();
  record.status = "failed";
  record.error = "cannot read 'm.onnx'";
  Append(record);
  EXPECT_EQ(Last()["status"], "failed");
  EXPECT_EQ(Last()["error"], "cannot read 'm.onnx'");
}

TEST_F(AuditLogTest, WritesPathsInFull) {
  AuditRecord record = ExampleRecord();
  record.run.plan.inputs = {{"m.onnx", 1, ""}};
  Append(record);
  EXPECT_EQ(Last()["inputs"][0]["path"], (std::filesystem::current_path() / "m.onnx").native());
}

TEST_F(AuditLogTest, EachRecordHoldsTheHashOfTheLineBefore) {
  for (int i = 0; i < 4; ++i) Append(ExampleRecord());
  const auto lines = LinesOf(log_);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(json::parse(lines[0])["previous"], "");
  for (std::size_t i = 1; i < lines.size(); ++i) {
    EXPECT_EQ(json::parse(lines[i])["previous"], Sha256::HexOf(lines[i - 1])) << "line " << i;
  }
}

TEST_F(AuditLogTest, ChainsOnFromRecordsThatAreLong) {
  AuditRecord record = ExampleRecord();
  record.error = std::string(200'000, 'x');
  Append(record);
  Append(record);
  const auto lines = LinesOf(log_);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(json::parse(lines[1])["previous"], Sha256::HexOf(lines[0]));
}

// A machine that went down while it wrote leaves half a line: the next record must not be glued to it.
TEST_F(AuditLogTest, ALineThatWasNotEndedSpoilsOnlyItself) {
  WriteFile(log_, "{\"schema\":1,\"previ");
  Append(ExampleRecord());
  const auto lines = LinesOf(log_);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(json::parse(lines[1])["previous"], Sha256::HexOf(lines[0]));
}

TEST_F(AuditLogTest, ProcessesAtTheSameTimeKeepTheChain) {
  constexpr int kProcesses = 4;
  constexpr int kRecords = 10;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (int i = 0; i < kRecords; ++i) Append(ExampleRecord());
      ::_exit(0);
    }
  }
  for (int p = 0; p < kProcesses; ++p) {
    int status = -1;
    ASSERT_GT(::wait(&status), 0);
    EXPECT_EQ(status, 0);
  }
  const auto lines = LinesOf(log_);
  ASSERT_EQ(lines.size(), static_cast<std::size_t>(kProcesses * kRecords));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    ASSERT_EQ(json::parse(lines[i])["previous"], Sha256::HexOf(lines[i - 1])) << "line " << i;
  }
}

TEST_F(AuditLogTest, TimeIsNowInUtc) {
  // Not std::time, whose clock lags behind this one by some milliseconds.
  const auto now = [] { return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()); };
  const auto before = now();
  Append(ExampleRecord());
  const auto after = now();
  const std::string text = Last()["time"];
  std::tm utc{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  ASSERT_NE(end, nullptr) << text;
  EXPECT_EQ(*end, '\0') << text;
  EXPECT_GE(::timegm(&utc), before);
  EXPECT_LE(::timegm(&utc), after);
}

TEST_F(AuditLogTest, TimeIsSourceDateEpochWhereItIsSet) {
  ::setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
  ::setenv("TZ", "America/New_York", 1);
  Append(ExampleRecord());
  ::unsetenv("TZ");
  EXPECT_EQ(Last()["time"], "2023-11-14T22:13:20Z");
  ::setenv("SOURCE_DATE_EPOCH", "0", 1);
  Append(ExampleRecord());
  EXPECT_EQ(Last()["time"], "1970-01-01T00:00:00Z");
}

TEST_F(AuditLogTest, ASourceDateEpochThatIsNoNumberIsNotUsed) {
  for (const char* text : {"", "yesterday", "17e8", "12 "}) {
    ::setenv("SOURCE_DATE_EPOCH", text, 1);
    Append(ExampleRecord());
    EXPECT_GE(Last()["time"].get<std::string>(), "2024") << text;
  }
}

TEST_F(AuditLogTest, NamesThatAreNotUtf8StayJson) {
  AuditRecord record = ExampleRecord();
  record.run.plan.inputs[0].path = "/models/caf\xe9\n.onnx";
  record.error = "tensor '\xff\xfe'";
  Append(record);
  Append(record);
  const auto lines = LinesOf(log_);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(json::parse(lines[0])["inputs"][0]["path"], "/models/caf\xef\xbf\xbd\n.onnx");
  EXPECT_EQ(json::parse(lines[1])["previous"], Sha256::HexOf(lines[0]));
}

TEST_F(AuditLogTest, ALogThatCannotBeWrittenIsAnError) {
  EXPECT_THROW(AppendAuditRecord(*file_system_, {folder_ / "missing" / "log", LogPlace::NamedBy::kDefault},
                                 ExampleRecord()),
               Error);
}

}  // namespace
}  // namespace qi8
