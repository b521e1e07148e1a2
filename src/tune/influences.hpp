// How much errors count at the outputs of the model, out of what was measured.
#pragma once

#include <span>

#include "compare/cases.hpp"
#include "rounding/influence.hpp"
#include "tune/measurements.hpp"

namespace qi8::tune {

// Of each unit with one member that was measured in a form with nearest codes; `cases` are those that it was
// measured with. Of several forms, the first counts: it is the coarsest.
[[nodiscard]] rounding::Influences InfluencesOf(const Measurements& nearest,
                                                std::span<const compare::InputSet> cases);

}  // namespace qi8::tune
