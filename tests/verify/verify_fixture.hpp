// A small model and what was made of it, in a folder, to be damaged and verified.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "models/audio_core.hpp"
#include "qi8/quantize.hpp"
#include "qi8/verify.hpp"
#include "support/model_builder.hpp"
#include "support/temp_folder.hpp"

namespace qi8::testing {

class VerifyFixture : public ::testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path source() const { return folder_ / "m.onnx"; }
  [[nodiscard]] std::filesystem::path written() const { return folder_ / "q.onnx"; }
  [[nodiscard]] std::filesystem::path written_data() const { return folder_ / "q.onnx.data"; }

  void QuantizeTiny(QuantizeOptions options = {}, Optimizer* optimizer = nullptr) {
    models::write_audio_core(source(), {});
    QuantizeSource(std::move(options), optimizer);
  }

  void QuantizeSource(QuantizeOptions options = {}, Optimizer* optimizer = nullptr) {
    options.input = source();
    options.output = written();
    options.replace_output = true;
    options.selection.allow_growth = true;  // some tests have tiny weights
    options.threads = 2;
    Observer observer;
    EXPECT_EQ(Quantize(options, observer, optimizer).outcome, Outcome::kDone);
  }

  [[nodiscard]] VerifyOptions Plain() const {
    return {.model = written(), .against = {}, .checksum_file = {}, .threads = 2};
  }

  // Against the source, and without the checksum file.
  [[nodiscard]] VerifyOptions Against() const {
    VerifyOptions options = Plain();
    options.against = source();
    options.use_checksums = false;
    return options;
  }

  [[nodiscard]] static VerifyReport Run(const VerifyOptions& options, Optimizer* optimizer = nullptr) {
    Observer observer;
    return Verify(options, observer, optimizer);
  }

  // The checks that do not hold.
  [[nodiscard]] static std::vector<std::string> Failing(const VerifyReport& report) {
    std::vector<std::string> names;
    for (const Check& check : report.checks) {
      if (check.outcome == CheckOutcome::kFails) names.push_back(check.name);
      EXPECT_EQ(check.outcome == CheckOutcome::kFails, check.problem_count > 0) << check.name;
    }
    EXPECT_EQ(names.empty(), report.holds());
    return names;
  }
  [[nodiscard]] static std::vector<std::string> Failing(const VerifyOptions& options) {
    return Failing(Run(options));
  }

  [[nodiscard]] static std::string ProblemOf(const VerifyReport& report, const std::string& check) {
    const auto found = std::ranges::find(report.checks, check, &Check::name);
    return found == report.checks.end() || found->problems.empty() ? "" : found->problems[0];
  }
  [[nodiscard]] static std::string ProblemOf(const VerifyOptions& options, const std::string& check) {
    return ProblemOf(Run(options), check);
  }

  // Changes the written model as protobuf sees it.
  void Change(const std::function<void(onnx::ModelProto&)>& change) {
    onnx::ModelProto model = ParseModel(written());
    change(model);
    WriteFile(written(), model.SerializeAsString());
  }

  static onnx::TensorProto& Find(onnx::ModelProto& model, const std::string& initializer) {
    for (auto& tensor : *model.mutable_graph()->mutable_initializer()) {
      if (tensor.name() == initializer) return tensor;
    }
    throw std::logic_error("no initializer " + initializer);
  }

  static onnx::NodeProto& FindNode(onnx::ModelProto& model, const std::string& op_type) {
    for (auto& node : *model.mutable_graph()->mutable_node()) {
      if (node.op_type() == op_type) return node;
    }
    throw std::logic_error("no node " + op_type);
  }

  TempFolder folder_;
};

}  // namespace qi8::testing
