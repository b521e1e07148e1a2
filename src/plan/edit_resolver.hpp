// From edits to replacements of nodes: every symbol gets a name, and what edits can share stands once.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "edit/edit.hpp"
#include "model/model.hpp"
#include "plan/leftovers.hpp"
#include "plan/names.hpp"
#include "plan/weight_pool.hpp"

namespace qi8 {

class EditResolver {
 public:
  // The others outlive it.
  EditResolver(const Model& model, NameAllocator& names, WeightPool& weights, Leftovers& leftovers);

  // Edits come in the order of the graph, so that shared nodes stand before their first user.
  void Resolve(NodeId id, const Edit& edit);

  [[nodiscard]] std::vector<Replacement> TakeReplacements() { return std::move(replacements_); }

  // The domains of the new nodes that the model does not import.
  [[nodiscard]] std::vector<OpsetImport> MissingImports() const;

 private:
  // The names that the symbols of one edit stand for.
  struct Symbols {
    std::vector<std::map<WeightPart, std::string>> weights;
    std::vector<std::vector<std::string>> results;  // by edit node, the outputs
  };

  std::map<WeightPart, std::string> StoreWeight(const WeightRequest& request, const Node& node,
                                                Replacement& replacement);
  std::string TransposedName(const std::string& codes, const std::vector<std::int64_t>& perm,
                             const Node& node, Replacement& replacement);
  NewNode Name(const EditNode& edit_node, const Node& node, bool is_last, const Symbols& symbols);
  std::vector<std::string> Share(const EditNode& edit_node, const Node& node, const Symbols& symbols,
                                 Replacement& replacement);
  void CountUses(const EditNode& edit_node, const Node& node);
  void Add(Replacement& replacement, NewNode node);
  static std::string NameOf(const Operand& operand, const Symbols& symbols);

  const Model& model_;
  NameAllocator& names_;
  WeightPool& weights_;
  Leftovers& leftovers_;
  std::vector<Replacement> replacements_;
  std::map<std::string, std::vector<std::string>>
      shared_;  // outputs of shared nodes, by all that they compute
  std::set<std::string> domains_;
};

}  // namespace qi8
