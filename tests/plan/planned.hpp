// A model, planned in one line.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "model/model.hpp"
#include "plan/layout.hpp"
#include "plan/plan.hpp"
#include "support/any_size.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"

namespace qi8::testing {

// A model in memory and its plan. Further files are added before Load.
struct Planned {
  std::unique_ptr<MemoryFileSystem> files = std::make_unique<MemoryFileSystem>();
  std::unique_ptr<Model> model;
  Plan plan;

  void Make(ModelBuilder& builder, const Selection& selection = {}) {
    files->Add("m.onnx", builder.model().SerializeAsString());
    model = std::make_unique<Model>(Model::Load(*files, "m.onnx"));
    plan = MakePlan(*model, PerTensor(OfAnySize(selection)));
  }

  // "Op node: what becomes of it", a line for each node of the plan.
  [[nodiscard]] std::string Decisions() const {
    std::string text;
    for (const NodeDecision& node : plan.nodes) {
      text += node.op_type + " " + node.node + ": ";
      text += node.skip ? Identifier(node.skip->reason) : "INT8";
      if (node.skip && !node.skip->detail.empty()) text += " (" + node.skip->detail + ")";
      text += "\n";
    }
    return text;
  }

  [[nodiscard]] std::vector<std::string> RemovedNames() const {
    std::vector<std::string> names;
    for (const ValueId value : plan.rewrite.removed_initializers) {
      names.emplace_back(model->values()[value].name);
    }
    for (const Replacement& replacement : plan.rewrite.replacements) {
      if (!replacement.nodes.empty()) continue;
      names.emplace_back(model->nodes()[replacement.node].outputs.at(0));
    }
    std::ranges::sort(names);
    return names;
  }

  [[nodiscard]] std::vector<std::string> NewNames() const {
    std::vector<std::string> names;
    for (const NewTensor& tensor : plan.rewrite.new_tensors) names.push_back(tensor.name);
    return names;
  }

  // The new nodes of that operator, anywhere.
  [[nodiscard]] std::vector<NewNode> NewNodes(const std::string& op_type) const {
    std::vector<NewNode> nodes;
    for (const Replacement& replacement : plan.rewrite.replacements) {
      for (const NewNode& node : replacement.nodes) {
        if (node.op_type == op_type) nodes.push_back(node);
      }
    }
    return nodes;
  }

  // Applies the plan and lays it out.
  [[nodiscard]] Layout LayOutNow(ExternalData external_data = ExternalData::kAlways) {
    model->Apply(plan.rewrite);
    return LayOut(*model, plan, external_data, "out.onnx.data", {});
  }

  // The rewritten model, weights zero. After LayOutNow.
  [[nodiscard]] onnx::ModelProto Rewritten() {
    onnx::ModelProto after;
    EXPECT_TRUE(after.ParseFromString(Assemble(model->Render({}), Zeros)));
    return after;
  }
};

[[nodiscard]] inline Planned PlanOf(ModelBuilder& builder, const Selection& selection = {}) {
  Planned planned;
  planned.Make(builder, selection);
  return planned;
}

// A float32 initializer whose bytes lie in a file.
inline void External(onnx::GraphProto& graph, const std::string& name, const Dims& dims,
                     const std::string& location, std::uint64_t offset) {
  auto& tensor = *graph.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (const auto dim : dims) tensor.add_dims(dim);
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] :
       {std::pair("location", location), std::pair("offset", std::to_string(offset))}) {
    auto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
}

}  // namespace qi8::testing
