// The input of the targets that work on whole models: kOptionBytes of options, then a serialized ModelProto.
// Beside the model lies a data file that does not change. model_mutator.cpp knows the shape.
#pragma once

#include <string>
#include <string_view>

#include "fuzz/fuzz_target.hpp"
#include "qi8/options.hpp"

namespace qi8::testing {

inline constexpr std::size_t kOptionBytes = 16;
inline constexpr const char* kModelPath = "folder/m.onnx";
inline constexpr const char* kDataPath = "folder/m.onnx.data";
inline constexpr std::size_t kDataBytes = 8192;

// Floats of any exponent, all finite.
[[nodiscard]] inline std::string DataFile() {
  std::string bytes(kDataBytes, '\0');
  std::uint32_t bits = 1;
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(bits)) {
    bits = bits * 1664525U + 1013904223U;
    const std::uint32_t finite = bits & ~0x00800000U;  // an exponent that is not all ones
    std::memcpy(bytes.data() + i, &finite, sizeof(finite));
  }
  return bytes;
}

// Options of every kind: four bytes of switches and lists, then the smallest number of elements.
[[nodiscard]] inline Selection TakeSelection(FuzzInput& options) {
  static const std::vector<std::string> kOps[] = {
      {"MatMul", "Gemm", "Gather"}, {"all"}, {"Conv", "LSTM"}, {"MatMul"}};
  static const std::vector<std::string> kStored[] = {{}, {"all"}, {"Conv", "ConvTranspose", "LSTM", "GRU"}};
  Selection selection;
  selection.ops = options.TakeOneOf(kOps);
  selection.store_int8 = options.TakeOneOf(kStored);
  const auto switches = options.Take<std::uint8_t>();
  selection.scheme.type = (switches & 1U) != 0 ? WeightType::kUint8 : WeightType::kInt8;
  selection.scheme.symmetric = (switches & 2U) == 0;
  selection.scheme.reduce_range = (switches & 4U) != 0;
  selection.granularity = (switches & 8U) != 0 ? Granularity::kTensor : Granularity::kChannel;
  selection.matmul_const_b_only = (switches & 16U) == 0;
  selection.subgraphs = (switches & 32U) == 0;
  selection.override_inputs = (switches & 64U) != 0;
  selection.allow_growth = true;  // what a fuzzer makes is small
  selection.target = {.major = 1, .minor = (switches & 128U) != 0 ? 24U : 0U};
  selection.min_elements = options.Take<std::uint8_t>();
  return selection;
}

[[nodiscard]] inline ExternalData TakeExternalData(FuzzInput& options) {
  static constexpr ExternalData kChoices[] = {ExternalData::kAlways, ExternalData::kAuto,
                                              ExternalData::kNever};
  return options.TakeOneOf(kChoices);
}

}  // namespace qi8::testing
