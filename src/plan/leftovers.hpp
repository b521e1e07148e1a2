// What nothing reads any more once nodes are replaced.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "model/model.hpp"
#include "qi8/options.hpp"

namespace qi8 {

class Leftovers {
 public:
  Leftovers(const Model& model, const Selection& selection);

  // A node reads the value no more, or a new one does.
  void RemoveUse(ValueId value);
  void AddUse(ValueId value);

  // Marks for removal what no node reads any more, and the operators between a weight and its node. A weight
  // that some node still needs in floating point stays beside its copy in few bits, and one that nobody read
  // in the first place is left alone.
  void Remove(Rewrite& rewrite);

  // The values that are gone; after Remove.
  [[nodiscard]] const std::set<ValueId>& removed() const { return removed_; }

 private:
  bool MayRemove(const Value& value) const;

  const Model& model_;
  const Selection& selection_;
  std::vector<bool> has_body_;
  std::vector<std::uint32_t> uses_;  // by ValueId
  std::vector<ValueId> unused_;      // to be looked at
  std::set<ValueId> removed_;
};

}  // namespace qi8
