#include "cli/quantity.hpp"

#include <gtest/gtest.h>

namespace qi8::cli {
namespace {

// What an option with the validator takes this for; nothing where it refuses it.
[[nodiscard]] std::optional<double> Taken(const CLI::Validator& validator, const std::string& text) {
  CLI::App app;
  double value = 0;
  app.add_option("--x", value)->transform(validator);
  try {
    app.parse("--x=" + text);
  } catch (const CLI::ParseError&) {
    return std::nullopt;
  }
  return value;
}

TEST(QuantityTest, UnitsAreWhatTheyAreWorth) {
  EXPECT_EQ(Taken(InSeconds(), "2.5"), 2.5);
  EXPECT_EQ(Taken(InSeconds(), "2.5s"), 2.5);
  EXPECT_EQ(Taken(InSeconds(), "80ms"), 0.08);
  EXPECT_EQ(Taken(AsShare(), "98%"), 0.98);
  EXPECT_EQ(Taken(AsShare(), "0.98"), 0.98);
  EXPECT_EQ(Taken(InBytes(), "1.5GB"), 1.5e9);
  EXPECT_EQ(Taken(InBytes(), "1.5GiB"), 1.5 * 1024 * 1024 * 1024);
  EXPECT_EQ(Taken(InBytes(), "4096"), 4096);
}

TEST(QuantityTest, OtherThingsAreRefused) {
  for (const char* text : {"-1", "fast", "2.5 parsecs", "", "1e999", "nan", "inf", "s"}) {
    EXPECT_EQ(Taken(InSeconds(), text), std::nullopt) << text;
  }
}

TEST(QuantityTest, ASharePastTheWholeIsAPercentageWithoutItsSign) {
  EXPECT_EQ(Taken(AsShare(), "100%"), 1);
  EXPECT_EQ(Taken(AsShare(), "1"), 1);
  EXPECT_EQ(Taken(AsShare(), "101%"), std::nullopt);
  std::string text = "99";
  EXPECT_EQ(AsShare()(text), "'99' is more than 1, the whole; write 99% or 0.99");
}

TEST(QuantityTest, SaysWhatItIsNotAndGivesAnExample) {
  std::string text = "5X";
  EXPECT_EQ(InBytes()(text), "'5X' is not a size (example: 1500MB or 1.5GiB)");
  EXPECT_EQ(InSeconds()(text), "'5X' is not a time (example: 2.5s or 80ms)");
  text = "1e19";
  EXPECT_EQ(InBytes()(text), "'1e19' is not a size (example: 1500MB or 1.5GiB)") << "more than 64 bits hold";
}

TEST(QuantityTest, BytesAreWhole) {
  CLI::App app;
  std::optional<std::uint64_t> bytes;
  app.add_option("--x", bytes)->transform(InBytes());
  app.parse("--x=0.0015KB");
  EXPECT_EQ(bytes, 1U);
}

}  // namespace
}  // namespace qi8::cli
