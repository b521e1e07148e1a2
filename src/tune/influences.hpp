// How much errors count at the outputs of the model, out of what was measured.
#pragma once

#include <span>
#include <vector>

#include "compare/cases.hpp"
#include "rounding/influence.hpp"
#include "tune/measurements.hpp"

namespace qi8::tune {

// The power of the noise of a choice at each output, over all cases.
[[nodiscard]] std::vector<double> NoiseByOutput(const Measurements& measured, const ChoiceMeasure& choice);

// The same of all units together, each in its first form. Units that leave an output that is not a number do
// not count.
[[nodiscard]] std::vector<double> NoiseOfAll(const Measurements& measured);

// Of each unit with one member that was measured in a form with nearest codes; `cases` are those that it was
// measured with. Of several forms, the first counts: it is the coarsest.
[[nodiscard]] rounding::Influences InfluencesOf(const Measurements& nearest,
                                                std::span<const compare::InputSet> cases);

}  // namespace qi8::tune
