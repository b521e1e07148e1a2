// The parts of a model whose form can be chosen, and what each can be.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "model/model.hpp"
#include "qi8/form.hpp"
#include "qi8/options.hpp"

namespace qi8::tune {

// What is written of an operator that has one INT8 form only.
inline constexpr const char* kOnlyForm = "int8";

// A form that a unit can have.
struct Choice {
  Form form;            // that is asked for
  std::string written;  // "per-token"; kOnlyForm
  // Its weights and what each takes in the output. Units that share one share what is stored of it, where
  // that is as large.
  std::map<TensorId, std::uint64_t> stored;

  [[nodiscard]] std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const auto& [tensor, bytes] : stored) sum += bytes;
    return sum;
  }
};

// A node of the main graph whose weights can be quantized: by itself, or, of a node with bodies, all nodes in
// them together, which then have one form.
struct Unit {
  NodeId node = kNone;
  std::vector<NodeId> members;     // the nodes that have weights: `node`, or those in its bodies
  std::vector<std::string> names;  // of the members, by which they are asked for (plan/node_forms.hpp)
  std::string label;               // for people: the name of `node`
  std::string op_type;
  std::vector<std::int64_t> weight_dims;  // of the first weight, as it is stored
  std::vector<ValueId> reads;             // of the main graph and not constant
  std::vector<ValueId> gives;             // its outputs of floating point
  std::vector<Choice> choices;            // at least two; each is written in another way
};

// The values of the main graph that do not depend on an input of the model, by ValueId. Nodes that draw at
// random give none.
[[nodiscard]] std::vector<bool> ConstantValues(const Model& model);

struct Units {
  std::vector<Unit> units;  // in the order of the graph
  // The names of nodes that would be quantized and are not units: several of one name, and those in
  // bodies of a node that gives nothing of floating point.
  std::vector<std::string> unplanned;
};

// All units, each with those of `forms` that it can have, and float32 as the last.
[[nodiscard]] Units FindUnits(const Model& model, const Selection& selection, std::span<const Form> forms,
                              const std::set<TensorId>& non_finite);

// What asks for a choice of a unit, and for float32 of all others, by NodeId.
[[nodiscard]] std::vector<Form> FormsOfOne(const Model& model, const Unit& unit, const Choice& choice);

}  // namespace qi8::tune
