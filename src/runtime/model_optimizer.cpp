#include "runtime/model_optimizer.hpp"

namespace qi8::runtime {

OnnxRuntime& ModelOptimizer::Runtime() {
  if (!runtime_) runtime_ = OnnxRuntime::Load(library_path_);
  return *runtime_;
}

std::string ModelOptimizer::Name() { return "ONNX Runtime " + Runtime().Version(); }

void ModelOptimizer::Optimize(const std::filesystem::path& input, bool has_external_data, Optimization level,
                              const std::filesystem::path& output) {
  SessionOptions options;
  options.optimization = level == Optimization::kExtended ? SessionOptions::Optimization::kExtended
                                                          : SessionOptions::Optimization::kBasic;
  options.intra_threads = 1;  // nothing is run
  options.optimized_model_path = output.native();
  if (has_external_data) {
    options.optimized_data_name = output.filename().native() + ".data";
  }
  static_cast<void>(Runtime().OpenSession(input.native(), options));
}

}  // namespace qi8::runtime
