// Weights whose codes are given, and not those that are nearest to their numbers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "core/encoding.hpp"
#include "io/file.hpp"
#include "model/tensor.hpp"

namespace qi8 {

// Where the codes of a weight stand: one byte for each element, in the order in which the input stores them,
// as int8 with the zero points of int8, whatever the scheme. Its scales and zero points are those that follow
// from its numbers.
struct GivenCodes {
  std::shared_ptr<const ReadableFile> file;
  std::uint64_t offset = 0;
};

class RoundedWeights {
 public:
  // `source` is where the numbers of the weight stand: what stands there is stored once, whatever its names.
  void Add(const TensorSource& source, const Encoding& encoding, GivenCodes codes) {
    codes_.insert_or_assign({source, encoding}, std::move(codes));
  }

  // The codes are those that are nearest again.
  void Remove(const TensorSource& source, const Encoding& encoding) { codes_.erase({source, encoding}); }

  // Null where the codes are those that are nearest.
  [[nodiscard]] const GivenCodes* Find(const TensorSource& source, const Encoding& encoding) const {
    const auto found = codes_.find({source, encoding});
    return found == codes_.end() ? nullptr : &found->second;
  }

  [[nodiscard]] bool empty() const { return codes_.empty(); }

 private:
  std::map<std::pair<TensorSource, Encoding>, GivenCodes> codes_;
};

}  // namespace qi8
