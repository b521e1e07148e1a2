// Operator sets beside ai.onnx.
#pragma once

namespace qi8 {

// ONNX Runtime's own.
inline constexpr const char* kMicrosoftDomain = "com.microsoft";

}  // namespace qi8
