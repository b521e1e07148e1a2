// Made-up signals, images and features. White noise alone says too little of an INT8 model: its spectrum is
// flat, where those of sound, speech and pictures span many powers of ten, and it is such a span that one
// scale for a whole activation cannot hold. So there are several probes, and most have a spectrum as nature
// has it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "compare/random.hpp"

namespace qi8::compare {

enum class Probe {
  kWhiteNoise,  // normally distributed, variance 1
  kPinkNoise,   // 1/f: as much power in each octave, over one axis or two
  kGatedNoise,  // the same, silent for a part of the longest axis
  kTone,        // one sine
  kPulses,      // decaying oscillations at a steady rate, under an envelope that comes and goes
};

// "1/f noise"
[[nodiscard]] std::string_view ProbeName(Probe probe);

// The probes that suit a tensor of this shape. Its long axes count: those of 8 elements or more, axis 0 not
// among them where there are others, as that is a batch. One long axis: a signal, for which all are. Two or
// more, an image or features: noise of all kinds. None: white noise.
[[nodiscard]] std::vector<Probe> ProbesFor(std::span<const std::int64_t> shape);

// The elements of such a tensor, in row-major order. What is over one axis or two is so over the longest
// ones; along others it differs by chance. White noise has variance 1. Of the others, signals have a largest
// magnitude of 1, as sound has, and what has two long axes a variance of 1, as images and features have once
// they are normalized.
[[nodiscard]] std::vector<double> MakeProbe(Probe probe, std::span<const std::int64_t> shape, Random& random);

// The same between two values: white noise uniformly, others so that they just reach one of them and have
// their zero halfway between.
[[nodiscard]] std::vector<double> MakeProbe(Probe probe, std::span<const std::int64_t> shape, Random& random,
                                            double low, double high);

}  // namespace qi8::compare
