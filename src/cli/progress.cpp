#include "cli/progress.hpp"

#include <cmath>

#include "core/text.hpp"

namespace qi8::cli {
namespace {

constexpr double kFewestSeconds = 1;
constexpr double kLeastShare = 0.02;

std::string TimeLeft(double seconds) {
  const auto whole = std::llround(seconds);
  return whole >= 60 ? std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s"
                     : std::to_string(whole) + " s";
}

std::string PercentOf(double share) { return " (" + std::to_string(static_cast<int>(100 * share)) + " %)"; }

}  // namespace

std::string MeasuredText(std::uint64_t done, std::uint64_t total, double seconds) {
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1;
  std::string text = FormatCount(done) + " of " + FormatCount(total) + " measurements" + PercentOf(share);
  if (seconds < kFewestSeconds || share < kLeastShare) return text;
  return text + ", " + TimeLeft(seconds / share - seconds) + " left";
}

std::string ProgressText(std::uint64_t done, std::uint64_t total, double seconds) {
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1;
  std::string text = FormatBytes(done) + " of " + FormatBytes(total) + PercentOf(share);
  if (seconds < kFewestSeconds || share < kLeastShare) return text;
  const double rate = static_cast<double>(done) / seconds;
  return text + ", " + FormatBytes(static_cast<std::uint64_t>(rate)) + "/s, " +
         TimeLeft(static_cast<double>(total - done) / rate) + " left";
}

}  // namespace qi8::cli
