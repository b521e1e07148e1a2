#include "exec/code_sums.hpp"

#include <algorithm>
#include <array>

#include "exec/matrix_part.hpp"

namespace qi8 {
namespace {

std::int64_t SumOf(std::span<const std::int8_t> codes) {
  // An int32 holds 2^24 codes; the compiler adds many at a time.
  constexpr std::size_t kBlock = 1U << 20U;
  std::int64_t sum = 0;
  for (std::size_t start = 0; start < codes.size(); start += kBlock) {
    std::int32_t block = 0;
    for (const std::int8_t code : codes.subspan(start, std::min(kBlock, codes.size() - start))) block += code;
    sum += block;
  }
  return sum;
}

// Adds the columns of whole rows to the sums. Some columns at a time, over rows that int16 has room for:
// these sums stay in the first-level cache, and the compiler adds many at a time.
void AddColumns(std::span<const std::int8_t> codes, std::size_t columns, std::span<std::int64_t> sums) {
  constexpr std::size_t kColumns = 1024;
  constexpr std::size_t kRows = 256;
  const std::size_t rows = codes.size() / columns;
  for (std::size_t row = 0; row < rows; row += kRows) {
    const std::size_t last_row = std::min(row + kRows, rows);
    for (std::size_t column = 0; column < columns; column += kColumns) {
      const std::size_t width = std::min(kColumns, columns - column);
      std::array<std::int16_t, kColumns> block{};
      for (std::size_t r = row; r < last_row; ++r) {
        const std::int8_t* const at = codes.data() + r * columns + column;
        for (std::size_t c = 0; c < width; ++c) block[c] = static_cast<std::int16_t>(block[c] + at[c]);
      }
      for (std::size_t c = 0; c < width; ++c) sums[column + c] += block[c];
    }
  }
}

}  // namespace

CodeSums SumCodes(const ChannelShape& shape, std::uint64_t first_element,
                  std::span<const std::int8_t> codes) {
  const std::uint64_t in_group = std::min<std::uint64_t>(shape.group_elements(), codes.size());
  const std::uint64_t groups = in_group == 0 ? 0 : codes.size() / in_group;
  CodeSums sums(groups * shape.channels);
  for (std::uint64_t g = 0; g < groups; ++g) {
    auto group = codes.subspan(g * in_group, in_group);
    const std::span<std::int64_t> of_group(sums.data() + g * shape.channels, shape.channels);
    if (shape.channels == 1) {
      of_group[0] = SumOf(group);
      continue;
    }
    // A part of a group may begin and end within a row.
    const std::uint64_t first = first_element % shape.channels;
    const std::uint64_t head = first == 0 ? 0 : std::min<std::uint64_t>(shape.channels - first, group.size());
    for (std::uint64_t i = 0; i < head; ++i) of_group[first + i] += group[i];
    group = group.subspan(head);
    const std::uint64_t whole = group.size() / shape.channels * shape.channels;
    AddColumns(group.first(whole), shape.channels, of_group);
    for (std::uint64_t i = whole; i < group.size(); ++i) of_group[i - whole] += group[i];
  }
  return sums;
}

CodeSums SumTransposedCodes(const ChannelShape& shape, const Transposition& matrices,
                            std::uint64_t first_element, std::span<const std::int8_t> codes) {
  if (shape.scales() == 1) return {SumOf(codes)};
  CodeSums sums;
  ForEachMatrix(matrices, first_element, codes.size(), [&](const MatrixPart& part) {
    const std::size_t first = sums.size();
    sums.resize(first + part.rows);
    AddColumns(codes.subspan(part.start, part.elements()), part.rows, std::span(sums).subspan(first));
  });
  return sums;
}

void AddSums(CodeSums& sums, const CodeSums& part) {
  sums.resize(part.size());
  for (std::size_t i = 0; i < part.size(); ++i) sums[i] += part[i];
}

std::vector<float> SumsOfChannels(const CodeSums& sums, const ChannelParameters& parameters,
                                  std::uint64_t elements, float factor) {
  std::vector<float> of_channels(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double zero_point =
        parameters.zero_points.empty() ? 0 : static_cast<double>(parameters.zero_points[i]);
    const double steps = static_cast<double>(sums[i]) - static_cast<double>(elements) * zero_point;
    of_channels[i] = static_cast<float>(steps * static_cast<double>(parameters.scales[i] * factor));
  }
  return of_channels;
}

}  // namespace qi8
