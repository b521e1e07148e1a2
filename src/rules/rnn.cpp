// RNN with constant weights [directions, hidden, inputs] and [directions, hidden, hidden]: it has no form in
// integers. Each pair of direction and hidden unit has a scale of its own.

#include "rules/rule.hpp"

namespace qi8 {

extern const Rule kRuleOfRNN = {
    .op_type = "RNN",
    .stored = StoredForm{.inputs = {1, 2}, .input_count = 2, .scaled_dims = 2},
};

}  // namespace qi8
