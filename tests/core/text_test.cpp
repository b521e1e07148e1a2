#include "core/text.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/version.hpp"
#include "qi8/quantize.hpp"

namespace qi8 {
namespace {

TEST(Quote, PutsNamesInSingleQuotes) {
  EXPECT_EQ(Quote("model.onnx"), "'model.onnx'");
  EXPECT_EQ(Quote(""), "''");
  EXPECT_EQ(Quote("a b/Größe"), "'a b/Größe'");
}

TEST(Quote, EscapesControlBytes) {
  EXPECT_EQ(Quote("a\nb\x1b[2J\x7f\r\t"), "'a\\x0ab\\x1b[2J\\x7f\\x0d\\x09'");
  EXPECT_EQ(Quote(std::string("\0\x1f ", 3)), "'\\x00\\x1f '");
}

TEST(Quote, CutsLongNamesInTheMiddle) {
  EXPECT_EQ(Quote("abcdefghij", 10), "'abcdefghij'");
  EXPECT_EQ(Quote("abcdefghijk", 10), "'abcde...ghijk'");
  EXPECT_EQ(Quote("abcdefghijk", 4), "'ab...jk'");
  const std::string at_default_limit(120, 'x');
  EXPECT_EQ(Quote(at_default_limit), "'" + at_default_limit + "'");
  EXPECT_EQ(Quote(at_default_limit + "x"), "'" + std::string(60, 'x') + "..." + std::string(60, 'x') + "'");
}

TEST(Quote, EscapesOnBothSidesOfACut) { EXPECT_EQ(Quote("\nabcdefghi\n", 4), "'\\x0aa...i\\x0a'"); }

TEST(Quote, EscapesWhatSteersATerminalOrTurnsText) {
  EXPECT_EQ(Quote("a\u009b31mRED\u0085"), "'a\\u009b31mRED\\u0085'");
  EXPECT_EQ(Quote("\u202egnp.exe\u202c"), "'\\u202egnp.exe\\u202c'");
  EXPECT_EQ(Quote("\u2028\u2029\u2066\u2069\u200e\u200f\u061c\ufeff"),
            "'\\u2028\\u2029\\u2066\\u2069\\u200e\\u200f\\u061c\\ufeff'");
  EXPECT_EQ(Quote("Größe 大きさ \U0001f600 \u00a0"), "'Größe 大きさ \U0001f600 \u00a0'");
}

TEST(Quote, EscapesBytesThatAreNotUtf8) {
  EXPECT_EQ(Quote("n\x9b\xff"), "'n\\x9b\\xff'");
  EXPECT_EQ(Quote("\xc0\xaf"), "'\\xc0\\xaf'") << "overlong";
  EXPECT_EQ(Quote("\xe0\x9f\xbf"), "'\\xe0\\x9f\\xbf'") << "overlong";
  EXPECT_EQ(Quote("\xf0\x8f\xbf\xbf"), "'\\xf0\\x8f\\xbf\\xbf'") << "overlong";
  EXPECT_EQ(Quote("\xed\xa0\x80"), "'\\xed\\xa0\\x80'") << "a surrogate";
  EXPECT_EQ(Quote("\xf4\x90\x80\x80"), "'\\xf4\\x90\\x80\\x80'") << "beyond U+10FFFF";
  EXPECT_EQ(Quote("\xe2\x80"), "'\\xe2\\x80'") << "cut off";
  EXPECT_EQ(Quote("\xe2\x80z"), "'\\xe2\\x80z'") << "cut off";
}

TEST(Quote, CutsBetweenCharacters) {
  EXPECT_EQ(Quote("ääää", 6), "'ä...ä'");
  EXPECT_EQ(Quote(std::string(8, '\x80'), 2), "'\\x80...\\x80'");
}

TEST(Printable, KeepsLinesAndLeavesJsonJson) {
  EXPECT_EQ(Printable("{\n\t\"a\": \"\u009b\x7f\u202e ä\"}\n"), "{\n\t\"a\": \"\\u009b\\u007f\\u202e ä\"}\n");
  EXPECT_EQ(Printable("\x1b[2J\r\xff"), "\\u001b[2J\\u000d\\xff");
}

TEST(Plain, IsQuoteWithoutTheQuotes) {
  EXPECT_EQ(Plain("model.onnx"), "model.onnx");
  EXPECT_EQ(Plain(""), "");
  EXPECT_EQ(Plain("a\nb"), "a\\x0ab");
  EXPECT_EQ(Plain("abcdefghijk", 4), "ab...jk");
}

TEST(FormatTable, ColumnsAreAsWideAsTheirWidestCell) {
  EXPECT_EQ(FormatTable({{"A", "BB", "C"}, {"aaaa", "b", "c"}, {"a"}}), "A     BB  C\naaaa  b   c\na\n");
  EXPECT_EQ(FormatTable({}), "");
}

TEST(FormatTable, CountsColumnsAndNotBytes) {
  EXPECT_EQ(FormatTable({{"ä", "b"}, {"大", "c"}, {"a\u0301", "d"}}), "ä   b\n大  c\na\u0301   d\n");
}

TEST(FormatBytes, CountsSmallNumbersOut) {
  EXPECT_EQ(FormatBytes(0), "0 bytes");
  EXPECT_EQ(FormatBytes(1), "1 byte");
  EXPECT_EQ(FormatBytes(999), "999 bytes");
}

TEST(FormatBytes, KeepsThreeDigitsInDecimalUnits) {
  EXPECT_EQ(FormatBytes(1000), "1.00 KB");
  EXPECT_EQ(FormatBytes(1024), "1.02 KB");
  EXPECT_EQ(FormatBytes(9'994), "9.99 KB");
  EXPECT_EQ(FormatBytes(9'995), "10.0 KB");
  EXPECT_EQ(FormatBytes(99'949), "99.9 KB");
  EXPECT_EQ(FormatBytes(99'950), "100 KB");
  EXPECT_EQ(FormatBytes(250'000), "250 KB");
  EXPECT_EQ(FormatBytes(4'294'967'296), "4.29 GB");
  EXPECT_EQ(FormatBytes(1'000'000'000'000), "1.00 TB");
  EXPECT_EQ(FormatBytes(UINT64_MAX), "18.4 EB");
}

// "1000 KB" would have four digits.
TEST(FormatBytes, RoundsIntoTheNextUnit) {
  EXPECT_EQ(FormatBytes(999'499), "999 KB");
  EXPECT_EQ(FormatBytes(999'500), "1.00 MB");
  EXPECT_EQ(FormatBytes(999'999'999), "1.00 GB");
}

TEST(FormatCount, GroupsByThousands) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(123'456), "123,456");
  EXPECT_EQ(FormatCount(1'000'000), "1,000,000");
  EXPECT_EQ(FormatCount(4'294'967'296), "4,294,967,296");
  EXPECT_EQ(FormatCount(UINT64_MAX), "18,446,744,073,709,551,615");
}

TEST(FormatCount, NamesOneThingOrMany) {
  EXPECT_EQ(FormatCount(0, "weight"), "0 weights");
  EXPECT_EQ(FormatCount(1, "weight"), "1 weight");
  EXPECT_EQ(FormatCount(2000, "weight"), "2,000 weights");
}

TEST(FormatShape, ListsDimensions) {
  const std::vector<std::int64_t> dims = {2, 3, -1};
  EXPECT_EQ(FormatShape(dims), "[2, 3, -1]");
  EXPECT_EQ(FormatShape(std::span(dims).first(1)), "[2]");
  EXPECT_EQ(FormatShape({}), "[]");
  EXPECT_EQ(FormatShape(std::vector<std::int64_t>(1000, 1)),
            "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ... 1,000 dimensions]");
}

TEST(Version, IsThreeNumbers) {
  int major = -1;
  int minor = -1;
  int patch = -1;
  int end = 0;
  const std::string version = Version();
  ASSERT_EQ(std::sscanf(version.c_str(), "%d.%d.%d%n", &major, &minor, &patch, &end), 3) << version;
  EXPECT_EQ(static_cast<std::size_t>(end), version.size()) << version;
}

TEST(BuildCommit, IsAHashOrNothing) {
  const std::string commit = BuildCommit();
  if (commit.empty()) return;
  EXPECT_EQ(commit.size(), 40U) << commit;
  EXPECT_EQ(commit.find_first_not_of("0123456789abcdef"), std::string::npos) << commit;
}

}  // namespace
}  // namespace qi8
