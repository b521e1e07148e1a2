#include "runtime/onnx_runtime.hpp"

#include <dlfcn.h>
#include <onnxruntime_c_api.h>
#include <onnxruntime_session_options_config_keys.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <optional>
#include <utility>

#include "core/checked.hpp"
#include "core/text.hpp"
#include "qi8/error.hpp"
#include "runtime/find_library.hpp"

namespace qi8::runtime {
namespace {

static_assert(static_cast<int>(DataType::kFloat) == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
static_assert(static_cast<int>(DataType::kInt64) == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64);
static_assert(static_cast<int>(DataType::kFloat16) == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16);
static_assert(static_cast<int>(DataType::kBfloat16) == ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16);

[[noreturn]] void Fail(const std::string& message) { throw Error(ErrorKind::kFailure, message); }

// Owns an object of ONNX Runtime's C API.
template <class T>
struct Releaser {
  void (*release)(T*) = nullptr;
  void operator()(T* object) const { release(object); }
};
template <class T>
using Owned = std::unique_ptr<T, Releaser<T>>;

// Throws if a call of the C API failed: `context`, then ONNX Runtime's own words.
void Check(const OrtApi& api, OrtStatus* returned, const std::string& context) {
  if (returned == nullptr) {
    return;
  }
  const Owned<OrtStatus> status(returned, {api.ReleaseStatus});
  Fail(context + ": " + api.GetErrorMessage(status.get()));
}

struct LibraryCloser {
  void operator()(void* handle) const { dlclose(handle); }
};
using Library = std::unique_ptr<void, LibraryCloser>;

// The library's threads and thread-local destructors may outlive the last session, so its code is never
// unmapped.
constexpr int kOpenFlags = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE;

constexpr std::size_t kLongestPlace = 300;  // a path, in a message

constexpr const char* kHowToGetIt =
    "; 'pip install onnxruntime' gets one, and --onnxruntime or the environment variable QI8_ONNXRUNTIME "
    "names another";

Library OpenLibrary(const std::string& name, const std::string& what) {
  Library library(dlopen(name.c_str(), kOpenFlags));
  if (!library) {
    const char* const message = dlerror();
    Fail("ONNX Runtime cannot be loaded from " + what + ": " +
         (message != nullptr ? message : "the loader does not say why"));
  }
  return library;
}

// Release archives and packages of others install libonnxruntime.so.1, Debian libonnxruntime.so.1.<minor>.
std::array<std::string, 3> InstalledNames() {
  return {"libonnxruntime.so.1", "libonnxruntime.so.1." + std::to_string(ORT_API_VERSION),
          "libonnxruntime.so"};
}

// A file that the user names. Without a slash the loader would search its own folders instead of the current
// one.
std::string FileOf(const std::string& name) {
  const std::string file = LibraryNamed(name).native();
  return file.find('/') == std::string::npos ? "./" + file : file;
}

// Since 1.29 the official builds for Linux write a device identifier and a database below ~/.cache and send
// what they observe of models to Microsoft, unless this variable is set before their first use.
void ForbidTelemetry() { setenv("ORT_DISABLE_TELEMETRY", "1", /*overwrite=*/1); }

GraphOptimizationLevel OptimizationLevel(SessionOptions::Optimization optimization) {
  switch (optimization) {
    case SessionOptions::Optimization::kNone:
      return ORT_DISABLE_ALL;
    case SessionOptions::Optimization::kBasic:
      return ORT_ENABLE_BASIC;
    case SessionOptions::Optimization::kExtended:
      return ORT_ENABLE_EXTENDED;
    case SessionOptions::Optimization::kAll:
      return ORT_ENABLE_ALL;
  }
  Fail("a session's optimization level is none of those there are");
}

Owned<OrtSessionOptions> MakeOptions(const OrtApi& api, const SessionOptions& options) {
  const std::string context = "ONNX Runtime does not take a session option";
  if (options.intra_threads < 0) {
    Fail(context + ": " + std::to_string(options.intra_threads) +
         " threads; give 0 to leave it to ONNX Runtime");
  }
  if (!options.optimized_data_name.empty() &&
      (options.optimized_model_path.empty() || options.optimized_data_name.find('/') != std::string::npos)) {
    Fail(context + ": the data file " + Quote(options.optimized_data_name) +
         " of an optimized model; give a bare file name, and the model's path with it");
  }
  OrtSessionOptions* created = nullptr;
  Check(api, api.CreateSessionOptions(&created), context);
  Owned<OrtSessionOptions> made(created, {api.ReleaseSessionOptions});
  Check(api, api.SetSessionLogSeverityLevel(created, ORT_LOGGING_LEVEL_FATAL), context);
  Check(api, api.SetSessionGraphOptimizationLevel(created, OptimizationLevel(options.optimization)), context);
  if (options.intra_threads > 0) {
    Check(api, api.SetIntraOpNumThreads(created, options.intra_threads), context);
  }
  if (options.sleep_after_run) {
    Check(api, api.AddSessionConfigEntry(created, kOrtSessionOptionsConfigForceSpinningStop, "1"), context);
  }
  if (!options.external_data_folder.empty()) {
    Check(api,
          api.AddSessionConfigEntry(created, kOrtSessionOptionsModelExternalInitializersFileFolderPath,
                                    options.external_data_folder.c_str()),
          context);
  }
  if (!options.optimized_model_path.empty()) {
    Check(api, api.SetOptimizedModelFilePath(created, options.optimized_model_path.c_str()), context);
  }
  if (!options.optimized_data_name.empty()) {
    Check(api,
          api.AddSessionConfigEntry(created, kOrtSessionOptionsOptimizedModelExternalInitializersFileName,
                                    options.optimized_data_name.c_str()),
          context);
  }
  return made;
}

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes;
  if (file) {
    bytes.resize(std::filesystem::file_size(path));
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  if (!file) Fail("cannot read " + Quote(path));
  return bytes;
}

struct TypeAndShape {
  DataType type = DataType::kUndefined;
  std::vector<std::int64_t> shape;
};

TypeAndShape ReadTypeAndShape(const OrtApi& api, const OrtTensorTypeAndShapeInfo& info,
                              const std::string& context) {
  ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  Check(api, api.GetTensorElementType(&info, &type), context);
  std::size_t rank = 0;
  Check(api, api.GetDimensionsCount(&info, &rank), context);
  TypeAndShape read{static_cast<DataType>(type), std::vector<std::int64_t>(rank)};
  Check(api, api.GetDimensions(&info, read.shape.data(), rank), context);
  return read;
}

// `get_name` and `get_type` are the C API's functions for inputs or for outputs.
template <class GetName, class GetType>
ValueInfo ReadValueInfo(const OrtApi& api, const OrtSession& session, std::size_t index, GetName get_name,
                        GetType get_type, const std::string& context) {
  OrtAllocator* allocator = nullptr;  // a global of the library
  Check(api, api.GetAllocatorWithDefaultOptions(&allocator), context);
  char* name = nullptr;
  Check(api, get_name(&session, index, allocator, &name), context);
  ValueInfo value;
  const auto free_name = [allocator](char* text) { allocator->Free(allocator, text); };
  value.name = std::unique_ptr<char, decltype(free_name)>(name, free_name).get();

  OrtTypeInfo* created = nullptr;
  Check(api, get_type(&session, index, &created), context);
  const Owned<OrtTypeInfo> type(created, {api.ReleaseTypeInfo});
  ONNXType kind = ONNX_TYPE_UNKNOWN;
  Check(api, api.GetOnnxTypeFromTypeInfo(type.get(), &kind), context);
  value.is_tensor = kind == ONNX_TYPE_TENSOR;
  if (!value.is_tensor) {
    return value;
  }
  const OrtTensorTypeAndShapeInfo* info = nullptr;  // belongs to `type`
  Check(api, api.CastTypeInfoToTensorInfo(type.get(), &info), context);
  TypeAndShape read = ReadTypeAndShape(api, *info, context);
  value.type = read.type;
  value.shape = std::move(read.shape);
  std::vector<const char*> names(value.shape.size(), "");
  Check(api, api.GetSymbolicDimensions(info, names.data(), names.size()), context);
  value.dim_names.assign(names.begin(), names.end());
  return value;
}

// "[batch,?,4]"
std::string DeclaredShape(const ValueInfo& value) {
  std::string text = "[";
  for (std::size_t i = 0; i < value.shape.size(); ++i) {
    text += i == 0 ? "" : ", ";
    if (value.shape[i] >= 0) {
      text += std::to_string(value.shape[i]);
    } else {
      text += value.dim_names[i].empty() ? "?" : value.dim_names[i];
    }
  }
  return text + "]";
}

bool FitsDeclaredShape(const std::vector<std::int64_t>& shape, const ValueInfo& declared) {
  if (declared.shape.empty()) {
    return true;  // a scalar and an unknown shape look the same here: ONNX Runtime has to say
  }
  if (shape.size() != declared.shape.size()) {
    return false;
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (declared.shape[i] >= 0 && declared.shape[i] != shape[i]) {
      return false;
    }
  }
  return true;
}

// `where` names the model and the input or output.
void CheckHoldable(const ValueInfo& value, const std::string& where) {
  if (!value.is_tensor) {
    Fail(where + " is a sequence, map, optional or sparse tensor; only models of dense tensors can be run");
  }
  if (ElementBytes(value.type) == 0) {
    Fail(where + " has elements of type " + DataTypeName(value.type) +
         "; only numbers of one byte or more can be given and read");
  }
}

void CheckInput(const Tensor& tensor, const ValueInfo& declared, const std::string& where) {
  CheckHoldable(declared, where);
  if (tensor.type != declared.type) {
    Fail(where + " was given " + DataTypeName(tensor.type) + "; the model declares " +
         DataTypeName(declared.type));
  }
  if (!FitsDeclaredShape(tensor.shape, declared)) {
    Fail(where + " was given the shape " + FormatShape(tensor.shape) + "; the model declares " +
         DeclaredShape(declared));
  }
  try {
    (void)CheckedElementCount(tensor);
  } catch (const Error& error) {
    Fail(where + ": " + error.what());
  }
}

}  // namespace

struct OnnxRuntime::Impl {
  Library library;
  const OrtApi* api = nullptr;  // a global of the library
  std::string version;
  Owned<OrtEnv> environment;

  // Opens `name` as dlopen does. `what` names it in messages. Throws where it is not an ONNX Runtime that can
  // be used.
  static std::shared_ptr<const Impl> Open(const std::string& name, const std::string& what);
  // The first that can be used of those that are found without a name.
  static std::shared_ptr<const Impl> Find();
};

struct Session::Impl {
  std::shared_ptr<const OnnxRuntime::Impl> runtime;  // outlives what follows
  std::string model;                                 // quoted, for messages
  Owned<OrtSession> session;
  Owned<OrtMemoryInfo> memory;
  std::vector<ValueInfo> inputs;
  std::vector<ValueInfo> outputs;

  struct Results {
    std::chrono::nanoseconds took;
    std::vector<Owned<OrtValue>> values;  // as wanted
  };
  // Runs the model, and gives those of `outputs` that stand at the places `wanted`.
  [[nodiscard]] Results Run(std::span<const Tensor> given, Unreadable unreadable,
                            std::span<const std::size_t> wanted) const;

  [[nodiscard]] std::vector<std::size_t> AllOutputs() const {
    std::vector<std::size_t> all(outputs.size());
    std::iota(all.begin(), all.end(), 0);
    return all;
  }

  [[nodiscard]] std::string Where(const char* role, const ValueInfo& value) const {
    return model + ": " + role + " " + Quote(value.name);
  }
};

OnnxRuntime::OnnxRuntime(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
OnnxRuntime::~OnnxRuntime() = default;

const std::string& OnnxRuntime::Version() const { return impl_->version; }

std::shared_ptr<const OnnxRuntime::Impl> OnnxRuntime::Impl::Open(const std::string& name,
                                                                 const std::string& what) {
  auto impl = std::make_shared<Impl>();
  impl->library = OpenLibrary(name, what);
  const auto get_base =
      reinterpret_cast<decltype(&OrtGetApiBase)>(dlsym(impl->library.get(), "OrtGetApiBase"));
  if (get_base == nullptr) {
    Fail(what + " is not ONNX Runtime: it has no OrtGetApiBase");
  }
  const OrtApiBase* base = get_base();
  impl->version = base->GetVersionString();
  impl->api = base->GetApi(ORT_API_VERSION);
  if (impl->api == nullptr) {
    Fail(what + " is ONNX Runtime " + impl->version + ", which has no API version " +
         std::to_string(ORT_API_VERSION) + "; use ONNX Runtime 1." + std::to_string(ORT_API_VERSION) +
         " or newer");
  }
  OrtEnv* created = nullptr;
  Check(*impl->api, impl->api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "qi8", &created),
        what + " cannot be started");
  impl->environment = Owned<OrtEnv>(created, {impl->api->ReleaseEnv});
  // The way of forbidding it that is part of the API, for builds that know no such variable.
  Check(*impl->api, impl->api->DisableTelemetryEvents(created), what + " cannot be started");
  return impl;
}

std::shared_ptr<const OnnxRuntime::Impl> OnnxRuntime::Impl::Find() {
  const LibrarySearch search = FindLibraries(Surroundings::OfThisProcess());
  std::vector<std::pair<std::string, std::string>> names;  // for dlopen, and for messages
  for (const std::filesystem::path& file : search.found)
    names.emplace_back(file.native(), Quote(file.native()));
  for (const std::string& name : InstalledNames()) names.emplace_back(name, name + " on the loader's path");
  std::string why;
  for (const auto& [name, what] : names) {
    try {
      return Open(name, what);
    } catch (const Error& error) {
      why += std::string("; ") + error.what();
    }
  }
  std::string looked;
  for (const std::string& place : search.looked)
    looked += (looked.empty() ? "" : "; ") + Plain(place, kLongestPlace);
  Fail(std::string("there is no ONNX Runtime that can be used") + kHowToGetIt + ". Looked in: " + looked +
       why);
}

std::shared_ptr<OnnxRuntime> OnnxRuntime::Load(const std::string& library_path) {
  const char* const variable = std::getenv("QI8_ONNXRUNTIME");
  const bool given = !library_path.empty();
  const std::string name = given ? library_path : variable != nullptr ? variable : "";
  ForbidTelemetry();
  if (name.empty()) return std::shared_ptr<OnnxRuntime>(new OnnxRuntime(Impl::Find()));
  try {
    const std::string what =
        Quote(name) + " (given with " + (given ? "--onnxruntime" : "QI8_ONNXRUNTIME") + ")";
    return std::shared_ptr<OnnxRuntime>(new OnnxRuntime(Impl::Open(FileOf(name), what)));
  } catch (const Error& error) {
    Fail(std::string(error.what()) + kHowToGetIt);
  }
}

Session OnnxRuntime::OpenSession(const std::string& model_path, const SessionOptions& options) const {
  const OrtApi& api = *impl_->api;
  auto session = std::make_unique<Session::Impl>();
  session->runtime = impl_;
  session->model = Quote(model_path);
  const std::string context = session->model + ": ONNX Runtime " + impl_->version + " cannot open the model";

  const Owned<OrtSessionOptions> made = MakeOptions(api, options);
  OrtSession* opened = nullptr;
  if (options.external_data_folder.empty()) {
    Check(api, api.CreateSession(impl_->environment.get(), model_path.c_str(), made.get(), &opened), context);
  } else {  // it takes another folder only for a model that is in memory
    const std::string bytes = ReadWhole(model_path);
    Check(
        api,
        api.CreateSessionFromArray(impl_->environment.get(), bytes.data(), bytes.size(), made.get(), &opened),
        context);
  }
  session->session = Owned<OrtSession>(opened, {api.ReleaseSession});

  OrtMemoryInfo* memory = nullptr;
  Check(api, api.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory), context);
  session->memory = Owned<OrtMemoryInfo>(memory, {api.ReleaseMemoryInfo});

  std::size_t count = 0;
  Check(api, api.SessionGetInputCount(opened, &count), context);
  for (std::size_t i = 0; i < count; ++i) {
    session->inputs.push_back(
        ReadValueInfo(api, *opened, i, api.SessionGetInputName, api.SessionGetInputTypeInfo, context));
  }
  Check(api, api.SessionGetOutputCount(opened, &count), context);
  for (std::size_t i = 0; i < count; ++i) {
    session->outputs.push_back(
        ReadValueInfo(api, *opened, i, api.SessionGetOutputName, api.SessionGetOutputTypeInfo, context));
  }
  return Session(std::move(session));
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

const std::vector<ValueInfo>& Session::inputs() const { return impl_->inputs; }
const std::vector<ValueInfo>& Session::outputs() const { return impl_->outputs; }

Session::Impl::Results Session::Impl::Run(std::span<const Tensor> given, Unreadable unreadable,
                                          std::span<const std::size_t> wanted) const {
  const OrtApi& api = *runtime->api;
  if (given.size() != inputs.size()) {
    Fail(model + ": given " + std::to_string(given.size()) + " inputs; the model has " +
         std::to_string(inputs.size()));
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    CheckInput(given[i], inputs[i], Where("input", inputs[i]));
  }
  if (unreadable == Unreadable::kFail) {
    for (const ValueInfo& output : outputs) CheckHoldable(output, Where("output", output));
  }

  std::vector<const char*> input_names;
  std::vector<Owned<OrtValue>> input_values;
  std::vector<const OrtValue*> input_pointers;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const Tensor& tensor = given[i];
    // ONNX Runtime reads inputs only, and takes no null pointer even for an empty tensor.
    static std::byte nothing{};
    void* data = tensor.data.empty() ? &nothing : const_cast<std::byte*>(tensor.data.data());
    OrtValue* value = nullptr;
    Check(api,
          api.CreateTensorWithDataAsOrtValue(memory.get(), data, tensor.data.size(), tensor.shape.data(),
                                             tensor.shape.size(),
                                             static_cast<ONNXTensorElementDataType>(tensor.type), &value),
          Where("input", inputs[i]));
    input_values.emplace_back(value, Releaser<OrtValue>{api.ReleaseValue});
    input_names.push_back(inputs[i].name.c_str());
    input_pointers.push_back(value);
  }

  std::vector<const char*> output_names;
  for (const std::size_t place : wanted) output_names.push_back(outputs.at(place).name.c_str());
  std::vector<OrtValue*> returned(wanted.size(), nullptr);
  const auto start = std::chrono::steady_clock::now();
  OrtStatus* status =
      api.Run(session.get(), nullptr, input_names.data(), input_pointers.data(), input_pointers.size(),
              output_names.data(), output_names.size(), returned.data());
  Results results{.took = std::chrono::steady_clock::now() - start, .values = {}};
  results.values.reserve(returned.size());
  for (OrtValue* value : returned) {
    results.values.emplace_back(value, Releaser<OrtValue>{api.ReleaseValue});
  }
  Check(api, status, model + ": ONNX Runtime " + runtime->version + " cannot run the model");

  return results;
}

std::vector<Tensor> Session::Run(std::span<const Tensor> inputs, Unreadable unreadable) const {
  return RunFor(impl_->AllOutputs(), inputs, unreadable);
}

std::vector<Tensor> Session::RunFor(std::span<const std::size_t> wanted, std::span<const Tensor> inputs,
                                    Unreadable unreadable) const {
  const Impl& self = *impl_;
  const OrtApi& api = *self.runtime->api;
  const std::vector<Owned<OrtValue>> output_values = self.Run(inputs, unreadable, wanted).values;
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < output_values.size(); ++i) {
    const ValueInfo& declared = self.outputs.at(wanted[i]);
    const std::string where = self.Where("output", declared);
    if (!declared.is_tensor || ElementBytes(declared.type) == 0) {
      outputs.emplace_back();
      continue;
    }
    OrtTensorTypeAndShapeInfo* created = nullptr;
    Check(api, api.GetTensorTypeAndShape(output_values[i].get(), &created), where);
    const Owned<OrtTensorTypeAndShapeInfo> info(created, {api.ReleaseTensorTypeAndShapeInfo});
    TypeAndShape read = ReadTypeAndShape(api, *info, where);
    const std::optional<std::uint64_t> count = ElementCount(read.shape);
    const std::optional<std::uint64_t> bytes =
        count ? CheckedMultiply(*count, ElementBytes(read.type)) : std::nullopt;
    if (!bytes) {
      Fail(where + " has the shape " + FormatShape(read.shape) + ", which is not possible");
    }
    Tensor tensor{read.type, std::move(read.shape), std::vector<std::byte>(*bytes)};
    if (*bytes > 0) {
      void* data = nullptr;
      Check(api, api.GetTensorMutableData(output_values[i].get(), &data), where);
      std::memcpy(tensor.data.data(), data, *bytes);
    }
    outputs.push_back(std::move(tensor));
  }
  return outputs;
}

std::chrono::nanoseconds Session::TimeRun(std::span<const Tensor> inputs) const {
  return impl_->Run(inputs, Unreadable::kSkip, impl_->AllOutputs()).took;
}

}  // namespace qi8::runtime
