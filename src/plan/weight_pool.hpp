// The weights of the output: what several nodes ask for alike is stored once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "edit/edit.hpp"
#include "model/model.hpp"
#include "plan/names.hpp"
#include "plan/plan.hpp"

namespace qi8 {

class WeightPool {
 public:
  WeightPool(const Model& model, NameAllocator& names);

  // Takes notice of what an edit asks for. All edits come here before the first request is stored: codes that
  // all want in one other order are written in it. Where some want them as they are in the input, the others
  // get a Transpose, which the runtime folds when it loads the model.
  void Collect(const Edit& edit);

  // How a request finds its weight in the output.
  struct Stored {
    std::map<WeightPart, std::string>
        names;  // of the tensors; codes in the order of the input where `turn` is not empty
    std::vector<std::int64_t> turn;  // the perm of the Transpose that they need
  };
  // Stores what is asked for, where no earlier request asked for the same.
  [[nodiscard]] Stored Store(const WeightRequest& request);

  [[nodiscard]] std::vector<QuantizedWeight> TakeWeights() { return std::move(weights_); }
  // The initializers to be made, by number of the output tensor less the tensors of the input.
  [[nodiscard]] std::vector<NewTensor> TakeTensors() { return std::move(tensors_); }

 private:
  using Key =
      std::tuple<TensorSource, DataType, Encoding>;  // codes of one key are the same, whoever asks for them

  Key KeyOf(const WeightRequest& request) const;
  std::string NameOf(QuantizedWeight& weight, WeightOutput output, NewTensor wanted);

  const Model& model_;
  NameAllocator& names_;
  std::vector<ValueId> tensor_values_;
  std::map<Key, std::optional<Transposition>> layouts_;
  std::map<Key, std::size_t> numbers_;  // in weights_
  std::vector<QuantizedWeight> weights_;
  std::vector<NewTensor> tensors_;
};

// By TensorId: the value whose contents it is, or kNone.
[[nodiscard]] std::vector<ValueId> ValuesOfTensors(const Model& model);

}  // namespace qi8
