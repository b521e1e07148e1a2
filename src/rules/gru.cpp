// GRU with constant weights [directions, 3 * hidden, inputs] and [directions, 3 * hidden, hidden]: it has no
// form in integers. Each pair of direction and gate has a scale of its own.

#include "rules/rule.hpp"

namespace qi8 {

extern const Rule kRuleOfGRU = {
    .op_type = "GRU",
    .stored = StoredForm{.inputs = {1, 2}, .input_count = 2, .scaled_dims = 2},
};

}  // namespace qi8
