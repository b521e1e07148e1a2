// Any location of external data, on the real file system: both ways to stay beneath the model's folder open
// the same file or refuse with the same words, and none ever reads what lies outside.
#include "fuzz/fuzz_target.hpp"
#include "io/file_system.hpp"
#include "qi8/error.hpp"
#include "support/temp_folder.hpp"

namespace {

namespace fs = std::filesystem;
using qi8::testing::FuzzInput;
using qi8::testing::Require;

constexpr std::string_view kInside = "inside";

// A model's folder with links of every kind, and one beside it.
class Folders {
 public:
  Folders() {
    fs::create_directories(model() / "sub" / "deep");
    fs::create_directory(folder_ / "outside");
    qi8::testing::WriteFile(model() / "a", kInside);
    qi8::testing::WriteFile(model() / "sub" / "b", kInside);
    qi8::testing::WriteFile(folder_ / "outside" / "a", "outside");
    qi8::testing::WriteFile(folder_ / "secret", "outside");
    fs::create_symlink("sub/b", model() / "file");
    fs::create_symlink("..", model() / "sub" / "up");
    fs::create_symlink("../..", model() / "sub" / "out");
    fs::create_symlink("../outside", model() / "beside");
    fs::create_symlink(model() / "sub", model() / "absolute");
    fs::create_symlink(folder_ / "secret", model() / "secret");
    fs::create_symlink("loop", model() / "loop");
    fs::create_symlink("../model/sub", model() / "around");
    fs::create_symlink("/proc/self/root", model() / "root");
  }
  [[nodiscard]] fs::path model() const { return folder_ / "model"; }

 private:
  qi8::testing::TempFolder folder_;
};

std::string TakeLocation(FuzzInput& input) {
  static const std::string kParts[] = {"a",      "sub",      "b",    "deep",    "file",   "up",   "out",
                                       "beside", "absolute", "loop", "secret",  "around", "root", "model",
                                       "..",     ".",        "",     "outside", "..",     "..",   "tmp"};
  std::string location;
  while (!input.empty() && location.size() < 500) {
    location += input.Take<std::uint8_t>() < 250 ? input.TakeOneOf(kParts) : input.TakeText();
    if (input.Take<std::uint8_t>() < 250) location += '/';
  }
  if (input.TakeBool() && location.ends_with('/')) location.pop_back();
  return location;
}

// What is read there, or the words of the refusal.
std::string Outcome(qi8::BeneathBy by, const fs::path& folder, const std::string& location) {
  try {
    const auto file = qi8::MakePosixFileSystem(qi8::LinkPolicy::kSafe, by)->OpenBeneath(folder, location);
    std::string contents(file->Identity().size, '\0');
    file->ReadAt(0, std::as_writable_bytes(std::span(contents)));
    Require(contents == kInside, "what is read lies inside");
    return contents;
  } catch (const qi8::Error& error) {
    return error.what();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folders folders;
  FuzzInput input(data, size);
  const std::string location = TakeLocation(input);
  Require(Outcome(qi8::BeneathBy::kKernel, folders.model(), location) ==
              Outcome(qi8::BeneathBy::kSteps, folders.model(), location),
          "both ways come to the same");
  return 0;
}
