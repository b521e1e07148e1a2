// New names that no name of the model equals.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace qi8 {

class NameAllocator {
 public:
  explicit NameAllocator(const std::vector<std::string_view>& taken) {
    for (const std::string_view name : taken) taken_.emplace(name);
  }

  // A name of the model may have megabytes; one made from it keeps this much, its beginning and its end.
  static constexpr std::size_t kLongest = 1024;

  // `wanted`, or with "_2", "_3", ... behind it where that is taken.
  std::string Allocate(std::string wanted) {
    if (wanted.size() > kLongest) wanted.erase(kLongest / 2, wanted.size() - kLongest);
    if (taken_.insert(wanted).second) return wanted;
    std::uint64_t& number = next_number_.try_emplace(wanted, 2).first->second;
    while (true) {
      std::string name = wanted + "_" + std::to_string(number++);
      if (taken_.insert(name).second) return name;
    }
  }

 private:
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, std::uint64_t> next_number_;  // lower ones are taken
};

}  // namespace qi8
