// The words for each reason why a node is left as it is.

#include <stdexcept>

#include "qi8/report.hpp"

namespace qi8 {
namespace {

struct Words {
  const char* identifier;
  const char* description;
};

Words WordsFor(SkipReason reason) {
  switch (reason) {
    case SkipReason::kOperatorNotSelected:
      return {"operator-not-selected", "operator not selected by --ops"};
    case SkipReason::kElsewhere:
      return {"elsewhere", "in a function, an attribute or a sparse tensor"};
    case SkipReason::kNoRule:
      return {"no-rule", "operator has no INT8 form"};
    case SkipReason::kLocalFunction:
      return {"local-function", "operator is a function of the model's own"};
    case SkipReason::kOperand:
      return {"operand", "bias or other operand that stays exact"};
    case SkipReason::kExcluded:
      return {"excluded", "excluded by --exclude"};
    case SkipReason::kNotIncluded:
      return {"not-included", "not among --include"};
    case SkipReason::kSubgraph:
      return {"subgraph", "in a body, and --subgraphs is false"};
    case SkipReason::kTooSmall:
      return {"too-small", "weight below --min-elements"};
    case SkipReason::kNotConstant:
      return {"not-constant", "weight is not constant"};
    case SkipReason::kActivations:
      return {"activations", "product of two activations"};
    case SkipReason::kOverridable:
      return {"overridable", "weight is also a graph input, a caller may replace it"};
    case SkipReason::kType:
      return {"type", "weight's element type is not quantized"};
    case SkipReason::kSparse:
      return {"sparse", "weight is a sparse tensor"};
    case SkipReason::kNonFinite:
      return {"non-finite", "weight has a NaN or an infinity"};
    case SkipReason::kQuantized:
      return {"quantized", "weight is quantized already"};
    case SkipReason::kShape:
      return {"shape", "no INT8 form for the weight's shape"};
    case SkipReason::kForm:
      return {"form", "kept in float32, the form that was asked for"};
    case SkipReason::kNoSaving:
      return {"no-saving", "INT8 form would not be smaller"};
    case SkipReason::kOpset:
      return {"opset", "model's opset is too old"};
  }
  throw std::logic_error("a skip reason without words");
}

}  // namespace

std::string Describe(SkipReason reason) { return WordsFor(reason).description; }
std::string Identifier(SkipReason reason) { return WordsFor(reason).identifier; }

}  // namespace qi8
