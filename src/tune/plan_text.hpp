// A tuning as text: the plan that the main command reads, and what people are shown.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "tune/tune.hpp"

namespace qi8::tune {

// The form of each member of each unit by the name of its node: Selection::node_forms.
[[nodiscard]] std::map<std::string, Form> NodeFormsOf(const Measurements& measured, const Choices& choices);

// "30.1 dB", "no noise"
[[nodiscard]] std::string FormatSqnr(double decibels);
// "1.44 times"
[[nodiscard]] std::string FormatTimes(double factor);

// What every plan begins with.
inline constexpr std::string_view kPlanMark = "# A form for each node of ";

// A configuration file (TOML) for the main command: a form for each node, by falling share of the noise.
[[nodiscard]] std::string PlanText(const TuneOptions& options, const Tuning& tuning);

// The frontier and the plan as tables for a terminal.
[[nodiscard]] std::string TuningText(const TuneOptions& options, const Tuning& tuning);

// All that was measured, as JSON.
[[nodiscard]] std::string TuningJson(const TuneOptions& options, const Tuning& tuning);

}  // namespace qi8::tune
