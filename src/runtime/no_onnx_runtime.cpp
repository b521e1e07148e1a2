// What stands for ONNX Runtime in a program that was built without its headers: the reason, and what to do.

#include "qi8/error.hpp"
#include "runtime/onnx_runtime.hpp"

namespace qi8::runtime {

struct OnnxRuntime::Impl {};
struct Session::Impl {};

namespace {

[[noreturn]] void Fail() {
  throw Error(
      ErrorKind::kFailure,
      "this quantize-int8 was built without ONNX Runtime's headers, so it can run no model; "
      "scripts/quickstart gets them and builds it again, or configure with -DONNXRUNTIME_ROOT=FOLDER");
}

}  // namespace

OnnxRuntime::OnnxRuntime(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
OnnxRuntime::~OnnxRuntime() = default;
std::shared_ptr<OnnxRuntime> OnnxRuntime::Load(const std::string&) { Fail(); }
const std::string& OnnxRuntime::Version() const { Fail(); }
Session OnnxRuntime::OpenSession(const std::string&, const SessionOptions&) const { Fail(); }

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;
const std::vector<ValueInfo>& Session::inputs() const { Fail(); }
const std::vector<ValueInfo>& Session::outputs() const { Fail(); }
std::vector<Tensor> Session::Run(std::span<const Tensor>, Unreadable) const { Fail(); }
std::vector<Tensor> Session::RunFor(std::span<const std::size_t>, std::span<const Tensor>, Unreadable) const {
  Fail();
}
std::chrono::nanoseconds Session::TimeRun(std::span<const Tensor>) const { Fail(); }

}  // namespace qi8::runtime
