// The forms of a product of an activation and a constant weight.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qi8 {

// Errors of the activation are relative to what is named; those of the weight are the same in all forms of 8
// bits but `blockwise`.
enum class FormKind : std::uint8_t {
  kPerTensor,  // the activation has one scale and one zero point: the rules of ONNX Runtime's
               // quantize_dynamic
  kPerToken,   // each row of the activation has its own, so that no row's result depends on another row
  kResidual,   // the activation as the sum of two quantized ones: errors of about 2^-16 of its range
  kBlockwise,  // weights have a scale for each block along K, activations for each row and block
  kFloat16,    // the weight is stored as float16 and computed with as float32
  kFloat32,    // the node stays as it is
};

struct Form {
  FormKind kind = FormKind::kPerToken;
  std::uint32_t block = 0;  // of kBlockwise: elements along K, one of kBlockSizes; else 0

  friend bool operator==(const Form&, const Form&) = default;
};

// What com.microsoft's MatMulNBits takes.
inline constexpr std::uint32_t kBlockSizes[] = {16, 32, 64, 128, 256};

// "per-tensor", "per-token", "residual", "blockwise-32", "float16", "float32"
[[nodiscard]] std::string NameOf(const Form& form);

// The form of that name; "blockwise" is "blockwise-32". Nothing where there is none.
[[nodiscard]] std::optional<Form> ParseForm(std::string_view name);

// The names of all forms, for messages.
[[nodiscard]] std::vector<std::string> FormNames();

// A form for the nodes that a regular expression (RE2 syntax) matches anywhere in their name.
struct FormRule {
  Form form;
  std::optional<std::string> pattern = std::nullopt;  // nothing: every node

  friend bool operator==(const FormRule&, const FormRule&) = default;
};

}  // namespace qi8
