// Kills quantize-int8 at moments spread over its whole run, again and again, and looks at what it leaves:
//
//     torture COUNT
//
// Each time, the names of the output must lead to all of the old files or to all of the new ones, as their
// SHA-256, `sha256sum -c` and ONNX Runtime see them; and the next run must succeed and leave nothing else.
// Every other kill is aimed at the moments of publishing, which are few. Ends at the first that fails, with
// status 1.
#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "hash/sha256.hpp"
#include "models/audio_core.hpp"
#include "support/onnx_runtime.hpp"
#include "support/program.hpp"
#include "support/temp_folder.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;
using Files = std::map<std::string, std::string>;  // name to SHA-256

const std::vector<std::string> kNames = {"q.onnx", "q.onnx.data", "q.onnx.sha256"};

void Require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

struct Counts {
  std::size_t before = 0;  // before it published
  std::size_t within = 0;
  std::size_t after = 0;
  std::size_t with_links = 0;  // of those within: a name was a link just then
  std::map<bool, std::size_t> found_old;
  std::map<bool, std::size_t> found_new;
};

class Torture {
 public:
  Torture() {
    for (const char* name : {"in", "out"}) fs::create_directory(folder_ / name);
    models::write_audio_core(folder_ / "in" / "old.onnx", {.seed = 1});
    models::write_audio_core(folder_ / "in" / "new.onnx", {.seed = 2});
    Require(Run("in/old.onnx").status == 0, "a run by itself failed");
    old_ = Seen();
    for (const std::string& name : kNames) fs::rename(Out(name), folder_ / "in" / ("old " + name));
    constexpr std::size_t kRuns = 9;
    constexpr std::size_t kTries = 10 * kRuns;
    std::vector<double> run_seconds;
    std::vector<double> publishing_seconds;
    for (std::size_t i = 0; run_seconds.size() < kRuns; ++i) {
      Require(i < kTries, "the moment of publishing was not seen");
      Prepare(i % 2 == 1);
      const auto start = Clock::now();
      const pid_t program = Start(i % 2 == 1);
      const auto publishing = WaitForPublishing(program);
      Require(StatusOf(program) == 0, Said());
      if (!publishing) continue;  // on a busy machine nobody may look meanwhile
      const auto end = Clock::now();
      run_seconds.push_back(Seconds(end - start).count());
      publishing_seconds.push_back(Seconds(end - *publishing).count());
    }
    new_ = Seen();
    Require(new_.size() == kNames.size() && old_.size() == kNames.size() && old_ != new_,
            "the models are the same");
    run_seconds_ = Median(run_seconds);
    publishing_seconds_ = Median(publishing_seconds);
    std::cout << "a run takes " << run_seconds_ * 1000 << " ms, " << publishing_seconds_ * 1000
              << " ms of them from the staged checksums to its end\n";
  }

  // `moment` from 0 to 1 is when: in the whole run, or in its publishing.
  void Kill(bool over_old, bool aim_at_publishing, double moment) {
    Prepare(over_old);
    const pid_t program = Start(over_old);
    auto from = Clock::now();
    double length = run_seconds_;
    if (aim_at_publishing) {
      if (const auto publishing = WaitForPublishing(program)) from = *publishing;
      length = publishing_seconds_;
    }
    const auto when = from + Seconds(moment * length);
    while (Clock::now() < when) {  // sleeping is too coarse for moments of microseconds
    }
    ::kill(program, SIGKILL);
    const int status = StatusOf(program);
    Require(status == 0 || status == 128 + SIGKILL, "status " + std::to_string(status) + ": " + Said());

    Classify(status == 0);
    const Files seen = Seen();
    const Files before = over_old ? old_ : Files();
    Require(seen == before || seen == new_, "neither the old files nor the new ones");
    ++(seen == before ? counts_.found_old : counts_.found_new)[over_old];
    if (!seen.empty()) RequireWhole();

    const ProgramResult next = Run("in/new.onnx", {"--force"});
    Require(next.status == 0, "the next run failed: " + next.err);
    Require(Seen() == new_, "the next run wrote something else");
    RequireWhole();
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_ / "out")) {
      names.push_back(entry.path().filename().native() + (entry.is_symlink() ? ", a link" : ""));
    }
    std::ranges::sort(names);
    Require(
        names == std::vector<std::string>{"q.onnx", "q.onnx.data", "q.onnx.sha256", "quantization_log.jsonl"},
        "the next run left something behind");
    const ProgramResult audit = RunQuantizeInt8({"audit", "out/quantization_log.jsonl"}, InFolder());
    Require(audit.status == 0, "the audit log is broken: " + audit.err);
  }

  [[nodiscard]] const Counts& counts() const { return counts_; }

  // What there is, for who has to find out why.
  [[nodiscard]] std::string Evidence() const {
    return RunProgram("ls", {"-laR", "--time-style=full-iso", "out"}, InFolder()).out;
  }

 private:
  [[nodiscard]] ProgramOptions InFolder() const { return {.folder = folder_.path(), .environment = {}}; }
  [[nodiscard]] fs::path Out(const std::string& name) const { return folder_ / "out" / name; }
  [[nodiscard]] fs::path Staged(const std::string& name) const { return Out(".q.onnx.qi8") / name; }
  [[nodiscard]] std::string Said() const { return ReadFile(folder_ / "said"); }

  [[nodiscard]] ProgramResult Run(const std::string& model,
                                  const std::vector<std::string>& options = {}) const {
    std::vector<std::string> arguments = {model, "out/q.onnx"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return RunQuantizeInt8(arguments, InFolder());
  }

  [[nodiscard]] pid_t Start(bool over_old) const {
    std::vector<std::string> arguments = {"in/new.onnx", "out/q.onnx"};
    if (over_old) arguments.emplace_back("--force");
    return StartProgram(QI8_PROGRAM, arguments, folder_ / "said", InFolder());
  }

  void Prepare(bool over_old) const {
    fs::remove_all(folder_ / "out");
    fs::create_directory(folder_ / "out");
    if (!over_old) return;
    for (const std::string& name : kNames) fs::copy_file(folder_ / "in" / ("old " + name), Out(name));
  }

  // When the checksums, which are last, were staged; nothing where the program ended unseen.
  [[nodiscard]] std::optional<Clock::time_point> WaitForPublishing(pid_t program) const {
    const fs::path last = Staged("new") / "q.onnx.sha256";
    const fs::path log = Out("quantization_log.jsonl");
    while (::kill(program, 0) == 0) {
      if (fs::exists(fs::symlink_status(last))) return Clock::now();
      if (fs::exists(log)) return std::nullopt;  // a child that ended can be signalled until it is waited for
    }
    return std::nullopt;
  }

  void Classify(bool ended) {
    const auto is_there = [](const fs::path& path) { return fs::exists(fs::symlink_status(path)); };
    if (ended || is_there(Out("quantization_log.jsonl"))) {
      ++counts_.after;
    } else if (is_there(Staged("new") / "q.onnx.sha256") || is_there(Staged("current")) || Seen() == new_) {
      ++counts_.within;
      const bool has_link =
          std::ranges::any_of(kNames, [this](const std::string& name) { return fs::is_symlink(Out(name)); });
      counts_.with_links += has_link ? 1 : 0;
    } else {
      ++counts_.before;
    }
  }

  // What the names lead to.
  [[nodiscard]] Files Seen() const {
    Files seen;
    for (const std::string& name : kNames) {
      if (fs::exists(Out(name))) seen[name] = Sha256::HexOf(ReadFile(Out(name)));
    }
    return seen;
  }

  void RequireWhole() const {
    const ProgramResult sums = RunProgram("sha256sum", {"--check", "--strict", "--quiet", "q.onnx.sha256"},
                                          {.folder = folder_ / "out", .environment = {}});
    Require(sums.status == 0, "sha256sum -c: " + sums.out + sums.err);
    constexpr std::int64_t kCodes = 3;
    const auto logits = RunModel(Out("q.onnx"), {AudioCodes(kCodes, models::kTiny.codes)});
    Require(
        logits.size() == 1 && logits[0].shape == std::vector<std::int64_t>{1, kCodes, models::kTiny.codes},
        "ONNX Runtime gives something else");
  }

  [[nodiscard]] static double Median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
  }

  TempFolder folder_;
  Files old_;
  Files new_;
  double run_seconds_ = 0;
  double publishing_seconds_ = 0;
  Counts counts_;
};

void Print(const Counts& counts, std::size_t kills) {
  std::cout << "killed " << kills << " times: " << counts.before << " before publishing, " << counts.within
            << " while publishing (" << counts.with_links << " with names that were links), " << counts.after
            << " after it\n";
  for (const bool over_old : {false, true}) {
    const auto count = [over_old](const std::map<bool, std::size_t>& found) {
      return found.contains(over_old) ? found.at(over_old) : 0;
    };
    std::cout << (over_old ? "over an older output: the old one was whole "
                           : "where nothing was: nothing was there ")
              << count(counts.found_old) << " times, the new one was whole " << count(counts.found_new)
              << " times\n";
  }
  std::cout << "every next run succeeded and left nothing behind\n";
}

[[nodiscard]] int Main(std::size_t kills) {
  constexpr double kPastTheEnd = 1.05;
  Torture torture;
  std::mt19937_64 random(std::random_device{}());
  std::uniform_real_distribution<double> jitter(0, 1);
  for (std::size_t i = 0; i < kills; ++i) {
    const bool over_old = i % 2 == 1;
    const bool aim_at_publishing = i / 2 % 2 == 1;
    const double moment =
        kPastTheEnd * (static_cast<double>(i) + jitter(random)) / static_cast<double>(kills);
    try {
      torture.Kill(over_old, aim_at_publishing, moment);
    } catch (const std::exception& error) {
      std::cerr << "torture: kill " << i << (over_old ? ", over an older output" : ", where nothing was")
                << (aim_at_publishing ? ", while publishing" : "") << ", at " << moment
                << " of the time: " << error.what() << "\n"
                << torture.Evidence();
      return 1;
    }
  }
  Print(torture.counts(), kills);
  return 0;
}

}  // namespace
}  // namespace qi8::testing

int main(int argc, char** argv) {
  try {
    const std::size_t kills = argc > 1 ? std::stoul(argv[1]) : 500;
    return qi8::testing::Main(kills);
  } catch (const std::exception& error) {
    std::cerr << "torture: " << error.what() << "\n";
    return 1;
  }
}
