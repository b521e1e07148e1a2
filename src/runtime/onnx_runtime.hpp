// ONNX Runtime behind one small interface. The library is loaded when asked for (dlopen), never linked: a
// program with this code runs without it. No ONNX Runtime header is needed to include this one.
//
// Every function here reports failure by throwing qi8::Error with ErrorKind::kFailure, unless it says
// otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/data_type.hpp"

namespace qi8::runtime {

namespace internal {

// Throws: elements of `type` are not to be had as a C++ type of `bytes` bytes.
[[noreturn]] void FailHeldType(DataType type, std::size_t bytes);

// Whether elements of `type` can be read and written as T. 16-bit floats go by their bits, as std::uint16_t,
// and bool as std::uint8_t: a byte from elsewhere may be neither 0 nor 1.
template <class T>
constexpr bool IsHeldAs(DataType type) {
  switch (type) {
    case DataType::kFloat:
      return std::is_same_v<T, float>;
    case DataType::kDouble:
      return std::is_same_v<T, double>;
    case DataType::kUint8:
    case DataType::kBool:
      return std::is_same_v<T, std::uint8_t>;
    case DataType::kInt8:
      return std::is_same_v<T, std::int8_t>;
    case DataType::kUint16:
    case DataType::kFloat16:
    case DataType::kBfloat16:
      return std::is_same_v<T, std::uint16_t>;
    case DataType::kInt16:
      return std::is_same_v<T, std::int16_t>;
    case DataType::kUint32:
      return std::is_same_v<T, std::uint32_t>;
    case DataType::kInt32:
      return std::is_same_v<T, std::int32_t>;
    case DataType::kUint64:
      return std::is_same_v<T, std::uint64_t>;
    case DataType::kInt64:
      return std::is_same_v<T, std::int64_t>;
    default:
      return false;
  }
}

}  // namespace internal

// A dense tensor: row-major elements in the machine's byte order.
struct Tensor {
  DataType type = DataType::kUndefined;
  std::vector<std::int64_t> shape;  // empty: a scalar
  std::vector<std::byte> data;      // product of shape x the type's size

  // The elements. T must be the C++ type of `type`; std::uint16_t for float16 and bfloat16, std::uint8_t for
  // bool.
  template <class T>
  [[nodiscard]] std::span<const T> As() const {
    if (!internal::IsHeldAs<T>(type)) {
      internal::FailHeldType(type, sizeof(T));
    }
    return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
  }

  // A tensor with a copy of `values`. Whether their number fits the shape is checked where the tensor is
  // used.
  template <class T>
  [[nodiscard]] static Tensor Of(DataType type, std::vector<std::int64_t> shape, std::span<const T> values) {
    if (!internal::IsHeldAs<T>(type)) {
      internal::FailHeldType(type, sizeof(T));
    }
    Tensor tensor{type, std::move(shape), std::vector<std::byte>(values.size_bytes())};
    if (!values.empty()) {
      std::memcpy(tensor.data.data(), values.data(), values.size_bytes());
    }
    return tensor;
  }
};

// Number of elements that the tensor's shape calls for, having checked that its data is exactly that long.
// Errors: a negative dimension, a product beyond 64 bits, a type without whole bytes, data of another length.
[[nodiscard]] std::size_t CheckedElementCount(const Tensor& tensor);

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

  // Where ONNX Runtime writes the model it made by optimizing; empty: nowhere.
  std::string optimized_model_path;
  // The name of the file, in the same folder, that gets the weights of that model; empty: they are inside the
  // model, which fails from 2 GiB on.
  std::string optimized_data_name;
};

// A model that is ready to run. It keeps the library loaded. A moved-from session may only be destroyed or
// assigned to.
class Session {
 public:
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // What a caller has to give, in this order: initializers are no inputs. Both orders are the model's.
  [[nodiscard]] const std::vector<ValueInfo>& inputs() const;
  [[nodiscard]] const std::vector<ValueInfo>& outputs() const;

  // Runs the model once: `inputs` in the order of inputs(), the result in that of outputs(). Several threads
  // may call this at a time. Errors: inputs whose number, type or shape is not what the model declares; any
  // input or output that is not a tensor or whose type a Tensor cannot hold; whatever ONNX Runtime reports.
  [[nodiscard]] std::vector<Tensor> Run(std::span<const Tensor> inputs) const;

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
  // Loads the file `library_path`; if that is empty, the one that the environment variable QI8_ONNXRUNTIME
  // names; if that is unset or empty, the one that the loader finds by the names the library is installed
  // under. A named file that does not work is an error: no other is tried instead. Errors: no library, not an
  // ONNX Runtime, one older than the headers this was built with.
  [[nodiscard]] static std::shared_ptr<OnnxRuntime> Load(const std::string& library_path = "");

  OnnxRuntime(const OnnxRuntime&) = delete;
  OnnxRuntime& operator=(const OnnxRuntime&) = delete;
  ~OnnxRuntime();

  // The library's own, as "1.30.0".
  [[nodiscard]] const std::string& Version() const;

  // Reads a model, with its external data, and optimizes it. Everything ONNX Runtime has to say below an
  // error is silenced. Errors: an unreadable or invalid model, an operator or opset this ONNX Runtime does
  // not have, an optimized model that cannot be written. All name the model.
  [[nodiscard]] Session OpenSession(const std::string& model_path, const SessionOptions& options = {}) const;

 private:
  friend class Session;
  struct Impl;
  explicit OnnxRuntime(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace qi8::runtime
