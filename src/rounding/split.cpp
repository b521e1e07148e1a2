#include "rounding/split.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "compare/members.hpp"
#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8::rounding {
namespace {

constexpr std::size_t kOneIn = 4;  // is for judging

compare::InputSet MembersOf(const compare::InputSet& set, std::int64_t first, std::int64_t count) {
  compare::InputSet part{set.label, {}};
  for (const runtime::Tensor& input : set.inputs)
    part.inputs.push_back(compare::MembersOf(input, first, count));
  return part;
}

}  // namespace

bool CanSplit(const std::vector<compare::InputSet>& cases) {
  if (cases.size() >= kOneIn) return true;
  return !cases.empty() && std::ranges::all_of(cases, [](const compare::InputSet& set) {
    return compare::BatchOf(set.inputs) >= static_cast<std::int64_t>(kOneIn);
  });
}

SplitCases Split(std::vector<compare::InputSet> cases) {
  SplitCases split;
  if (cases.size() >= kOneIn) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      (i % kOneIn == kOneIn - 1 ? split.judged_by : split.learned_from).push_back(std::move(cases[i]));
    }
    return split;
  }
  for (const compare::InputSet& set : cases) {
    const std::int64_t members = compare::BatchOf(set.inputs);
    const std::int64_t judging = members / static_cast<std::int64_t>(kOneIn);
    if (judging == 0) {
      throw Error(
          ErrorKind::kUsage,
          "--rounding learned needs at least 4 cases, or a batch of 4, as one in four is used to judge "
          "what was learned; --inputs gives " +
              FormatCount(cases.size(), "case"));
    }
    split.learned_from.push_back(MembersOf(set, 0, members - judging));
    split.judged_by.push_back(MembersOf(set, members - judging, judging));
  }
  return split;
}

}  // namespace qi8::rounding
