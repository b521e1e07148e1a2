#include "plan/weight_pool.hpp"

#include <utility>

namespace qi8 {
namespace {

// The request's stored_dims and perm as a transposition, where tiles can be transposed as they stream by.
// That needs perm to swap two blocks of trailing dimensions, and one scale for each stored row, one for all,
// or blocks within a column.
std::optional<Transposition> TranspositionOf(const WeightRequest& request) {
  const auto& perm = request.perm;
  const std::size_t rank = perm.size();
  std::size_t first = 0;
  while (first < rank && perm[first] == static_cast<std::int64_t>(first)) ++first;
  if (first == rank) return std::nullopt;
  const auto split = static_cast<std::size_t>(perm[first]);
  for (std::size_t d = first; d < rank; ++d) {
    const std::size_t moved = first + (split - first + d - first) % (rank - first);
    if (perm[d] != static_cast<std::int64_t>(moved)) return std::nullopt;
  }
  const auto product = [&](std::size_t from, std::size_t to) {
    std::uint64_t size = 1;
    for (std::size_t d = from; d < to; ++d) size *= static_cast<std::uint64_t>(request.stored_dims[d]);
    return size;
  };
  const ChannelShape& shape = request.encoding.shape;
  if (!request.encoding.has_scales()) return std::nullopt;
  const Transposition found{product(0, first), product(first, split), product(split, rank)};
  const bool a_scale_for_each_row = shape.channels == 1 && shape.reduced == found.columns;
  const bool one_scale = shape.scales() == 1;
  const bool has_blocks = request.encoding.block > 0;
  return a_scale_for_each_row || one_scale || has_blocks ? std::optional(found) : std::nullopt;
}

// What stands behind the name of a weight in the names of its parts.
std::string SuffixOf(const Encoding& encoding, WeightPart part) {
  switch (part) {
    case WeightPart::kCodes:
      return encoding.has_scales() ? "_quantized" : "_float16";
    case WeightPart::kScales:
      return "_scale";
    case WeightPart::kSums:
      return "_sum";
    default:
      return "_zero_point";
  }
}

}  // namespace

std::vector<ValueId> ValuesOfTensors(const Model& model) {
  std::vector<ValueId> values(model.tensors().size(), kNone);
  for (ValueId id = 0; id < model.values().size(); ++id) {
    const TensorId tensor = model.values()[id].tensor;
    if (tensor != kNone) values[tensor] = id;
  }
  return values;
}

WeightPool::WeightPool(const Model& model, NameAllocator& names)
    : model_(model), names_(names), tensor_values_(ValuesOfTensors(model)) {}

WeightPool::Key WeightPool::KeyOf(const WeightRequest& request) const {
  const Tensor& tensor = model_.tensors()[request.tensor];
  return {tensor.source, tensor.type, request.encoding};
}

void WeightPool::Collect(const Edit& edit) {
  for (const WeightRequest& request : edit.weights) {
    const auto wanted = TranspositionOf(request);
    const auto [known, is_new] = layouts_.try_emplace(KeyOf(request), wanted);
    if (!is_new && known->second != wanted) known->second.reset();
  }
}

WeightPool::Stored WeightPool::Store(const WeightRequest& request) {
  const Key key = KeyOf(request);
  const std::optional<Transposition> transposition = layouts_.at(key);
  const auto [known, is_new] = numbers_.try_emplace(key, weights_.size());
  if (is_new) {
    weights_.push_back({.source = request.tensor,
                        .encoding = request.encoding,
                        .transposition = transposition,
                        .outputs = {}});
  }
  QuantizedWeight& weight = weights_[known->second];
  const bool as_stored = !transposition && !request.perm.empty();
  Stored stored{.names = {}, .turn = as_stored ? request.perm : std::vector<std::int64_t>()};
  const auto store = [&](WeightPart part, const std::vector<std::int64_t>& dims, float factor) {
    stored.names[part] = NameOf(weight, {part, 0, factor},
                                {.graph = model_.values()[tensor_values_.at(request.tensor)].graph,
                                 .name = model_.tensors()[request.tensor].name,
                                 .type = request.encoding.TypeOf(part),
                                 .dims = dims,
                                 .bytes = request.encoding.BytesOf(part)});
  };
  store(WeightPart::kCodes, as_stored ? request.stored_dims : request.dims, 1);
  // Nodes of one weight share its scales too, unless they want them multiplied by different factors.
  if (request.encoding.has_scales()) store(WeightPart::kScales, request.scale_dims, request.scale_factor);
  if (request.encoding.has_zero_points()) {
    store(WeightPart::kZeroPoints, request.zero_point_dims, 1);
  }
  if (request.with_sums) store(WeightPart::kSums, request.scale_dims, request.scale_factor);
  return stored;
}

// The name of the tensor that holds the same numbers in the same shape and graph, made where there is none;
// `wanted` has the name of the weight.
std::string WeightPool::NameOf(QuantizedWeight& weight, WeightOutput output, NewTensor wanted) {
  const std::size_t first = model_.tensors().size();
  for (const WeightOutput& known : weight.outputs) {
    const NewTensor& tensor = tensors_.at(known.tensor - first);
    if (known.HasBytesOf(output) && tensor.graph == wanted.graph && tensor.dims == wanted.dims) {
      return tensor.name;
    }
  }
  wanted.name = names_.Allocate(wanted.name + SuffixOf(weight.encoding, output.part));
  output.tensor = static_cast<std::uint32_t>(first + tensors_.size());
  weight.outputs.push_back(output);
  tensors_.push_back(std::move(wanted));
  return tensors_.back().name;
}

}  // namespace qi8
