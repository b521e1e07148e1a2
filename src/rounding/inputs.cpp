#include "rounding/inputs.hpp"

#include <span>
#include <utility>

#include "hash/sha256.hpp"
#include "qi8/error.hpp"

namespace qi8::rounding {

void RequireRecorded(const std::filesystem::path& inputs) {
  if (!inputs.empty()) return;
  throw Error(ErrorKind::kUsage,
              "--rounding learned needs --inputs: what is learned from inputs that are made up makes a model "
              "worse with real ones");
}

std::vector<compare::InputSet> SetsOf(compare::Cases cases) {
  std::vector<compare::InputSet> sets;
  for (compare::Case& one : cases.cases) {
    for (compare::InputSet& set : one.sets) {
      if (set.label.empty()) set.label = one.label;
      sets.push_back(std::move(set));
    }
  }
  return sets;
}

std::string HashOf(const std::vector<compare::InputSet>& sets, const std::optional<std::string>& mask) {
  Sha256 hash;
  for (const compare::InputSet& set : sets) {
    for (const runtime::Tensor& input : set.inputs) hash.Update(input.data);
  }
  if (mask) hash.Update(std::as_bytes(std::span(*mask)));
  return hash.FinishHex();
}

}  // namespace qi8::rounding
