// ONNX Runtime's offline optimizer: what it does to a model when it loads one, written to a file.
#pragma once

#include <memory>
#include <string>

#include "qi8/optimizer.hpp"
#include "runtime/onnx_runtime.hpp"

namespace qi8::runtime {

// The library is loaded at its first use.
class ModelOptimizer final : public Optimizer {
 public:
  // The library as for OnnxRuntime::Load.
  explicit ModelOptimizer(std::string library_path) : library_path_(std::move(library_path)) {}

  [[nodiscard]] std::string Name() override;

  // The whole model is in memory meanwhile. A model with external data becomes one with external data, any
  // other has all inside: ONNX Runtime 1.30 writes the initializers of bodies twice where there is external
  // data.
  void Optimize(const std::filesystem::path& input, bool has_external_data, Optimization level,
                const std::filesystem::path& output) override;

 private:
  OnnxRuntime& Runtime();

  std::string library_path_;
  std::shared_ptr<OnnxRuntime> runtime_;
};

}  // namespace qi8::runtime
