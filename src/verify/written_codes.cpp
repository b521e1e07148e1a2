#include "verify/written_codes.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "io/temporary_folder.hpp"

namespace qi8 {
namespace {

const std::string kName = "codes";

// Codes as the file has them, in the order of the input and as int8.
std::vector<std::int8_t> InOrderOfTheInput(const QuantizedWeight& weight, std::vector<std::int8_t> codes) {
  if (weight.encoding.scheme.type != WeightType::kInt8) {
    for (std::int8_t& code : codes) code = static_cast<std::int8_t>(code ^ INT8_MIN);
  }
  if (!weight.transposition) return codes;
  const auto [batches, rows, columns] = *weight.transposition;
  std::vector<std::int8_t> turned(codes.size());
  for (std::uint64_t batch = 0; batch < batches; ++batch) {
    const std::uint64_t first = batch * rows * columns;
    for (std::uint64_t row = 0; row < rows; ++row) {
      for (std::uint64_t column = 0; column < columns; ++column) {
        turned[first + row * columns + column] = codes[first + column * rows + row];
      }
    }
  }
  return turned;
}

}  // namespace

RoundedWeights CodesOfWritten(FileSystem& file_system, const Model& source, const Plan& plan,
                              const Layout& layout, std::span<const Learnable> learnable,
                              const WrittenFiles& files) {
  const TemporaryFolder scratch(file_system);
  const std::unique_ptr<WritableFile> into = scratch.folder().Create(kName);
  std::vector<std::pair<const QuantizedWeight*, std::uint64_t>> places;
  std::uint64_t used = 0;
  for (const QuantizedWeight& weight : plan.weights) {
    const TensorSource& place_of_numbers = source.tensors()[weight.source].source;
    const bool is_learnable = std::ranges::any_of(learnable, [&](const Learnable& one) {
      return one.obstacle.empty() && one.encoding == weight.encoding &&
             source.tensors()[one.tensor].source == place_of_numbers;
    });
    const OutputPlace& place = layout.places[weight.codes()];
    const ReadableFile& file = place.file == OutputFile::kModel ? files.model : files.data;
    std::vector<std::int8_t> codes(weight.encoding.shape.elements());
    if (!is_learnable || place.offset + codes.size() > file.Identity().size) continue;
    file.ReadAt(place.offset, std::as_writable_bytes(std::span(codes)));
    codes = InOrderOfTheInput(weight, std::move(codes));
    into->WriteAt(used, std::as_bytes(std::span(codes)));
    places.emplace_back(&weight, used);
    used += codes.size();
  }
  into->Close();
  const std::shared_ptr<const ReadableFile> taken = file_system.OpenForReading(scratch.path() / kName);
  RoundedWeights written;
  for (const auto& [weight, offset] : places) {
    written.Add(source.tensors()[weight->source].source, weight->encoding, {taken, offset});
  }
  return written;
}

}  // namespace qi8
