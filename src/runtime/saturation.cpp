#include "runtime/saturation.hpp"

#include <fstream>
#include <sstream>
#include <string>

namespace qi8::runtime {

bool ProductsSaturate(std::istream& cpuinfo) {
  for (std::string line; std::getline(cpuinfo, line);) {
    if (!line.starts_with("flags")) continue;  // a line that only x86 has, the same for each processor
    std::istringstream flags(line);
    for (std::string flag; flags >> flag;) {
      if (flag == "avx512_vnni" || flag == "avx_vnni") return false;
    }
    return true;
  }
  return false;
}

bool ProductsSaturateHere() {
  std::ifstream file("/proc/cpuinfo");
  return ProductsSaturate(file);
}

}  // namespace qi8::runtime
