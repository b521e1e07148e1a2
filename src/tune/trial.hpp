// Learned rounding on trial: whether the outputs of the model are nearer to those of FP32 with it, product by
// product, in the forms that the products are to have. That a product by itself is more exact does not say
// so: behind a spectrum, what counts is the quiet part of it.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "prepare/learnable.hpp"
#include "prepare/rounder.hpp"
#include "rounding/split.hpp"
#include "tune/measurer.hpp"

namespace qi8::tune {

// A node that uses a learned weight, in a form.
struct LearnedUse {
  NodeId node = kNone;
  Form form;
  std::size_t weight = 0;
};

// The weights whose rounding is learned, each once, and who uses them.
struct LearnedWeights {
  std::vector<Learnable> weights;
  std::vector<LearnedUse> uses;

  // Adds the weights that nodes use when they have `forms`, by NodeId.
  void Add(const Model& model, const Selection& selection, const std::vector<Form>& forms,
           const std::set<TensorId>& non_finite);
};

// What is measured of units, with nearest codes and with learned ones.
struct Trial {
  const Measurements& nearest;
  Measurements& learned;
};

// Takes back the codes of each weight that do not bring an output nearer to FP32's by more than chance does,
// or take one further away, in any form of any of its users, all users together: in `rounded`, and in
// trial.learned, which then has what the nearest ones gave. `model` is the one that the weights are of.
void TakeBack(const Model& model, const LearnedWeights& learned, const Trial& trial, Rounded& rounded);

}  // namespace qi8::tune
