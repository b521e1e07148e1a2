// Runs a fuzz target on the files of folders: without libFuzzer, so with any compiler. What does not hold
// aborts.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <vector>

#include "fuzz/fuzz_target.hpp"
#include "support/temp_folder.hpp"

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> inputs;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) inputs.push_back(entry.path());
  }
  std::ranges::sort(inputs);
  for (const auto& input : inputs) {
    const std::string bytes = qi8::testing::ReadFile(input);
    std::printf("%s\n", input.c_str());
    std::fflush(stdout);  // a target that aborts says nothing of its input
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  std::printf("%zu inputs\n", inputs.size());
  return inputs.empty() ? 1 : 0;
}
