// Any bytes as a .npy file, or as a .npz archive of such: an error, or arrays whose bytes fit their shapes.
#include "compare/npy.hpp"
#include "compare/npz.hpp"
#include "fuzz/fuzz_target.hpp"
#include "qi8/error.hpp"
#include "support/memory_file_system.hpp"

namespace {

using qi8::testing::FuzzInput;
using qi8::testing::Require;

void RequireWhole(const qi8::runtime::Tensor& tensor) {
  // Throws where the bytes are not those of the shape: what was read is never such.
  try {
    static_cast<void>(qi8::runtime::CheckedElementCount(tensor));
  } catch (const qi8::Error&) {
    Require(false, "what was read has the bytes of its shape");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const bool is_archive = input.TakeBool();
  qi8::testing::MemoryFileSystem files;
  files.Add("x", std::string(input.TakeRest()));
  try {
    if (!is_archive) {
      RequireWhole(qi8::compare::ReadNpy(files, "x"));
      return 0;
    }
    qi8::compare::NpzFile archive(files, "x");
    for (std::size_t i = 0; i < archive.names().size(); ++i) RequireWhole(archive.Read(i));
  } catch (const qi8::Error&) {
    // It is something else, or damaged.
  }
  return 0;
}
