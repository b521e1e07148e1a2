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

// The files that the layout gives, without hashes: `output`, and where there is one its data file, which is
// called as it is, with ".data" behind it.
void AddOutputs(const Layout& layout, const std::filesystem::path& output, PlanReport& report);

}  // namespace qi8
