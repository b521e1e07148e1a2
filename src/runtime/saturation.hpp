// Which processors get products of bytes wrong.
//
// ONNX Runtime multiplies uint8 by int8 with an instruction that adds two products in 16 bits (VPMADDUBSW)
// where an x86 processor has no better one: AVX512-VNNI or AVX-VNNI, which add in 32 bits. 255 * 127 twice is
// more than 16 bits hold, so the sum saturates, and the result is wrong without a word. With uint8 by uint8
// it is exact on every processor.
#pragma once

#include <istream>

namespace qi8::runtime {

// Whether they saturate on a processor of which Linux says this in /proc/cpuinfo.
[[nodiscard]] bool ProductsSaturate(std::istream& cpuinfo);

// On this one.
[[nodiscard]] bool ProductsSaturateHere();

}  // namespace qi8::runtime
