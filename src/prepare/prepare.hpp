// From a model and what is asked for to all that is written of it, before a weight is read: what a run
// executes, what a dry run and inspect show, and what verify compares with.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "exec/unstorable.hpp"
#include "model/model.hpp"
#include "origin/origin.hpp"
#include "plan/layout.hpp"
#include "plan/plan.hpp"
#include "qi8/report.hpp"

namespace qi8 {

struct PreparedModel {
  Model model;  // rewritten; its nodes(), values() and graphs() are gone
  Plan plan;
  PlanReport report;  // without outputs, whose names are the caller's
  Layout layout;
};

// Plans `model` by the selection in origin.options, rewrites it and lays it out with the record of `origin`
// in its metadata. Hashes of the source need not be known yet, but there must be as many as there will be
// (UnknownHashes): the layout depends on their length alone. Tensors of `kept` stay as they are. The data
// file, where there is one, will be called `data_location`, beside the model. Matrices that are another one
// transposed are looked for, which reads a few numbers of each and those that are whole. Throws Error as
// MakePlan and LayOut do.
[[nodiscard]] PreparedModel Prepare(Model model, const Origin& origin, const std::string& data_location,
                                    const std::set<TensorId>& kept = {},
                                    const std::function<bool()>& should_stop = {});

// The weights that the selection takes and that have a NaN or an infinity, which no code stands for. Reads
// the weights, in memory of a tile.
[[nodiscard]] UnstorableElements FindUnstorable(const Model& model, const Selection& selection,
                                                const std::function<bool()>& should_stop);

}  // namespace qi8
