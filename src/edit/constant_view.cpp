#include "edit/constant_view.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <utility>

#include "core/checked.hpp"

namespace qi8 {
namespace {

constexpr auto kViewOperators = std::to_array<std::string_view>(
    {"Identity", "Cast", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze"});

// Exporters write two or three. Each node of a chain of thousands would follow all of it.
constexpr std::size_t kMostOperators = 64;

Skip NotConstant(const std::string& detail) { return {SkipReason::kNotConstant, detail}; }

void SetRowMajor(ConstantView& view) {
  view.strides.assign(view.dims.size(), 1);
  for (std::size_t d = view.dims.size(); d-- > 1;) {
    view.strides[d - 1] = view.strides[d] * static_cast<std::uint64_t>(view.dims[d]);
  }
}

// A run of elements whose distance in the stored tensor is the same.
struct Run {
  std::uint64_t size = 1;
  std::uint64_t stride = 1;
};

// The dimensions, merged into as few runs as possible: two neighbours become one where each step of the left
// one continues exactly where the right one ends.
std::vector<Run> RunsOf(const ConstantView& view) {
  std::vector<Run> runs;
  for (std::size_t d = 0; d < view.dims.size(); ++d) {
    const auto size = static_cast<std::uint64_t>(view.dims[d]);
    if (size == 1) continue;
    if (!runs.empty() && runs.back().stride == view.strides[d] * size) {
      runs.back() = {runs.back().size * size, view.strides[d]};
    } else {
      runs.push_back({size, view.strides[d]});
    }
  }
  return runs;
}

// Takes the view to a shape of as many elements, where that is possible without moving any.
bool Reshape(ConstantView& view, std::vector<std::int64_t> dims) {
  const std::vector<Run> runs = RunsOf(view);
  std::vector<std::uint64_t> strides(dims.size(), 1);
  std::size_t d = dims.size();
  for (std::size_t r = runs.size(); r-- > 0;) {
    std::uint64_t covered = 1;
    while (covered < runs[r].size) {
      if (d == 0) return false;
      --d;
      strides[d] = runs[r].stride * covered;
      covered *= static_cast<std::uint64_t>(dims[d]);
    }
    if (covered != runs[r].size) return false;
  }
  view.dims = std::move(dims);
  view.strides = std::move(strides);
  return true;
}

// Applies the operators of a chain to a view.
class ViewMaker {
 public:
  explicit ViewMaker(const Model& model) : model_(model) {}

  std::optional<Skip> Apply(const Node& node, ConstantView& view) const {
    const bool done = node.op_type == "Identity" || (node.op_type == "Cast" && Cast(node, view)) ||
                      (node.op_type == "Transpose" && Transpose(node, view)) ||
                      (node.op_type == "Reshape" && ReshapeTo(view, ReshapeDims(node, view))) ||
                      (node.op_type == "Flatten" && ReshapeTo(view, FlattenDims(node, view))) ||
                      (node.op_type == "Squeeze" && ReshapeTo(view, SqueezeDims(node, view))) ||
                      (node.op_type == "Unsqueeze" && ReshapeTo(view, UnsqueezeDims(node, view)));
    if (done) return std::nullopt;
    return NotConstant("behind a " + std::string(node.op_type) + " that cannot be folded");
  }

 private:
  using Dims = std::optional<std::vector<std::int64_t>>;

  bool Cast(const Node& node, ConstantView& view) const {
    view.type = static_cast<DataType>(model_.IntAttribute(node, "to", 0));
    return IsFloatingPoint(view.type);
  }

  bool Transpose(const Node& node, ConstantView& view) const {
    const std::size_t rank = view.dims.size();
    std::vector<std::int64_t> perm = model_.IntsAttribute(node, "perm");
    if (perm.empty()) {
      perm.resize(rank);
      std::iota(perm.rbegin(), perm.rend(), 0);
    }
    std::vector<std::int64_t> sorted = perm;
    std::ranges::sort(sorted);
    for (std::size_t d = 0; d < sorted.size(); ++d) {
      if (sorted[d] != static_cast<std::int64_t>(d)) return false;
    }
    if (perm.size() != rank) return false;
    const ConstantView before = view;
    for (std::size_t d = 0; d < rank; ++d) {
      view.dims[d] = before.dims[static_cast<std::size_t>(perm[d])];
      view.strides[d] = before.strides[static_cast<std::size_t>(perm[d])];
    }
    return true;
  }

  static bool ReshapeTo(ConstantView& view, Dims dims) {
    if (!dims) return false;
    const auto before = ElementCount(view.dims);
    const auto after = ElementCount(*dims);
    return before && after && *before == *after && Reshape(view, *std::move(dims));
  }

  // What an operator has as its second input, and had as an attribute in older opsets.
  Dims Numbers(const Node& node, std::string_view attribute) const {
    if (node.input_values.size() > 1 && node.input_values[1] != kNone) {
      const Value& value = model_.values()[node.input_values[1]];
      if (value.is_graph_input) return std::nullopt;
      return model_.IntegerConstant(node.input_values[1]);
    }
    return model_.IntsAttribute(node, attribute);
  }

  Dims ReshapeDims(const Node& node, const ConstantView& view) const {
    Dims dims = Numbers(node, "shape");
    if (!dims) return std::nullopt;
    const bool zero_is_zero = model_.IntAttribute(node, "allowzero", 0) != 0;
    std::optional<std::size_t> open;
    std::int64_t known = 1;
    for (std::size_t d = 0; d < dims->size(); ++d) {
      std::int64_t& dim = (*dims)[d];
      if (dim == 0 && !zero_is_zero) {
        if (d >= view.dims.size()) return std::nullopt;
        dim = view.dims[d];
      }
      if (dim == -1) {
        if (open) return std::nullopt;
        open = d;
        continue;
      }
      if (dim <= 0 || known > INT64_MAX / dim) return std::nullopt;
      known *= dim;
    }
    const auto elements = ElementCount(view.dims);
    if (!elements) return std::nullopt;
    if (open) (*dims)[*open] = static_cast<std::int64_t>(*elements) / known;
    return dims;
  }

  Dims FlattenDims(const Node& node, const ConstantView& view) const {
    const auto rank = static_cast<std::int64_t>(view.dims.size());
    std::int64_t axis = model_.IntAttribute(node, "axis", 1);
    if (axis < 0) axis += rank;
    if (axis < 0 || axis > rank) return std::nullopt;
    std::vector<std::int64_t> dims = {1, 1};
    for (std::int64_t d = 0; d < rank; ++d) dims[d < axis ? 0 : 1] *= view.dims[static_cast<std::size_t>(d)];
    return dims;
  }

  // Which of `rank` dimensions the numbers name; nothing where one is out of range.
  static std::optional<std::vector<bool>> Flags(const std::vector<std::int64_t>& axes, std::size_t rank) {
    std::vector<bool> flags(rank);
    for (const std::int64_t stated : axes) {
      const std::int64_t axis = stated < 0 ? stated + static_cast<std::int64_t>(rank) : stated;
      if (axis < 0 || axis >= static_cast<std::int64_t>(rank)) return std::nullopt;
      flags[static_cast<std::size_t>(axis)] = true;
    }
    return flags;
  }

  Dims SqueezeDims(const Node& node, const ConstantView& view) const {
    const Dims axes = Numbers(node, "axes");
    if (!axes) return std::nullopt;
    const auto flags = Flags(*axes, view.dims.size());
    if (!flags) return std::nullopt;
    std::vector<std::int64_t> dims;
    for (std::size_t d = 0; d < view.dims.size(); ++d) {
      if (axes->empty() ? view.dims[d] != 1 : !(*flags)[d]) dims.push_back(view.dims[d]);
    }
    return dims;
  }

  Dims UnsqueezeDims(const Node& node, const ConstantView& view) const {
    const Dims axes = Numbers(node, "axes");
    constexpr std::size_t kMostAxes = 64;
    if (!axes || axes->size() > kMostAxes) return std::nullopt;
    const auto flags = Flags(*axes, view.dims.size() + axes->size());
    if (!flags) return std::nullopt;
    std::vector<std::int64_t> dims;
    std::size_t next = 0;
    for (const bool is_new : *flags) {
      if (!is_new && next == view.dims.size()) return std::nullopt;  // an axis was named twice
      dims.push_back(is_new ? 1 : view.dims[next++]);
    }
    return dims;
  }

  const Model& model_;
};

// Whether an optimizer could compute the value before the model runs: from constants alone, in few steps,
// with no body and nothing random, which has no inputs.
bool IsComputedFromConstants(const Model& model, ValueId id, std::size_t& steps) {
  if (id == kNone || steps == 0) return false;
  --steps;
  const Value& value = model.values()[id];
  if (value.is_graph_input) return false;
  if (value.is_initializer || value.tensor != kNone || model.Constant(id)) return true;
  if (value.producer == kNone) return false;
  const Node& node = model.nodes()[value.producer];
  static constexpr auto kWithBodies = std::to_array<std::string_view>({"If", "Loop", "Scan"});
  if (std::ranges::find(kWithBodies, node.op_type) != kWithBodies.end()) return false;
  bool any = false;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i].empty()) continue;
    if (!IsComputedFromConstants(model, node.input_values[i], steps)) return false;
    any = true;
  }
  return any;
}

Skip WhyNoTensor(const Model& model, ValueId id) {
  const Value& value = model.values()[id];
  if (value.is_sparse) return {SkipReason::kSparse, ""};
  if (value.is_initializer) {
    const auto constant = model.Constant(id);
    if (constant && ElementCount(constant->dims) == 0U) return {SkipReason::kShape, "the weight is empty"};
    const bool is_float = IsFloatingPoint(value.declared_type);
    return {SkipReason::kType,
            is_float ? "stored in another form than raw numbers" : DataTypeName(value.declared_type)};
  }
  if (value.producer != kNone && model.nodes()[value.producer].op_type == "DequantizeLinear") {
    return {SkipReason::kQuantized, ""};
  }
  std::size_t steps = kMostOperators;
  if (IsComputedFromConstants(model, id, steps)) {
    const std::string_view op = model.nodes()[value.producer].op_type;
    return NotConstant("a " + std::string(op) +
                       " computes it from constants; --optimize basic does that first");
  }
  return NotConstant("");
}

}  // namespace

bool IsViewOperator(const Node& node) {
  return node.domain.empty() && !node.inputs.empty() && node.outputs.size() == 1 &&
         std::ranges::find(kViewOperators, node.op_type) != kViewOperators.end();
}

std::variant<ConstantView, Skip> ViewConstant(const Model& model, ValueId id) {
  std::vector<const Node*> chain;
  const Value* value = nullptr;
  while (true) {
    if (id == kNone) return NotConstant("nothing in the model defines it");
    value = &model.values()[id];
    if (value->is_graph_input && value->graph != 0) return Skip{SkipReason::kOverridable, ""};
    if (value->tensor != kNone) break;
    if (value->producer == kNone || !IsViewOperator(model.nodes()[value->producer])) {
      return WhyNoTensor(model, id);
    }
    if (chain.size() == kMostOperators) return NotConstant("behind too many operators");
    chain.push_back(&model.nodes()[value->producer]);
    id = chain.back()->input_values[0];
  }
  const Tensor& tensor = model.tensors()[value->tensor];
  ConstantView view{.tensor = value->tensor,
                    .type = tensor.type,
                    .dims = tensor.dims,
                    .strides = {},
                    .is_overridable = value->is_initializer && value->is_graph_input};
  if (!IsFloatingPoint(tensor.type)) return Skip{SkipReason::kType, DataTypeName(tensor.type)};
  if (tensor.elements == 0) return Skip{SkipReason::kShape, "the weight is empty"};
  SetRowMajor(view);
  if (tensor.turned_of != kNone) {
    view.tensor = tensor.turned_of;
    view.strides = {1, static_cast<std::uint64_t>(tensor.dims[0])};
  }
  for (; !chain.empty(); chain.pop_back()) {
    if (auto skip = ViewMaker(model).Apply(*chain.back(), view)) return *std::move(skip);
  }
  return view;
}

}  // namespace qi8
