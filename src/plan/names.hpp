// New names that no name of the model equals.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace qi8 {

class NameAllocator {
 public:
  explicit NameAllocator(const std::vector<std::string_view>& taken) {
    for (const std::string_view name : taken) taken_.emplace(name);
  }

  // `wanted`, or with "_2", "_3", ... behind it where that is taken.
  std::string Allocate(const std::string& wanted) {
    std::string name = wanted;
    for (int number = 2; !taken_.insert(name).second; ++number) name = wanted + "_" + std::to_string(number);
    return name;
  }

 private:
  std::unordered_set<std::string> taken_;
};

}  // namespace qi8
