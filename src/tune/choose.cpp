#include "tune/choose.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

namespace qi8::tune {
namespace {

constexpr double kRuined = 1e6;  // stands for noise without end, which would make sums useless
constexpr double kShareThatMayMiss = 0.1;

double Decibels(double noise) {
  return noise > 0 ? -10 * std::log10(noise) : std::numeric_limits<double>::infinity();
}

std::size_t CasesThatMayMiss(const Measurements& measured) {
  return static_cast<std::size_t>(kShareThatMayMiss * static_cast<double>(measured.cases.size()));
}

// The share of noise of an output in all cases together.
double PooledAt(const Measurements& measured, const std::vector<double>& noise, std::size_t output) {
  double power = 0;
  double signal = 0;
  for (std::size_t one = 0; one < measured.cases.size(); ++one) {
    const std::size_t at = measured.At(one, output);
    power += noise[at] * measured.signal[at];
    signal += measured.signal[at];
  }
  return signal > 0 ? power / signal : 0;
}

// The largest of them.
double Pooled(const Measurements& measured, const std::vector<double>& noise) {
  double worst = 0;
  for (std::size_t output = 0; output < measured.outputs.size(); ++output) {
    worst = std::max(worst, PooledAt(measured, noise, output));
  }
  return worst;
}

// The noise of each case at its worst output, as a share of that output; in rising order.
std::vector<double> WorstByCase(const Measurements& measured, const std::vector<double>& noise) {
  std::vector<double> worst;
  for (std::size_t one = 0; one < measured.cases.size(); ++one) {
    const auto first = noise.begin() + static_cast<std::ptrdiff_t>(measured.At(one, 0));
    worst.push_back(*std::max_element(first, first + static_cast<std::ptrdiff_t>(measured.outputs.size())));
  }
  std::ranges::sort(worst);
  return worst;
}

double NoiseOver(const Measurements& measured, const std::vector<double>& noise, Over over) {
  const double pooled = Pooled(measured, noise);
  if (over == Over::kSum) return pooled;
  const std::vector<double> worst = WorstByCase(measured, noise);
  const std::size_t left_out = over == Over::kMost ? CasesThatMayMiss(measured) : 0;
  return std::max(pooled, worst.at(worst.size() - 1 - left_out));
}

// What each choice costs the search, by unit and choice: seconds, where a byte more costs as much as
// `seconds_per_byte`. A choice of another form than the usual one, the form that is cheapest for all units
// together, must pay for itself: it costs more by as much as times of units alone can be trusted, and by a
// small share of the whole. Else plans would be full of exceptions that save next to nothing, others in each
// run.
class Costs {
 public:
  Costs(const Measurements& measured, double seconds_per_byte) : seconds_per_byte_(seconds_per_byte) {
    const std::string usual = UsualForm(measured);
    for (const UnitMeasure& unit : measured.units) {
      const auto of_usual = std::ranges::find(
          unit.choices, usual, [](const ChoiceMeasure& choice) { return choice.choice.written; });
      const double doubt = of_usual != unit.choices.end() ? of_usual->seconds_doubt : 0;
      std::vector<double>& costs = costs_.emplace_back();
      for (const ChoiceMeasure& choice : unit.choices) {
        const bool is_usual = choice.choice.written == usual || choice.choice.written == kOnlyForm;
        const double exception = std::max(kLeastGain * measured.fp32_seconds, doubt + choice.seconds_doubt);
        costs.push_back(Alone(choice) + (is_usual ? 0 : exception));
      }
    }
  }

  [[nodiscard]] double Of(std::size_t unit, std::size_t choice) const { return costs_[unit][choice]; }

 private:
  [[nodiscard]] double Alone(const ChoiceMeasure& choice) const {
    return choice.seconds + seconds_per_byte_ * static_cast<double>(choice.choice.bytes());
  }

  // The cheapest where all units have it that can, and the others what is cheapest of theirs.
  [[nodiscard]] std::string UsualForm(const Measurements& measured) const {
    std::map<std::string, double> more;  // than the cheapest choices cost, by form
    for (const UnitMeasure& unit : measured.units) {
      double least = std::numeric_limits<double>::infinity();
      for (const ChoiceMeasure& choice : unit.choices) {
        if (choice.is_measured) least = std::min(least, Alone(choice));
      }
      for (const ChoiceMeasure& choice : unit.choices) more[choice.choice.written] += Alone(choice) - least;
    }
    more.erase(kOnlyForm);
    const auto usual = std::ranges::min_element(more, {}, [](const auto& form) { return form.second; });
    return usual == more.end() ? "" : usual->first;
  }

  static constexpr double kLeastGain = 0.005;  // of an exception, as a share of the time of FP32

  double seconds_per_byte_;
  std::vector<std::vector<double>> costs_;
};

// A search for the cheapest choices.
class Search {
 public:
  Search(const Measurements& measured, double seconds_per_byte, Over over)
      : measured_(measured), costs_(measured, seconds_per_byte), over_(over) {}

  // The better of two ways: up from the cheapest choices and down from the finest.
  std::optional<Choices> Run(double most_noise) {
    most_ = most_noise;
    Begin([this](std::size_t unit, std::size_t a, std::size_t b) {
      return costs_.Of(unit, a) < costs_.Of(unit, b);
    });
    while (!Holds()) {
      if (!Improve()) return std::nullopt;
    }
    Cheapen([](double saved, double) { return saved; });
    Choices up = choices_;
    const double cost_of_up = TotalCost();
    Begin([this](std::size_t unit, std::size_t a, std::size_t b) {
      return Total(Of(unit)[a].noise) < Total(Of(unit)[b].noise);
    });
    if (!Holds()) return up;
    Cheapen([](double saved, double added) { return saved / (std::max(added, 0.0) + kLeastNoise); });
    Cheapen([](double saved, double) { return saved; });
    return TotalCost() < cost_of_up ? choices_ : up;
  }

 private:
  [[nodiscard]] const std::vector<ChoiceMeasure>& Of(std::size_t unit) const {
    return measured_.units[unit].choices;
  }
  [[nodiscard]] static double NoiseAt(const ChoiceMeasure& choice, std::size_t at) {
    return std::min(choice.noise[at], kRuined);
  }

  [[nodiscard]] static double Total(const std::vector<double>& noise) {
    double sum = 0;
    for (const double share : noise) sum += std::min(share, kRuined);
    return sum;
  }
  [[nodiscard]] double TotalCost() const {
    double sum = 0;
    for (std::size_t unit = 0; unit < choices_.size(); ++unit) sum += costs_.Of(unit, choices_[unit]);
    return sum;
  }

  // With the choice of each unit that comes first in that order.
  template <typename Less>
  void Begin(Less less) {
    choices_.assign(measured_.units.size(), 0);
    noise_.assign(measured_.signal.size(), 0);
    for (std::size_t unit = 0; unit < choices_.size(); ++unit) {
      for (std::size_t i = 0; i < Of(unit).size(); ++i) {
        const std::size_t chosen = choices_[unit];
        const bool is_first = !Of(unit)[chosen].is_measured;
        if (Of(unit)[i].is_measured && (is_first || less(unit, i, chosen))) choices_[unit] = i;
      }
      for (std::size_t at = 0; at < noise_.size(); ++at) noise_[at] += NoiseAt(Of(unit)[choices_[unit]], at);
    }
  }

  [[nodiscard]] bool Holds() const { return NoiseOver(measured_, noise_, over_) <= most_; }

  // How far the noise is above the target, over all outputs of all cases and of the cases together. Unlike
  // the largest of them, it falls with each step in the right direction.
  [[nodiscard]] double Excess(const std::vector<double>& noise) const {
    double excess = std::max(0.0, Pooled(measured_, noise) - most_) * static_cast<double>(noise.size());
    if (over_ == Over::kSum) return excess;
    for (const double share : noise) excess += std::max(0.0, share - most_);
    return excess;
  }

  [[nodiscard]] std::vector<double> NoiseWith(std::size_t unit, std::size_t choice) const {
    std::vector<double> noise = noise_;
    for (std::size_t at = 0; at < noise.size(); ++at) {
      noise[at] += NoiseAt(Of(unit)[choice], at) - NoiseAt(Of(unit)[choices_[unit]], at);
      noise[at] = std::max(noise[at], 0.0);  // of a difference of sums
    }
    return noise;
  }

  // Takes the step that gains most for its cost.
  bool Improve() {
    const double excess = Excess(noise_);
    double best = 0;
    std::pair<std::size_t, std::size_t> step;
    for (std::size_t unit = 0; unit < choices_.size(); ++unit) {
      for (std::size_t i = 0; i < Of(unit).size(); ++i) {
        if (i == choices_[unit] || !Of(unit)[i].is_measured) continue;
        const double gain = excess - Excess(NoiseWith(unit, i));
        if (gain <= 0) continue;
        const double cost = std::max(costs_.Of(unit, i) - costs_.Of(unit, choices_[unit]), 0.0);
        const double worth = gain / (cost + kLeastCost);
        if (worth > best) {
          best = worth;
          step = {unit, i};
        }
      }
    }
    if (best == 0) return false;
    Take(step.first, step.second);
    return true;
  }

  // Takes steps back with which the target still holds, first the one that is worth most by what it saves and
  // how much noise it adds, until none is left.
  template <typename Worth>
  void Cheapen(Worth worth) {
    while (true) {
      double best = 0;
      std::pair<std::size_t, std::size_t> step;
      for (std::size_t unit = 0; unit < choices_.size(); ++unit) {
        const ChoiceMeasure& chosen = Of(unit)[choices_[unit]];
        for (std::size_t i = 0; i < Of(unit).size(); ++i) {
          const ChoiceMeasure& choice = Of(unit)[i];
          const double saved = costs_.Of(unit, choices_[unit]) - costs_.Of(unit, i);
          if (!choice.is_measured || saved <= 0) continue;
          const double gain = worth(saved, Total(choice.noise) - Total(chosen.noise));
          if (gain <= best || NoiseOver(measured_, NoiseWith(unit, i), over_) > most_) continue;
          best = gain;
          step = {unit, i};
        }
      }
      if (best == 0) return;
      Take(step.first, step.second);
    }
  }

  void Take(std::size_t unit, std::size_t choice) {
    noise_ = NoiseWith(unit, choice);
    choices_[unit] = choice;
  }

  static constexpr double kLeastCost = 1e-9;  // seconds
  static constexpr double kLeastNoise = 1e-12;

  const Measurements& measured_;
  Costs costs_;
  Over over_;
  double most_ = 0;
  Choices choices_;
  std::vector<double> noise_;
};

std::uint64_t BytesOf(const Measurements& measured, const Choices& choices) {
  return Predict(measured, choices, Over::kSum).bytes;
}

std::size_t PlaceOfFloat32(const UnitMeasure& unit) { return unit.choices.size() - 1; }

}  // namespace

double SqnrOver(const Measurements& measured, const std::vector<double>& noise, Over over) {
  return Decibels(NoiseOver(measured, noise, over));
}

std::vector<double> SqnrByOutput(const Measurements& measured, const std::vector<double>& noise) {
  std::vector<double> by_output;
  for (std::size_t output = 0; output < measured.outputs.size(); ++output) {
    by_output.push_back(Decibels(PooledAt(measured, noise, output)));
  }
  return by_output;
}

namespace {

// Adds the powers of what was chosen.
void AddNoise(const Measurements& measured, const Choices& choices, std::vector<double>& noise) {
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const ChoiceMeasure& chosen = measured.units[i].choices.at(choices[i]);
    for (std::size_t at = 0; at < noise.size(); ++at) noise[at] += std::min(chosen.noise[at], kRuined);
  }
}

// The power of the sum of the errors, or, where there is no sum, the sum of the powers.
std::vector<double> NoiseTogether(const Measurements& measured, const Choices& choices) {
  std::vector<double> noise(measured.signal.size());
  std::vector<double> error(measured.signal.size() * measured.sketch_size);
  bool has_errors = measured.sketch_size > 0;
  AddNoise(measured, choices, noise);
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const ChoiceMeasure& chosen = measured.units[i].choices.at(choices[i]);
    has_errors =
        has_errors && std::ranges::all_of(chosen.noise, [](double one) { return std::isfinite(one); });
    for (std::size_t at = 0; at < chosen.error.size(); ++at) error[at] += chosen.error[at];
  }
  if (!has_errors) return noise;
  for (std::size_t at = 0; at < noise.size(); ++at) {
    noise[at] = 0;
    for (std::size_t i = at * measured.sketch_size; i < (at + 1) * measured.sketch_size; ++i) {
      noise[at] += error[i] * error[i];
    }
  }
  return noise;
}

}  // namespace

Prediction Predict(const Measurements& measured, const Choices& choices, Over over) {
  Prediction prediction{
      .sqnr_db = 0, .overall_db = 0, .seconds = measured.fp32_seconds, .bytes = measured.fp32_bytes};
  std::map<TensorId, std::uint64_t> replaced;
  std::set<std::pair<TensorId, std::uint64_t>> stored;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const UnitMeasure& unit = measured.units[i];
    const ChoiceMeasure& chosen = unit.choices.at(choices[i]);
    const ChoiceMeasure& exact = unit.choices.at(PlaceOfFloat32(unit));
    prediction.seconds += chosen.seconds - exact.seconds;
    for (const auto& [tensor, bytes] : exact.choice.stored) replaced[tensor] = bytes;
    for (const auto& [tensor, bytes] : chosen.choice.stored) stored.emplace(tensor, bytes);
  }
  for (const auto& [tensor, bytes] : stored) prediction.bytes += bytes;
  for (const auto& [tensor, bytes] : replaced) prediction.bytes -= std::min(prediction.bytes, bytes);
  // Units that are measured alone cost more than within a model, a call of the runtime at least.
  constexpr double kLeastShare = 0.02;
  prediction.seconds = std::max(prediction.seconds, kLeastShare * measured.fp32_seconds);
  const std::vector<double> noise = NoiseTogether(measured, choices);
  prediction.sqnr_db = SqnrOver(measured, noise, over);
  prediction.overall_db = SqnrOver(measured, noise, Over::kSum);
  return prediction;
}

namespace {

std::optional<Choices> FastestBySums(const Measurements& measured, double sqnr_db,
                                     std::optional<std::uint64_t> max_bytes, Over over) {
  const double most_noise = std::pow(10.0, -sqnr_db / 10);
  const auto at_price = [&](double seconds_per_byte) {
    return Search(measured, seconds_per_byte, over).Run(most_noise);
  };
  std::optional<Choices> free_of_charge = at_price(0);
  const auto fits = [&](const std::optional<Choices>& choices) {
    return choices && (!max_bytes || BytesOf(measured, *choices) <= *max_bytes);
  };
  if (!free_of_charge || fits(free_of_charge)) return free_of_charge;
  // The least price of a byte, in seconds, at which the choices fit: between one that moves nothing and one
  // that nothing outweighs.
  const double usual =
      std::max(measured.fp32_seconds, 1e-9) / std::max(static_cast<double>(measured.fp32_bytes), 1.0);
  double low = 1e-4 * usual;
  double high = 1e4 * usual;
  constexpr int kRounds = 14;
  std::optional<Choices> found = at_price(high);
  if (!fits(found)) return std::nullopt;
  for (int i = 0; i < kRounds; ++i) {
    const double price = std::sqrt(low * high);
    std::optional<Choices> choices = at_price(price);
    if (fits(choices)) {
      high = price;
      found = std::move(choices);
    } else {
      low = price;
    }
  }
  return found;
}

}  // namespace

// The search goes by sums of powers, which are quick. How far these are from the power of the sum of errors
// is much the same for choices that are much the same, so a few rounds settle it.
std::optional<Choices> Fastest(const Measurements& measured, double sqnr_db,
                               std::optional<std::uint64_t> max_bytes, Over over) {
  constexpr int kRounds = 8;
  constexpr double kNearEnough = 0.1;  // decibels
  double target = sqnr_db;
  double step = -1;  // what the target was last moved by
  std::optional<Choices> best;
  std::optional<Choices> last;
  double best_seconds = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::optional<Choices> choices = FastestBySums(measured, target, max_bytes, over);
    if (!choices) {  // too far, or the sum is too pessimistic
      step = step > 0 ? -step / 2 : step;
      target += step;
      continue;
    }
    const Prediction predicted = Predict(measured, *choices, over);
    const double above = predicted.sqnr_db - sqnr_db;
    if (above >= 0 && (!best || predicted.seconds < best_seconds)) {
      best = choices;
      best_seconds = predicted.seconds;
    }
    if (!std::isfinite(above) || (above >= 0 && above < kNearEnough)) break;
    // Where the same is found again, only a longer step leads on.
    step = choices == last ? 2 * step : -above;
    target += step;
    last = choices;
  }
  return best;
}

std::vector<Point> Frontier(const Measurements& measured, std::optional<std::uint64_t> max_bytes, Over over) {
  constexpr double kStep = 0.5;  // decibels
  constexpr double kLowest = 0;
  constexpr double kHighest = 80;
  std::vector<Point> points;
  for (double target = kLowest; target <= kHighest; target += kStep) {
    const std::optional<Choices> choices = FastestBySums(measured, target, max_bytes, over);
    if (!choices) break;
    // Until what these reach, the same would be found again.
    std::vector<double> noise(measured.signal.size());
    AddNoise(measured, *choices, noise);
    target = std::max(target, SqnrOver(measured, noise, over));
    if (!points.empty() && points.back().choices == *choices) continue;
    Point point{*choices, Predict(measured, *choices, over)};
    // The search proves nothing: a plan that a later one beats is removed.
    while (!points.empty() && points.back().predicted.seconds >= point.predicted.seconds &&
           points.back().predicted.sqnr_db <= point.predicted.sqnr_db) {
      points.pop_back();
    }
    if (!points.empty() && point.predicted.sqnr_db <= points.back().predicted.sqnr_db) continue;
    points.push_back(std::move(point));
  }
  return points;
}

const Point& Knee(const std::vector<Point>& frontier) {
  std::size_t last = frontier.size() - 1;
  while (last > 0 && std::isinf(frontier[last].predicted.sqnr_db)) --last;
  const Prediction& from = frontier.front().predicted;
  const Prediction& to = frontier[last].predicted;
  std::size_t knee = 0;
  double farthest = 0;
  for (std::size_t i = 0; i <= last; ++i) {
    const Prediction& point = frontier[i].predicted;
    const double gained = (point.sqnr_db - from.sqnr_db) / std::max(to.sqnr_db - from.sqnr_db, 1e-9);
    const double paid = (point.seconds - from.seconds) / std::max(to.seconds - from.seconds, 1e-12);
    if (gained - paid > farthest) {
      farthest = gained - paid;
      knee = i;
    }
  }
  return frontier[knee];
}

std::optional<Choices> Choose(const Measurements& measured, const Target& target) {
  if (target.min_sqnr_db) {
    std::optional<Choices> choices = Fastest(measured, *target.min_sqnr_db, target.max_bytes, target.over);
    if (!choices || !target.max_seconds) return choices;
    return Predict(measured, *choices, target.over).seconds <= *target.max_seconds ? choices : std::nullopt;
  }
  const std::vector<Point> frontier = Frontier(measured, target.max_bytes, target.over);
  if (frontier.empty()) return std::nullopt;
  if (!target.max_seconds) {
    return target.max_bytes ? frontier.back().choices : Knee(frontier).choices;
  }
  std::optional<Choices> best;
  for (const Point& point : frontier) {
    if (point.predicted.seconds <= *target.max_seconds) best = point.choices;
  }
  return best;
}

}  // namespace qi8::tune
