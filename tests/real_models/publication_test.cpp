// Who reads a model while it is replaced finds a name that is a link for some milliseconds, or until the next
// run, where this one was killed: ONNX Runtime and this program itself must read it as any other.
#include "io/publication.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "io/file_system.hpp"
#include "model/model.hpp"
#include "models/audio_core.hpp"
#include "support/faulty_file_system.hpp"
#include "support/onnx_runtime.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;
using testing::FaultyFileSystem;
using testing::FileCall;

class ReplacedModelTest : public ::testing::TestWithParam<bool> {};

TEST_P(ReplacedModelTest, IsReadInEveryStateOnTheWay) {
  const bool by_exchange = GetParam();
  const testing::TempFolder models;
  models::write_audio_core(models / "m.onnx", {.seed = 1});
  fs::create_directory(models / "new");
  models::write_audio_core(models / "new" / "m.onnx", {.seed = 2});
  const auto real = MakePosixFileSystem();
  const std::vector<runtime::Tensor> input = {testing::AudioCodes(2, models::kTiny.codes)};

  std::size_t states_with_links = 0;
  bool lived = false;
  for (std::size_t last = 0; !lived; ++last) {
    const testing::TempFolder folder;
    for (const std::string name : {"m.onnx", "m.onnx.data"}) fs::copy_file(models / name, folder / name);
    std::size_t calls = 0;
    FaultyFileSystem mortal(*real, [&](FileCall, const std::string&) -> std::optional<std::string> {
      if (calls++ >= last) throw std::runtime_error("killed");
      return std::nullopt;
    });
    if (!by_exchange) mortal.Lack(FileCall::kExchange);
    try {
      Publication publication(mortal, folder / "m.onnx", Publication::IfTaken::kFail);
      for (const std::string name : {"m.onnx.data", "m.onnx"}) {
        const std::string bytes = testing::ReadFile(models / "new" / name);
        publication.Create(folder / name).WriteAt(0, std::as_bytes(std::span(bytes)));
      }
      publication.Publish(Publication::IfThere::kReplace);
    } catch (const std::exception&) {
      // Killed, as it should.
    }
    lived = calls <= last;
    if (!fs::is_symlink(folder / "m.onnx") && !fs::is_symlink(folder / "m.onnx.data")) continue;

    SCOPED_TRACE("killed at call " + std::to_string(last));
    ++states_with_links;
    EXPECT_EQ(testing::RunModel(folder / "m.onnx", input).size(), 1U);
    if (by_exchange) {
      EXPECT_EQ(Model::Load(*real, folder / "m.onnx").files().size(), 2U);
    }
  }
  EXPECT_GT(states_with_links, 8U);
}

INSTANTIATE_TEST_SUITE_P(By, ReplacedModelTest, ::testing::Bool(),
                         [](const auto& instance) { return instance.param ? "Exchange" : "HardLinks"; });

}  // namespace
}  // namespace qi8
