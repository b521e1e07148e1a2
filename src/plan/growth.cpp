#include "plan/growth.hpp"

#include <algorithm>
#include <string_view>
#include <variant>

namespace qi8 {
namespace {

// Tag and length of a field of protobuf that is shorter than 128 bytes.
constexpr std::int64_t kField = 2;
// What is put behind a name to make another: "_quantized", "_zero_point".
constexpr std::int64_t kSuffix = 10;

std::int64_t Size(std::string_view text) { return kField + static_cast<std::int64_t>(text.size()); }

template <typename Names>
std::int64_t SizeOfAll(const Names& names) {
  std::int64_t size = 0;
  for (const auto& name : names) size += Size(std::string_view(name));
  return size;
}

struct ValueSize {
  std::int64_t operator()(std::int64_t) const { return 2; }
  std::int64_t operator()(float) const { return 1 + static_cast<std::int64_t>(sizeof(float)); }
  std::int64_t operator()(const std::vector<std::int64_t>& values) const {
    return kField * static_cast<std::int64_t>(values.size());
  }
  std::int64_t operator()(const FloatTensor& tensor) const {
    return 2 * kField + static_cast<std::int64_t>(sizeof(float) * tensor.values.size());
  }
  std::int64_t operator()(const Int64Tensor& tensor) const {
    return 2 * kField + static_cast<std::int64_t>(sizeof(std::int64_t) * tensor.values.size());
  }
};

class Estimate {
 public:
  Estimate(const Model& model, const Node& node, const Edit& edit)
      : model_(model), node_(node), edit_(edit) {}

  std::int64_t Growth() {
    std::int64_t size = -SizeOfReplaced();
    for (std::size_t i = 0; i < edit_.nodes.size(); ++i) {
      const EditNode& fresh = edit_.nodes[i];
      if (fresh.shared) {
        results_.push_back(SizeOfName(fresh.shared->value) + kSuffix);
      } else {
        size += SizeOf(fresh, i + 1 == edit_.nodes.size());
      }
    }
    // The codes take the place of the weight.
    for (const WeightRequest& request : edit_.weights) {
      if (request.encoding.has_scales()) size += SizeOfInitializer(request, request.scale_dims.size());
      if (request.with_sums) size += SizeOfInitializer(request, request.scale_dims.size());
      if (request.encoding.has_zero_points())
        size += SizeOfInitializer(request, request.zero_point_dims.size());
    }
    return size;
  }

 private:
  // Its attributes are left out here and where they are inherited.
  std::int64_t SizeOfReplaced() const {
    return kField + Size(node_.op_type) + Size(node_.name) + SizeOfAll(node_.inputs) +
           SizeOfAll(node_.outputs);
  }

  std::int64_t SizeOf(const EditNode& fresh, bool is_last) {
    const std::int64_t name = fresh.has_all_outputs
                                  ? Size(node_.name)
                                  : kField + Label() + 1 + static_cast<std::int64_t>(fresh.op_type.size());
    const std::int64_t output = is_last ? Size(node_.outputs[0]) : name;
    results_.push_back(output);
    std::int64_t size = kField + Size(fresh.op_type) + name;
    size += fresh.has_all_outputs ? SizeOfAll(node_.outputs) : output;
    if (!fresh.domain.empty()) size += Size(fresh.domain);
    for (const Operand& operand : fresh.inputs) size += SizeOfName(operand);
    for (const NewAttribute& attribute : fresh.attributes) {
      constexpr std::int64_t kType = 3;
      size += kField + Size(attribute.name) + kType + std::visit(ValueSize(), attribute.value);
    }
    return size;
  }

  std::int64_t SizeOfName(const Operand& operand) const {
    if (const auto* name = std::get_if<NameOperand>(&operand)) return Size(name->name);
    if (const auto* weight = std::get_if<WeightOperand>(&operand)) {
      return Size(NameOf(edit_.weights.at(weight->weight))) + kSuffix;
    }
    return results_.at(std::get<ResultOperand>(operand).node);
  }

  std::int64_t SizeOfInitializer(const WeightRequest& request, std::size_t rank) const {
    constexpr std::int64_t kTypeAndData = 6;
    return kField + Size(NameOf(request)) + kSuffix + kField * static_cast<std::int64_t>(rank) + kTypeAndData;
  }

  std::string_view NameOf(const WeightRequest& request) const {
    return model_.tensors()[request.tensor].name;
  }

  std::int64_t Label() const {
    return static_cast<std::int64_t>(node_.name.empty() ? node_.outputs[0].size() : node_.name.size());
  }

  const Model& model_;
  const Node& node_;
  const Edit& edit_;
  std::vector<std::int64_t> results_;  // by edit node: the size of the name of an output where it is read
};

}  // namespace

std::int64_t GraphGrowth(const Model& model, const Node& node, const Edit& edit) {
  return Estimate(model, node, edit).Growth();
}

}  // namespace qi8
