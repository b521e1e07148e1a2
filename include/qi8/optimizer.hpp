// What makes an equal, faster model out of an FP32 one before it is quantized. The program's is ONNX Runtime
// (src/runtime/model_optimizer.hpp); the library needs none as long as no run asks for it.
#pragma once

#include <filesystem>
#include <string>

#include "qi8/options.hpp"

namespace qi8 {

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // What it is and of which version: "ONNX Runtime 1.30.0". Records hold it, and the same name stands for the
  // same result. Throws Error where it is not there.
  [[nodiscard]] virtual std::string Name() = 0;

  // Reads the model `input`, whose weights may lie in other files, and writes what it made of it to
  // `output`, and to other files in its folder if it wants to. Throws Error.
  virtual void Optimize(const std::filesystem::path& input, bool has_external_data, Optimization level,
                        const std::filesystem::path& output) = 0;
};

}  // namespace qi8
