#include "audit/record_seal.hpp"

#include "hash/sha256.hpp"

namespace qi8 {
namespace {

std::string SealOf(std::string_view text) { return ",\"sha256\":\"" + Sha256::HexOf(text) + "\"}"; }

const std::size_t kSealBytes = SealOf("").size();

}  // namespace

std::string SealRecord(std::string object) {
  object.pop_back();  // the brace
  return object + SealOf(object);
}

bool IsSealed(std::string_view line) {
  if (line.size() < kSealBytes) return false;
  const std::size_t end = line.size() - kSealBytes;
  return line.substr(end) == SealOf(line.substr(0, end));
}

}  // namespace qi8
