// SHA-256 of bytes that arrive piece by piece.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace qi8 {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(std::span<const std::byte> bytes);

  // The digest of all bytes so far, 64 lower-case hexadecimal digits. Nothing may be added afterwards.
  [[nodiscard]] std::string FinishHex();

  [[nodiscard]] static std::string HexOf(std::string_view text);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// The version of the OpenSSL that computes.
[[nodiscard]] std::string OpenSslVersion();

}  // namespace qi8
