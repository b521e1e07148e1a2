// A Plan as a caller sees it.
#pragma once

#include <filesystem>

#include "plan/layout.hpp"
#include "plan/plan.hpp"
#include "qi8/report.hpp"

namespace qi8 {

// The files of the model, without hashes.
[[nodiscard]] std::vector<FileReport> InputsOf(const Model& model);

// Before Model::Apply. Inputs without hashes, no outputs.
[[nodiscard]] PlanReport ReportOf(const Model& model, const Plan& plan);

// Adds the files that the layout makes: the model and, where it has one, its data file.
void AddOutputs(const Layout& layout, const std::filesystem::path& model, const std::filesystem::path& data,
                PlanReport& report);

}  // namespace qi8
