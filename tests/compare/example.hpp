// A comparison as it might come out, for what is made of one.
#pragma once

#include "compare/comparison.hpp"

namespace qi8::compare {

// Two lengths, ten runs of each: FP32 takes 0.1 s to 1 s (p50 0.5, p90 0.9), INT8 a quarter of it; at the
// second length both take twice as long.
[[nodiscard]] inline Comparison ExampleComparison() {
  Comparison comparison;
  comparison.runtime_version = "1.30.0";
  comparison.processor = "a processor";
  comparison.processors = 2;
  comparison.inputs_from = "made up, seed 1";
  comparison.models.fp32 = {.path = "in/core.onnx",
                            .model_bytes = 8'000,
                            .data_bytes = 3'992'000,
                            .load_seconds = {3, 1, 2},
                            .after_load = {.resident = 40'000'000, .peak = 60'000'000},
                            .after_runs = {.resident = 50'000'000, .peak = 60'000'000}};
  comparison.models.int8 = {.path = "out/core_int8.onnx",
                            .model_bytes = 9'000,
                            .data_bytes = 991'000,
                            .load_seconds = {0.5, 0.6, 0.4},
                            .after_load = {.resident = 12'000'000, .peak = 12'000'000},
                            .after_runs = {.resident = 14'000'000, .peak = 15'000'000}};
  for (const int length : {50, 100}) {
    CaseResult one{.label = "time=" + std::to_string(length),
                   .length = length,
                   .inputs = {"codes int64 [1, " + std::to_string(length) + "]"},
                   .seconds = {},
                   .outputs = {},
                   .sets = {}};
    for (int i = 1; i <= 10; ++i) {
      one.seconds.fp32.push_back(0.1 * i * (length / 50));
      one.seconds.int8.push_back(0.025 * i * (length / 50));
    }
    one.outputs = {{.name = "logits",
                    .type = DataType::kFloat,
                    .sqnr_db = length == 50 ? 25.5 : 22,
                    .cosine = length == 50 ? 0.999 : 0.9968,
                    .max_difference = 0.25,
                    .top1 = 0.98},
                   {.name = "label", .type = DataType::kInt64, .max_difference = 1, .top1 = 0.995}};
    comparison.cases.push_back(one);
  }
  return comparison;
}

}  // namespace qi8::compare
