// ONNX Runtime behind one small interface. The library is loaded when asked for (dlopen), never linked: a
// program with this code runs without it. No ONNX Runtime header is needed to include this one.
//
// Every function here reports failure by throwing qi8::Error with ErrorKind::kFailure, unless it says
// otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/tensor.hpp"

namespace qi8::runtime {

// An input or output of a model as the model declares it.
struct ValueInfo {
  std::string name;
  DataType type = DataType::kUndefined;  // kUndefined unless it is a tensor
  std::vector<std::int64_t> shape;       // -1: dynamic; empty: a scalar, or nothing is known of the shape
  std::vector<std::string> dim_names;    // as long as shape; empty where a dimension has no symbolic name
  bool is_tensor = false;                // false: a sequence, map, optional or sparse tensor
};

struct SessionOptions {
  enum class Optimization { kNone, kBasic, kExtended, kAll };

  Optimization optimization = Optimization::kAll;
  int intra_threads = 0;  // threads inside one operator; 0: ONNX Runtime's choice
  // Threads without work stop waiting for it in a loop when a run ends: where several sessions run in turn,
  // none then takes the time of another.
  bool sleep_after_run = false;

  // The folder that the model's external data lies beneath; empty: that of the model. The model itself is
  // then in memory while it is loaded.
  std::string external_data_folder = {};

  // Where ONNX Runtime writes the model it made by optimizing; empty: nowhere.
  std::string optimized_model_path = {};
  // The name of the file, in the same folder, that gets the weights of that model; empty: they are inside the
  // model, which fails from 2 GiB on.
  std::string optimized_data_name = {};
};

// What is done with an output whose elements a Tensor cannot hold: text, sequences, maps.
enum class Unreadable {
  kFail,  // throws
  kSkip,  // its place in the result has a tensor of type kUndefined
};

// A model that is ready to run. It keeps the library loaded. A moved-from session may only be destroyed or
// assigned to.
class Session {
 public:
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // What a caller has to give, in this order: initializers are not inputs. Both orders are the model's.
  [[nodiscard]] const std::vector<ValueInfo>& inputs() const;
  [[nodiscard]] const std::vector<ValueInfo>& outputs() const;

  // Runs the model once: `inputs` in the order of inputs(), the result in that of outputs(). Several threads
  // may call this at a time. Errors: inputs whose number, type or shape is not what the model declares; any
  // input or output that is not a tensor or whose type a Tensor cannot hold; whatever ONNX Runtime reports.
  // `unreadable` says what becomes of such outputs instead.
  [[nodiscard]] std::vector<Tensor> Run(std::span<const Tensor> inputs,
                                        Unreadable unreadable = Unreadable::kFail) const;

  // The same run, of which only these outputs are wanted, by their places in outputs(); in that order.
  [[nodiscard]] std::vector<Tensor> RunFor(std::span<const std::size_t> wanted,
                                           std::span<const Tensor> inputs,
                                           Unreadable unreadable = Unreadable::kFail) const;

  // The same run for its time alone, that of ONNX Runtime's own call: outputs are made, and not copied.
  [[nodiscard]] std::chrono::nanoseconds TimeRun(std::span<const Tensor> inputs) const;

 private:
  friend class OnnxRuntime;
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The loaded library. Once loaded, its code stays in the process until that ends; all else is freed with the
// last OnnxRuntime and Session.
class OnnxRuntime {
 public:
  // Loads `library_path`, a file or a folder that it is in; if that is empty, the one that the environment
  // variable QI8_ONNXRUNTIME names; if that is unset or empty, the first that can be used of those beside the
  // program and in pip's packages (find_library.hpp) and of those that the loader finds by the names the
  // library is installed under. A named file that does not work is an error: no other is tried instead.
  // Errors: no library, not an ONNX Runtime, one older than the headers this was built with.
  [[nodiscard]] static std::shared_ptr<OnnxRuntime> Load(const std::string& library_path = "");

  OnnxRuntime(const OnnxRuntime&) = delete;
  OnnxRuntime& operator=(const OnnxRuntime&) = delete;
  ~OnnxRuntime();

  // The library's own, as "1.30.0".
  [[nodiscard]] const std::string& Version() const;

  // Reads a model, with its external data, and optimizes it. ONNX Runtime itself is silent: what it has
  // to say is in the error. Errors: an unreadable or invalid model, an operator or opset this ONNX Runtime
  // does not have, an optimized model that cannot be written. All name the model.
  [[nodiscard]] Session OpenSession(const std::string& model_path, const SessionOptions& options = {}) const;

 private:
  friend class Session;
  struct Impl;
  explicit OnnxRuntime(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace qi8::runtime
