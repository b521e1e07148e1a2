// Any text as a pipeline's configuration: Error, or a section whose values can be changed and changed back,
// and the text is what it was.
#include "fuzz/fuzz_target.hpp"
#include "qi8/error.hpp"
#include "rollout/yaml_section.hpp"

namespace {

using qi8::testing::FuzzInput;
using qi8::testing::Require;

const std::vector<std::string> kKeys = {"model_path", "max_memory_mb"};

qi8::YamlSection Read(const std::string& text) { return {text, "sarai.yaml", "audio_omni", kKeys}; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const std::string path = input.TakeText();
  const std::string text(input.TakeRest());
  try {
    const qi8::YamlSection before = Read(text);
    Require(before.text() == text, "a text that is read stays as it is");
    const std::string changed =
        before.Replace({{"model_path", WriteLike(before.at("model_path"), path)},
                        {"max_memory_mb", WriteLike(before.at("max_memory_mb"), "1200")}});
    const qi8::YamlSection after = Read(changed);
    Require(after.at("model_path").value == path, "a value that is written is read");
    Require(after.at("max_memory_mb").value == "1200", "all values that are written are read");
    Require(after.Replace({{"model_path", before.at("model_path")},
                           {"max_memory_mb", before.at("max_memory_mb")}}) == text,
            "going back gives every byte back");
  } catch (const qi8::Error&) {
    // Not a configuration, or one that cannot be edited without risk.
  }
  return 0;
}
