// ConvTranspose with a constant weight [C, M/group, k..]: it has no form in integers.

#include "rules/rule.hpp"

namespace qi8 {

extern const Rule kRuleOfConvTranspose = {
    .op_type = "ConvTranspose",
    .stored = StoredForm{.inputs = {1}, .input_count = 1, .scaled_dims = 1},
};

}  // namespace qi8
