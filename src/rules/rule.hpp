// Rules: what stands in place of an operator whose weight is INT8. A rule looks at one node and answers with
// a value; it changes nothing and knows nothing of other nodes.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/channel_shape.hpp"
#include "edit/activation_range.hpp"
#include "edit/edit.hpp"
#include "model/model.hpp"
#include "qi8/options.hpp"
#include "qi8/report.hpp"

namespace qi8 {

// What a rule knows besides its node.
struct RuleContext {
  const Model& model;
  const Selection& selection;
  // Element types by ValueId, as far as they are known; empty where no rule needs them.
  std::vector<DataType> element_types = {};
  std::vector<ActivationRange> ranges = {};  // by ValueId; empty: nothing is known
  std::vector<Form> forms = {};              // by NodeId, as asked for; empty: all have the default
  std::set<TensorId> non_finite = {};  // weights with a NaN or an infinity, which are to stay as they are
  // The shapes that rules which cannot choose have asked for, by tensor. For rules that can: where they fall
  // in with it, one INT8 copy serves all.
  std::multimap<TensorId, ChannelShape> settled_shapes = {};

  [[nodiscard]] Form FormOf(const Node& node) const { return forms.empty() ? Form() : forms.at(node.id); }
  [[nodiscard]] ActivationRange RangeOf(ValueId value) const {
    return ranges.empty() || value == kNone ? ActivationRange::kUnknown : ranges.at(value);
  }
};

// The INT8 form of an operator that computes with integers.
struct ComputedForm {
  std::size_t weight_input = 0;   // which input is the weight
  bool can_choose_shape = false;  // see RuleContext::settled_shapes
  Decision (*plan)(const RuleContext& context, const Node& node) = nullptr;
};

// The form in which an operator computes as before, from weights that are stored as INT8 and restored when
// the model is loaded (rules/stored.cpp).
struct StoredForm {
  std::array<std::size_t, 2> inputs = {};  // which of them are weights
  std::size_t input_count = 1;
  // How many of the first dimensions of a weight have scales of their own. Any may have them, as the weight
  // is whole again before it is used: those that are about as fine as output channels are taken.
  std::size_t scaled_dims = 1;
};

// All that the program knows of an operator. Each stands in the file of its name, as kRuleOf<operator>;
// rules.def lists them.
struct Rule {
  std::string_view op_type;
  std::string_view domain = "";       // empty: ai.onnx
  std::string_view selected_as = "";  // the operator that --ops names it by; empty: itself
  std::optional<ComputedForm> computed = std::nullopt;
  std::optional<StoredForm> stored = std::nullopt;

  // What --ops calls it.
  [[nodiscard]] std::string_view name_in_ops() const { return selected_as.empty() ? op_type : selected_as; }
};

[[nodiscard]] std::span<const Rule* const> AllRules();

// What is known of the node's operator, or null.
[[nodiscard]] const Rule* FindRule(const Node& node);

// The names that --ops takes, in the order of rules.def.
[[nodiscard]] std::vector<std::string> ComputedOperators();

// The inputs of a node that can be stored as INT8 and restored on loading; none: it has none.
[[nodiscard]] std::span<const std::size_t> StorableInputs(const Node& node);

// All inputs of a node that are weights, whether it computes with integers or restores them.
[[nodiscard]] std::vector<std::size_t> WeightInputs(const Node& node);

// The operators that have such inputs, in the same order.
[[nodiscard]] std::vector<std::string> StorableOperators();

// The rule for weights that are stored as INT8 and restored (rules/stored.cpp).
[[nodiscard]] Decision PlanStored(const RuleContext& context, const Node& node);

// The rule for the form float16 of every operator (rules/float16.cpp).
[[nodiscard]] Decision PlanFloat16(const RuleContext& context, const Node& node);

}  // namespace qi8
