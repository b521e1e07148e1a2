// make-audio-core: writes an example model like agi_audio_core.onnx.

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <iomanip>
#include <iostream>
#include <map>
#include <optional>
#include <string>

#include "models/audio_core.hpp"
#include "qi8/error.hpp"

namespace {

using qi8::models::AudioCoreOptions;
using qi8::models::AudioCoreSize;
using qi8::models::AudioCoreSummary;

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
constexpr int kExitInterrupted = 130;

std::atomic<bool> stop_requested = false;
static_assert(std::atomic<bool>::is_always_lock_free, "set by a signal handler");

void request_stop(int /*signal*/) { stop_requested = true; }

struct Arguments {
  std::string output;
  std::string size;
  std::optional<std::int64_t> blocks, width, heads, feed_forward, codes;
  AudioCoreOptions options;
};

void declare(CLI::App& app, Arguments& arguments) {
  app.add_option("OUTPUT", arguments.output, "The model to write; its weights go to OUTPUT.data")->required();
  app.add_option("--size", arguments.size, "tiny (0.6 MB), small (0.25 GB) or full (4.3 GB)")
      ->required()
      ->check(CLI::IsMember({"tiny", "small", "full"}));
  app.add_option("--seed", arguments.options.seed, "Another number, other weights")->capture_default_str();
  app.add_flag("--inline", arguments.options.inline_weights,
               "Put the weights into OUTPUT itself (below 2 GiB)");
  const std::string group = "Instead of what --size says";
  app.add_option("--blocks", arguments.blocks, "Transformer blocks")->group(group);
  app.add_option("--width", arguments.width, "Width of the residual stream")->group(group);
  app.add_option("--heads", arguments.heads, "Attention heads; a divisor of the width")->group(group);
  app.add_option("--feed-forward", arguments.feed_forward, "Width inside the feed-forward")->group(group);
  app.add_option("--codes", arguments.codes, "Size of the vocabulary")->group(group);
}

AudioCoreSize size_of(const Arguments& arguments) {
  static const std::map<std::string, AudioCoreSize> named = {
      {"tiny", qi8::models::kTiny}, {"small", qi8::models::kSmall}, {"full", qi8::models::kFull}};
  AudioCoreSize size = named.at(arguments.size);
  size.blocks = arguments.blocks.value_or(size.blocks);
  size.width = arguments.width.value_or(size.width);
  size.heads = arguments.heads.value_or(size.heads);
  size.feed_forward = arguments.feed_forward.value_or(size.feed_forward);
  size.codes = arguments.codes.value_or(size.codes);
  return size;
}

void run(Arguments& arguments) {
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is a write error
  arguments.options.size = size_of(arguments);
  arguments.options.stop = &stop_requested;
  const auto start = std::chrono::steady_clock::now();
  const AudioCoreSummary summary = qi8::models::write_audio_core(arguments.output, arguments.options);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::cerr << arguments.output << ": " << summary.parameters << " parameters, " << summary.model_bytes
            << " bytes, and " << summary.data_bytes << " bytes of external data, in " << std::fixed
            << std::setprecision(1) << seconds.count() << " s\n";
}

}  // namespace

int main(int argc, char** argv) {
  try {
    CLI::App app("Writes an example model like agi_audio_core.onnx, with made-up weights.",
                 "make-audio-core");
    Arguments arguments;
    declare(app, arguments);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app.exit(error) == 0 ? 0 : kExitUsage;
    }
    run(arguments);
    return 0;
  } catch (const qi8::Error& error) {
    std::cerr << "make-audio-core: " << error.what() << '\n';
    return error.kind() == qi8::ErrorKind::kInterrupted ? kExitInterrupted : kExitFailure;
  } catch (const std::exception& error) {
    std::cerr << "make-audio-core: " << error.what() << '\n';
    return kExitFailure;
  }
}
