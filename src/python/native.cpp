// The module quantize_int8._native: the library's options as they are, and its calls, which answer with the
// JSON that the command prints. Python's side (quantize_int8/) has the names and types that people use.
#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <sys/resource.h>

#include <cstring>

#include "compare/compare.hpp"
#include "compare/report.hpp"
#include "compare/verdict.hpp"
#include "inspect/inspect_text.hpp"
#include "io/file_system.hpp"
#include "plan/report_text.hpp"
#include "python/watch.hpp"
#include "qi8/inspect.hpp"
#include "qi8/quantize.hpp"
#include "qi8/verify.hpp"
#include "rules/rule.hpp"
#include "runtime/model_optimizer.hpp"
#include "tune/plan_text.hpp"
#include "tune/tune.hpp"
#include "verify/verify_text.hpp"

namespace nb = nanobind;

namespace qi8::python {
namespace {

// As the package's own exception, which has the kind beside the message.
void Translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    // What a path brings into a message need not be UTF-8.
    const nb::object message = nb::steal(
        PyUnicode_DecodeUTF8(error.what(), static_cast<Py_ssize_t>(std::strlen(error.what())), "replace"));
    const nb::object made =
        nb::module_::import_("quantize_int8._errors").attr("from_library")(message, NameOf(error.kind()));
    PyErr_SetObject(made.type().ptr(), made.ptr());
  }
}

// A model may keep each tensor in a file of its own, and each stays open while it is read. The command does
// the same for itself.
void AllowManyFiles() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Form FormNamed(const std::string& name) {
  if (const auto form = ParseForm(name)) return *form;
  std::string names;
  for (const std::string& known : FormNames()) names += (names.empty() ? "" : ", ") + known;
  throw Error(ErrorKind::kUsage, "'" + name + "' is not a form; forms are " + names);
}

std::string RunQuantize(const QuantizeOptions& options, const std::string& onnxruntime,
                        const nb::callable& listener) {
  return RunWatched(listener, [&](Observer& observer) {
    runtime::ModelOptimizer optimizer(onnxruntime);
    return RunJson(Quantize(options, observer, &optimizer));
  });
}

std::string RunInspect(const InspectOptions& options, const nb::callable& listener) {
  return RunWatched(listener, [&](Observer& observer) { return InspectJson(Inspect(options, observer)); });
}

std::string RunVerify(const VerifyOptions& options, const std::string& onnxruntime,
                      const nb::callable& listener) {
  return RunWatched(listener, [&](Observer& observer) {
    runtime::ModelOptimizer optimizer(onnxruntime);
    return VerifyJson(Verify(options, observer, &optimizer));
  });
}

std::string RunCompare(const compare::CompareOptions& options, const nb::callable& listener) {
  return RunWatched(listener, [&](Observer& observer) {
    const auto files = MakePosixFileSystem(options.links);
    const compare::Comparison comparison = compare::Compare(*files, options, observer);
    return compare::ReportJson(options, comparison, compare::Judge(comparison, options.limits));
  });
}

struct TuneResult {
  std::string json;
  std::string plan;                          // TOML
  std::map<std::string, std::string> forms;  // by node
};

TuneResult RunTune(const tune::TuneOptions& options, const nb::callable& listener) {
  return RunWatched(listener, [&](Observer& observer) {
    const auto files = MakePosixFileSystem(options.links);
    const tune::Tuning tuning = tune::Tune(*files, options, observer);
    TuneResult result{tune::TuningJson(options, tuning), tune::PlanText(options, tuning), {}};
    for (const auto& [node, form] : tuning.node_forms) result.forms[node] = qi8::NameOf(form);
    return result;
  });
}

void BindEnumerations(nb::module_& module) {
  nb::enum_<LinkPolicy>(module, "LinkPolicy")
      .value("SAFE", LinkPolicy::kSafe)
      .value("FOLLOW", LinkPolicy::kFollow);
  nb::enum_<WeightType>(module, "WeightType")
      .value("INT8", WeightType::kInt8)
      .value("UINT8", WeightType::kUint8);
  nb::enum_<Granularity>(module, "Granularity")
      .value("CHANNEL", Granularity::kChannel)
      .value("TENSOR", Granularity::kTensor);
  nb::enum_<ExternalData>(module, "ExternalData")
      .value("ALWAYS", ExternalData::kAlways)
      .value("AUTO", ExternalData::kAuto)
      .value("NEVER", ExternalData::kNever);
  nb::enum_<Optimization>(module, "Optimization")
      .value("NONE", Optimization::kOff)
      .value("BASIC", Optimization::kBasic)
      .value("EXTENDED", Optimization::kExtended);
  nb::enum_<tune::Over>(module, "Over")
      .value("MOST", tune::Over::kMost)
      .value("SUM", tune::Over::kSum)
      .value("WORST", tune::Over::kWorst);
}

void BindSelection(nb::module_& module) {
  nb::class_<Selection>(module, "Selection")
      .def(nb::init<>())
      .def_rw("ops", &Selection::ops)
      .def_rw("store_int8", &Selection::store_int8)
      .def_rw("include", &Selection::include)
      .def_rw("exclude", &Selection::exclude)
      .def_rw("min_elements", &Selection::min_elements)
      .def_rw("granularity", &Selection::granularity)
      .def_rw("matmul_const_b_only", &Selection::matmul_const_b_only)
      .def_rw("subgraphs", &Selection::subgraphs)
      .def_rw("override_inputs", &Selection::override_inputs)
      .def_rw("allow_growth", &Selection::allow_growth)
      .def_prop_rw(
          "weight_type", [](const Selection& self) { return self.scheme.type; },
          [](Selection& self, WeightType type) { self.scheme.type = type; })
      .def_prop_rw(
          "symmetric", [](const Selection& self) { return self.scheme.symmetric; },
          [](Selection& self, bool symmetric) { self.scheme.symmetric = symmetric; })
      .def_prop_rw(
          "reduce_range", [](const Selection& self) { return self.scheme.reduce_range; },
          [](Selection& self, bool reduce) { self.scheme.reduce_range = reduce; })
      .def("set_target",
           [](Selection& self, unsigned major, unsigned minor) {
             self.target = {major, minor};
           })
      // A form for all products (no pattern), or for nodes that a pattern matches; the last counts.
      .def("add_form",
           [](Selection& self, const std::string& form, const std::optional<std::string>& pattern) {
             if (!pattern) self.forms.clear();
             self.forms.push_back({FormNamed(form), pattern});
           })
      .def("set_node_form", [](Selection& self, const std::string& node, const std::string& form) {
        self.node_forms[node] = FormNamed(form);
      });
}

void BindQuantize(nb::module_& module) {
  nb::class_<QuantizeOptions>(module, "QuantizeOptions")
      .def(nb::init<>())
      .def_rw("input", &QuantizeOptions::input)
      .def_rw("output", &QuantizeOptions::output)
      .def_rw("links", &QuantizeOptions::links)
      .def_rw("selection", &QuantizeOptions::selection)
      .def_rw("optimize", &QuantizeOptions::optimize)
      .def_rw("external_data", &QuantizeOptions::external_data)
      .def_rw("replace_output", &QuantizeOptions::replace_output)
      .def_rw("keep_non_finite", &QuantizeOptions::keep_non_finite)
      .def_rw("dry_run", &QuantizeOptions::dry_run)
      .def_rw("allow_empty", &QuantizeOptions::allow_empty)
      .def_rw("expected_input", &QuantizeOptions::expected_input, nb::arg().none())
      .def_rw("hash_inputs", &QuantizeOptions::hash_inputs)
      .def_rw("data_file", &QuantizeOptions::data_file, nb::arg().none())
      .def_rw("checksum_file", &QuantizeOptions::checksum_file, nb::arg().none())
      .def_rw("audit_log", &QuantizeOptions::audit_log, nb::arg().none())
      .def_rw("isa", &QuantizeOptions::isa)
      .def_rw("threads", &QuantizeOptions::threads)
      .def_rw("memory_budget", &QuantizeOptions::memory_budget);
  module.def("quantize", &RunQuantize);
}

void BindInspect(nb::module_& module) {
  nb::class_<InspectOptions>(module, "InspectOptions")
      .def(nb::init<>())
      .def_rw("model", &InspectOptions::model)
      .def_rw("links", &InspectOptions::links)
      .def_rw("selection", &InspectOptions::selection)
      .def_rw("external_data", &InspectOptions::external_data)
      .def_rw("keep_non_finite", &InspectOptions::keep_non_finite)
      .def_rw("read_weights", &InspectOptions::read_weights);
  module.def("inspect", &RunInspect);
}

void BindVerify(nb::module_& module) {
  nb::class_<VerifyOptions>(module, "VerifyOptions")
      .def(nb::init<>())
      .def_rw("model", &VerifyOptions::model)
      .def_rw("against", &VerifyOptions::against, nb::arg().none())
      .def_rw("use_checksums", &VerifyOptions::use_checksums)
      .def_rw("checksum_file", &VerifyOptions::checksum_file, nb::arg().none())
      .def_rw("links", &VerifyOptions::links)
      .def_rw("isa", &VerifyOptions::isa)
      .def_rw("threads", &VerifyOptions::threads)
      .def_rw("memory_budget", &VerifyOptions::memory_budget);
  module.def("verify", &RunVerify);
}

// What compare and tune share: what models are run with, and on what.
template <typename Options>
void BindRunOptions(nb::class_<Options>& type) {
  type.def(nb::init<>())
      .def_rw("inputs", &Options::inputs)
      .def_rw("most_sets", &Options::most_sets, nb::arg().none())
      .def_rw("dims", &Options::dims)
      .def_rw("seed", &Options::seed)
      .def_rw("mask", &Options::mask, nb::arg().none())
      .def_rw("links", &Options::links)
      .def_rw("threads", &Options::threads)
      .def_rw("timeout_seconds", &Options::timeout_seconds)
      .def_rw("onnxruntime", &Options::onnxruntime)
      .def_rw("worker", &Options::worker)
      .def("set_lengths",
           [](Options& self, std::vector<std::string> dimensions, std::vector<std::int64_t> values) {
             self.lengths = {std::move(dimensions), std::move(values)};
           })
      .def("set_values", [](Options& self, const std::string& input, double low, double high) {
        self.values[input] = {low, high};
      });
}

void BindCompare(nb::module_& module) {
  nb::class_<compare::Limits>(module, "Limits")
      .def(nb::init<>())
      .def_rw("min_sqnr_db", &compare::Limits::min_sqnr_db, nb::arg().none())
      .def_rw("min_cosine", &compare::Limits::min_cosine, nb::arg().none())
      .def_rw("min_top1", &compare::Limits::min_top1, nb::arg().none())
      .def_rw("max_latency_p50", &compare::Limits::max_latency_p50, nb::arg().none())
      .def_rw("min_speedup", &compare::Limits::min_speedup, nb::arg().none())
      .def_rw("max_rss", &compare::Limits::max_rss, nb::arg().none())
      .def_rw("max_size_ratio", &compare::Limits::max_size_ratio, nb::arg().none());
  auto options = nb::class_<compare::CompareOptions>(module, "CompareOptions");
  BindRunOptions(options);
  options.def_rw("fp32", &compare::CompareOptions::fp32)
      .def_rw("int8", &compare::CompareOptions::int8)
      .def_rw("runs", &compare::CompareOptions::runs)
      .def_rw("warmup", &compare::CompareOptions::warmup)
      .def_rw("loads", &compare::CompareOptions::loads)
      .def_rw("limits", &compare::CompareOptions::limits);
  module.def("compare", &RunCompare);
}

void BindTune(nb::module_& module) {
  nb::class_<tune::Goals>(module, "Goals")
      .def(nb::init<>())
      .def_rw("min_sqnr_db", &tune::Goals::min_sqnr_db, nb::arg().none())
      .def_rw("min_speedup", &tune::Goals::min_speedup, nb::arg().none())
      .def_rw("max_latency", &tune::Goals::max_latency, nb::arg().none())
      .def_rw("max_size", &tune::Goals::max_size, nb::arg().none())
      .def_rw("over", &tune::Goals::over);
  auto options = nb::class_<tune::TuneOptions>(module, "TuneOptions");
  BindRunOptions(options);
  options.def_rw("model", &tune::TuneOptions::model)
      .def_rw("goals", &tune::TuneOptions::goals)
      .def_prop_rw(
          "weight_type", [](const tune::TuneOptions& self) { return self.selection.scheme.type; },
          [](tune::TuneOptions& self, WeightType type) { self.selection.scheme.type = type; })
      .def("set_forms", [](tune::TuneOptions& self, const std::vector<std::string>& names) {
        self.forms.clear();
        for (const std::string& name : names) self.forms.push_back(FormNamed(name));
      });
  nb::class_<TuneResult>(module, "TuneResult")
      .def_ro("json", &TuneResult::json)
      .def_ro("plan", &TuneResult::plan)
      .def_ro("forms", &TuneResult::forms);
  module.def("tune", &RunTune);
}

}  // namespace

NB_MODULE(_native, module) {
  nb::register_exception_translator(Translate);
  AllowManyFiles();
  BindEnumerations(module);
  BindSelection(module);
  BindQuantize(module);
  BindInspect(module);
  BindVerify(module);
  BindCompare(module);
  BindTune(module);
  module.def("version", &Version);
  module.def("computed_operators", &ComputedOperators);
  module.def("storable_operators", &StorableOperators);
}

}  // namespace qi8::python
