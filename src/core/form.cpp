#include "qi8/form.hpp"

#include <algorithm>
#include <stdexcept>

namespace qi8 {
namespace {

constexpr std::string_view kBlockwise = "blockwise";
constexpr std::uint32_t kDefaultBlock = 32;

std::vector<Form> AllForms() {
  std::vector<Form> forms = {{FormKind::kPerTensor}, {FormKind::kPerToken}, {FormKind::kResidual}};
  for (const std::uint32_t block : kBlockSizes) forms.push_back({FormKind::kBlockwise, block});
  forms.push_back({FormKind::kFloat16});
  forms.push_back({FormKind::kFloat32});
  return forms;
}

}  // namespace

std::string NameOf(const Form& form) {
  switch (form.kind) {
    case FormKind::kPerTensor:
      return "per-tensor";
    case FormKind::kPerToken:
      return "per-token";
    case FormKind::kResidual:
      return "residual";
    case FormKind::kBlockwise:
      return std::string(kBlockwise) + "-" + std::to_string(form.block);
    case FormKind::kFloat16:
      return "float16";
    case FormKind::kFloat32:
      return "float32";
  }
  throw std::logic_error("a form without a name");
}

std::optional<Form> ParseForm(std::string_view name) {
  if (name == kBlockwise) return Form{FormKind::kBlockwise, kDefaultBlock};
  for (const Form& form : AllForms()) {
    if (NameOf(form) == name) return form;
  }
  return std::nullopt;
}

std::vector<std::string> FormNames() {
  std::vector<std::string> names;
  for (const Form& form : AllForms()) names.push_back(NameOf(form));
  return names;
}

}  // namespace qi8
