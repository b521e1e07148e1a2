// run_models_bench FP32.onnx INT8.onnx CODES VOCABULARY: both models of the generated audio core on ONNX
// Runtime, each in a process of its own, with the same input: median latency, resident memory, and how far
// the outputs are apart.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "support/onnx_runtime.hpp"
#include "support/temp_folder.hpp"

namespace qi8::testing {
namespace {

struct Measured {
  double latency = 0;         // seconds, median
  double resident_bytes = 0;  // after the runs
};

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0;
  double resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

// Runs in a child: writes its figures and its logits to files.
void MeasureHere(const std::string& model, const runtime::Tensor& codes, const std::filesystem::path& figures,
                 const std::filesystem::path& logits) {
  constexpr int kRuns = 5;
  const auto session = Runtime().OpenSession(model);
  std::vector<double> latencies;
  std::vector<runtime::Tensor> outputs = session.Run({{codes}});  // the first run warms up
  for (int i = 0; i < kRuns; ++i) {
    const auto start = std::chrono::steady_clock::now();
    outputs = session.Run({{codes}});
    latencies.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::nth_element(latencies, latencies.begin() + kRuns / 2);
  std::ofstream(figures) << latencies[kRuns / 2] << " " << ResidentBytes();
  const auto values = outputs.at(0).As<float>();
  WriteFile(logits, {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

Measured Measure(const std::string& model, const runtime::Tensor& codes,
                 const std::filesystem::path& folder) {
  const pid_t child = ::fork();
  if (child == 0) {
    MeasureHere(model, codes, folder / "figures", folder / "logits");
    ::_exit(0);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) {
    std::fprintf(stderr, "running %s failed\n", model.c_str());
    std::exit(1);
  }
  Measured measured;
  std::ifstream(folder / "figures") >> measured.latency >> measured.resident_bytes;
  return measured;
}

runtime::Tensor Logits(const std::filesystem::path& folder) {
  const std::string bytes = ReadFile(folder / "logits");
  const auto* values = reinterpret_cast<const float*>(bytes.data());
  const std::vector<float> copy(values, values + bytes.size() / sizeof(float));
  return FloatTensor({static_cast<std::int64_t>(copy.size())}, copy);
}

int Main(const std::string& fp32, const std::string& int8, std::int64_t count, std::int64_t vocabulary) {
  const TempFolder fp32_folder;
  const TempFolder int8_folder;
  const runtime::Tensor codes = AudioCodes(count, vocabulary);
  const Measured before = Measure(fp32, codes, fp32_folder.path());
  const Measured after = Measure(int8, codes, int8_folder.path());
  const auto fidelity = runtime::CompareOutputs(Logits(fp32_folder.path()), Logits(int8_folder.path()));
  std::printf("| | FP32 | INT8 | |\n|---|---|---|---|\n");
  std::printf("| latency, %lld codes | %.2f s | %.2f s | %.1f times faster |\n",
              static_cast<long long>(count), before.latency, after.latency, before.latency / after.latency);
  std::printf("| resident memory | %.2f GB | %.2f GB | |\n", before.resident_bytes / 1e9,
              after.resident_bytes / 1e9);
  std::printf("| output | | SQNR %.1f dB, cosine %.4f | |\n", fidelity.sqnr_db, fidelity.cosine);
  return 0;
}

}  // namespace
}  // namespace qi8::testing

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: run_models_bench FP32.onnx INT8.onnx CODES VOCABULARY\n");
    return 2;
  }
  return qi8::testing::Main(argv[1], argv[2], std::atoll(argv[3]), std::atoll(argv[4]));
}
