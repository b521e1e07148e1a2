// Any model that loads, with any options: a plan and a layout that agree, and a rewritten model that loads
// again, its tensors in the files that were laid out.
#include <array>

#include "fuzz/model_input.hpp"
#include "model/model.hpp"
#include "plan/layout.hpp"
#include "plan/plan.hpp"
#include "plan/report_text.hpp"
#include "qi8/error.hpp"
#include "support/memory_file_system.hpp"

namespace {

using qi8::testing::FuzzInput;
using qi8::testing::Require;

constexpr const char* kOutputPath = "out/q.onnx";
constexpr const char* kOutputData = "q.onnx.data";

void CheckPlaces(const qi8::Model& model, const qi8::Layout& layout) {
  model.ForEachOutputTensor([&](std::uint32_t tensor, std::uint64_t length) {
    const qi8::OutputPlace& place = layout.places.at(tensor);
    const std::uint64_t size = place.file == qi8::OutputFile::kData ? layout.data_size : layout.model_size;
    Require(qi8::ByteRange{place.offset, length}.Within(size), "a tensor has its place in the output");
  });
}

void Run(std::string_view bytes, FuzzInput& options) {
  qi8::testing::MemoryFileSystem files;
  files.AddZeros(qi8::testing::kDataPath, qi8::testing::kDataBytes);
  files.Add(qi8::testing::kModelPath, std::string(bytes));
  qi8::Model model = qi8::Model::Load(files, qi8::testing::kModelPath);
  const qi8::Plan plan = qi8::MakePlan(model, qi8::testing::TakeSelection(options));
  for (const qi8::QuantizedWeight& weight : plan.weights) {
    Require(weight.encoding.shape.elements() == model.tensors()[weight.source].elements,
            "channels cover the weight");
  }
  model.Apply(plan.rewrite);
  const std::array<qi8::MetadataEntry, 1> metadata = {{{"key", "value"}}};
  const qi8::Layout layout =
      qi8::LayOut(model, plan, qi8::testing::TakeExternalData(options), kOutputData, metadata);
  CheckPlaces(model, layout);
  if (layout.model_size > (1U << 20U)) return;  // zeros that a model is filled up with are no use to anybody
  const std::string rewritten = qi8::testing::Assemble(model.Render(metadata), qi8::testing::Zeros);
  Require(rewritten.size() == layout.model_size, "a model has the size that was promised");
  files.Add(kOutputPath, rewritten);
  files.AddZeros(std::string("out/") + kOutputData, layout.data_size);
  try {
    static_cast<void>(qi8::Model::Load(files, kOutputPath));
  } catch (const qi8::Error& error) {
    Require(false, error.what());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  FuzzInput options(input.TakeBytes(qi8::testing::kOptionBytes));
  try {
    Run(input.TakeRest(), options);
  } catch (const qi8::Error&) {
    // Not a model, or one that is refused.
  }
  return 0;
}
