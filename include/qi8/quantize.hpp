// The whole job: an FP32 model in, an INT8 model out.
#pragma once

#include "qi8/error.hpp"
#include "qi8/observer.hpp"
#include "qi8/optimizer.hpp"
#include "qi8/options.hpp"
#include "qi8/report.hpp"

namespace qi8 {

// Quantizes options.input into options.output, with checksum file and audit record, or only plans it. Throws
// Error; whatever is thrown, the input is untouched and no output is half written. Where nothing is quantized
// and options.allow_empty is not set, nothing is written and the report says so. `optimizer` may be null
// where options.optimize is kOff.
[[nodiscard]] RunReport Quantize(const QuantizeOptions& options, Observer& observer,
                                 Optimizer* optimizer = nullptr);

// "1.2.3"
[[nodiscard]] std::string Version();

}  // namespace qi8
