#include "plan/layout.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "core/checked.hpp"
#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

// Runtimes map large tensors straight from the file, which wants them on a page of their own; for others a
// cache line will do.
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kCacheLine = 64;
constexpr std::uint64_t kLarge = 1ULL << 20U;
constexpr std::uint64_t kAutoInlineLimit = 1ULL << 30U;
constexpr std::uint64_t kProtobufLimit = INT32_MAX;

class LayoutMaker {
 public:
  LayoutMaker(Model& model, const Plan& plan) : model_(model), plan_(plan) {}

  Layout Make(ExternalData external_data, const std::string& data_location,
              std::span<const MetadataEntry> metadata) {
    layout_.lengths.resize(model_.tensors().size() + plan_.rewrite.new_tensors.size());
    external_.resize(layout_.lengths.size());
    layout_.places.resize(layout_.lengths.size());
    std::uint64_t total = 0;
    std::uint64_t aligned = 0;  // with room for alignment
    model_.ForEachOutputTensor([&](std::uint32_t tensor, std::uint64_t length) {
      layout_.lengths[tensor] = length;
      total += length;
      const auto sum = CheckedAdd(aligned, AlignUp(length, kPage));
      if (!sum || *sum > INT64_MAX) {
        throw Error(ErrorKind::kFailure,
                    "the tensors of the INT8 model take more bytes than a file can have");
      }
      aligned = *sum;
    });
    const bool inside = external_data == ExternalData::kNever ||
                        (external_data == ExternalData::kAuto && total < kAutoInlineLimit);
    inline_below_ = inside ? UINT64_MAX : kInlineBytes;
    if (inside && total > kProtobufLimit) {
      throw Error(ErrorKind::kFailure, "the INT8 model with its weights inside would take " +
                                           FormatBytes(total) +
                                           ", more than the 2 GiB that protobuf allows. Remove the option "
                                           "--external-data never, so that the "
                                           "weights go into a file beside the model");
    }
    CollectWork();
    PlaceInData();
    model_.Place(external_, data_location);
    const ModelImage image = model_.Render(metadata);
    for (const auto& slot : image.slots) layout_.places[slot.tensor] = {OutputFile::kModel, slot.offset};
    layout_.model_size = image.size;
    if (image.size > kProtobufLimit) {
      throw Error(ErrorKind::kFailure, "the graph of the INT8 model would take " + FormatBytes(image.size) +
                                           ", more than the 2 GiB that protobuf allows");
    }
    return std::move(layout_);
  }

 private:
  void CollectWork() {
    for (std::size_t i = 0; i < plan_.weights.size(); ++i) {
      layout_.work.push_back({plan_.weights[i].source, i, plan_.weights[i].codes()});
    }
    for (TensorId tensor = 0; tensor < model_.tensors().size(); ++tensor) {
      if (layout_.lengths[tensor]) layout_.work.push_back({tensor, std::nullopt, tensor});
    }
    std::ranges::stable_sort(layout_.work, {},
                             [this](const WorkItem& item) { return model_.tensors()[item.source].source; });
  }

  void PlaceInData() {
    // Copies of the same bytes of the input are one copy.
    std::map<TensorSource, ExternalPlace> copies;
    std::erase_if(layout_.work, [&](const WorkItem& item) {
      if (item.weight) {
        PlaceWeight(plan_.weights[*item.weight]);
        return false;
      }
      if (*layout_.lengths[item.output] == 0) return true;
      const TensorSource& source = model_.tensors()[item.source].source;
      const auto known = copies.find(source);
      if (known != copies.end()) {
        SetPlace(item.output, known->second);
        return true;
      }
      PlaceTensor(item.output);
      if (external_[item.output]) copies.emplace(source, *external_[item.output]);
      return false;
    });
  }

  // Tensors of the same bytes, of other graphs or shapes, have one place.
  void PlaceWeight(const QuantizedWeight& weight) {
    for (const WeightPart part :
         {WeightPart::kCodes, WeightPart::kScales, WeightPart::kZeroPoints, WeightPart::kSums}) {
      for (std::size_t i = 0; i < weight.outputs.size(); ++i) {
        const WeightOutput& output = weight.outputs[i];
        if (output.part != part) continue;
        const auto first = std::ranges::find_if(
            weight.outputs, [&output](const WeightOutput& other) { return other.HasBytesOf(output); });
        if (&*first == &output) {
          PlaceTensor(output.tensor);
        } else {
          Share(first->tensor, output.tensor);
        }
      }
    }
  }

  void Share(std::uint32_t placed, std::uint32_t other) {
    if (external_[placed]) SetPlace(other, *external_[placed]);
  }

  void PlaceTensor(std::uint32_t tensor) {
    const std::uint64_t length = *layout_.lengths[tensor];
    const bool is_new = tensor >= model_.tensors().size();
    if (length < inline_below_ || !(is_new || model_.tensors()[tensor].may_be_external)) return;
    const std::uint64_t offset = AlignUp(layout_.data_size, length >= kLarge ? kPage : kCacheLine);
    SetPlace(tensor, {offset, length});
    layout_.data_size = offset + length;
  }

  void SetPlace(std::uint32_t tensor, ExternalPlace place) {
    external_[tensor] = place;
    layout_.places[tensor] = {OutputFile::kData, place.offset};
  }

  Model& model_;
  const Plan& plan_;
  std::uint64_t inline_below_ = kInlineBytes;
  std::vector<std::optional<ExternalPlace>> external_;
  Layout layout_;
};

}  // namespace

Layout LayOut(Model& model, const Plan& plan, ExternalData external_data, const std::string& data_location,
              std::span<const MetadataEntry> metadata) {
  return LayoutMaker(model, plan).Make(external_data, data_location, metadata);
}

}  // namespace qi8
