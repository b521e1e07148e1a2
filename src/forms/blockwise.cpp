// The form `blockwise`: MatMulNBits of com.microsoft with 8 bits. The weight has a scale for each block of
// elements along K and each output channel, and the runtime quantizes each row and block of the activation by
// itself (accuracy level 4). Codes are uint8 with a zero point of 128, which the operator takes where it is
// given none:
//
//   B [N, K / block, block], scales [N, K / block]
//
// It needs ONNX Runtime 1.22 or later.

#include <utility>

#include "forms/product.hpp"

namespace qi8 {
namespace {

constexpr std::int64_t kBits = 8;
constexpr std::int64_t kIntegerActivations = 4;  // accuracy_level: activations become int8

std::optional<std::string> Obstacle(const EditBuilder&, const Product& product) {
  const WeightRequest& weight = product.weight;
  if (weight.dims.size() != 2 || weight.stored_dims.size() != 2) return "MatMulNBits takes matrices only";
  if (weight.encoding.scheme != Scheme{} || weight.scale_dims.empty()) {
    return "MatMulNBits takes symmetric codes of 8 bits, with a scale for each block, and nothing else";
  }
  if (!product.runtime_has_blocks)
    return "MatMulNBits has 8 bits from ONNX Runtime 1.22 on, and --target-ort is older";
  if (weight.dims[0] % product.form.block != 0) {
    return "K is " + std::to_string(weight.dims[0]) + ", which is not a multiple of " +
           std::to_string(product.form.block);
  }
  return std::nullopt;
}

// The weight [K, N] of the product, as the operator wants it. What is stored as [N, K] is in its order
// already.
WeightRequest BlocksOf(const WeightRequest& product_weight, std::uint32_t block) {
  const std::int64_t k = product_weight.dims[0];
  const std::int64_t n = product_weight.dims[1];
  const bool is_turned = !product_weight.perm.empty();
  const auto blocks = static_cast<std::uint64_t>(k / block);
  const auto channels = static_cast<std::uint64_t>(n);
  WeightRequest request = product_weight;
  request.encoding.shape =
      is_turned ? ChannelShape{channels * blocks, block, 1} : ChannelShape{blocks, block, channels};
  request.encoding.scheme.type = WeightType::kShiftedInt8;
  request.encoding.block = block;
  request.dims = {n, k / block, block};
  request.perm = is_turned ? std::vector<std::int64_t>() : std::vector<std::int64_t>{1, 0};
  request.scale_dims = {n, k / block};
  request.zero_point_dims = {};
  return request;
}

Operand AddBlockwise(EditBuilder& edit, const Product& product) {
  const std::uint32_t block = product.form.block;
  const WeightOperands w = edit.QuantizeWeight(BlocksOf(product.weight, block));
  return edit.AddMicrosoft("MatMulNBits", {edit.AddFloat(product.x, product.type), w.data, w.scale},
                           {{"K", product.weight.dims[0]},
                            {"N", product.weight.dims[1]},
                            {"bits", kBits},
                            {"block_size", static_cast<std::int64_t>(block)},
                            {"accuracy_level", kIntegerActivations}});
}

}  // namespace

extern const ProductForm kFormOfBlockwise = {
    .kind = FormKind::kBlockwise, .obstacle = &Obstacle, .add = &AddBlockwise};

}  // namespace qi8
