#include <sys/resource.h>

#include <cstdio>
#include <exception>

#include "cli/command_quantize.hpp"
#include "cli/console.hpp"
#include "qi8/error.hpp"
#include "qi8/quantize.hpp"

namespace qi8::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  quantize-int8 model.onnx model_int8.onnx\n"
    "  quantize-int8 model.onnx model_int8.onnx --dry-run\n"
    "  quantize-int8 model.onnx model_int8.onnx --exclude '/lm_head/' --force\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 nothing to quantize, 4 a check did not hold, 130 "
    "interrupted.";

// A model may keep each tensor in a file of its own, and each stays open while it is read.
void AllowManyFiles() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void Report(const std::string& message) { MakeLogger("info")->error("{}", message); }

int Main(int argc, char** argv) {
  AllowManyFiles();
  CLI::App app("Turns an FP32 ONNX model into an INT8 one by the rules of dynamic quantization.",
               "quantize-int8");
  app.set_version_flag("--version", "quantize-int8 " + Version());
  app.footer(kExamples);
  app.get_formatter()->column_width(34);
  CommandQuantize command;
  command.SetUp(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    Report(std::string(error.what()) + "; see quantize-int8 --help");
    return kUsage;
  }
  try {
    return command.Run();
  } catch (const Error& error) {
    Report(error.what());
    return StatusFor(error.kind());
  }
}

}  // namespace
}  // namespace qi8::cli

int main(int argc, char** argv) {
  try {
    return qi8::cli::Main(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("quantize-int8: error: out of memory\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "quantize-int8: error: %s; this is a bug, please report it\n", error.what());
  }
  return qi8::cli::kFailed;
}
