// The INT8 model against the FP32 one, on real ONNX Runtime.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "runtime/fidelity.hpp"
#include "runtime/onnx_runtime.hpp"

namespace qi8::testing {

// The library that tests run on: the one that QI8_TEST_RUNTIME names, else the one that
// scripts/fetch-onnxruntime got.
[[nodiscard]] std::string RuntimeLibrary();

// That library, loaded once.
[[nodiscard]] const runtime::OnnxRuntime& Runtime();

using Optimization = runtime::SessionOptions::Optimization;

// What is true of an INT8 model must be true with whatever the runtime makes of its graph, and of the graph
// as it stands.
inline constexpr std::array kAllAndNoOptimizations = {Optimization::kAll, Optimization::kNone};

// A session that gives the numbers that the operators are defined to give, on every processor: where products
// of uint8 by int8 saturate, it is of the same model with uint8 codes (exact_products.hpp).
[[nodiscard]] runtime::Session OpenExactly(const std::filesystem::path& model,
                                           const runtime::SessionOptions& options = {});

// By such a session.
[[nodiscard]] std::vector<runtime::Tensor> RunModel(const std::filesystem::path& model,
                                                    const std::vector<runtime::Tensor>& inputs,
                                                    Optimization optimization = Optimization::kAll);

// How often each operator occurs in the model once ONNX Runtime has optimized it, bodies included.
[[nodiscard]] std::map<std::string, int> OptimizedOperators(const std::filesystem::path& model);

// The fused operators that do an integer product in one go.
[[nodiscard]] int FusedProducts(const std::map<std::string, int>& operators);

[[nodiscard]] runtime::Tensor FloatTensor(std::vector<std::int64_t> shape, const std::vector<float>& values);
[[nodiscard]] runtime::Tensor Int64Tensor(std::vector<std::int64_t> shape,
                                          const std::vector<std::int64_t>& values);

// Input for the generated audio core: `count` codes below `codes`, from a fixed sequence.
[[nodiscard]] runtime::Tensor AudioCodes(std::int64_t count, std::int64_t codes);

}  // namespace qi8::testing
