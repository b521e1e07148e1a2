// A shared library that looks like an ONNX Runtime without the API version that anybody asks for.
#include <cstdint>

namespace {

// The C API's OrtApiBase, whose layout is fixed for all versions.
struct ApiBase {
  const void* (*get_api)(std::uint32_t version);
  const char* (*get_version_string)();
};

const void* NoApi(std::uint32_t /*version*/) { return nullptr; }
const char* Version() { return "1.2.3"; }

}  // namespace

extern "C" const ApiBase* OrtGetApiBase() {
  static constexpr ApiBase kBase = {NoApi, Version};
  return &kBase;
}
