// The weights whose rounding can be learned, and what each is multiplied with.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/encoding.hpp"
#include "edit/edit.hpp"
#include "model/model.hpp"
#include "qi8/options.hpp"

namespace qi8 {

// A product that uses the weight: a node of the main graph.
struct Use {
  NodeId node = kNone;
  ValueId x = kNone;  // its other factor
  MatrixFactor factor;
};

// A weight in one encoding, and all products that use it. Its codes are stored once, so they are learned for
// all of them together.
struct Learnable {
  TensorId tensor = kNone;
  Encoding encoding;
  std::vector<Use> uses;
  std::vector<NodeId> readers;  // other operators that read its numbers themselves, as an embedding does
  std::string obstacle;         // why its rounding cannot be learned; empty: it can
};

// All weights that get codes of eight bits where the nodes are asked to have `forms`, by NodeId, and whose
// codes are those of a product; in the order of the graph.
[[nodiscard]] std::vector<Learnable> FindLearnable(const Model& model, const Selection& selection,
                                                   const std::vector<Form>& forms,
                                                   const std::set<TensorId>& non_finite);

}  // namespace qi8
