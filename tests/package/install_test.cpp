// The installed tree: what is in it, and that strangers can use it.
#include <set>

#include "package/install_fixture.hpp"
#include "support/golden.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class InstalledTest : public InstallTest {
 protected:
  [[nodiscard]] static ProgramResult Shell(const std::string& command) {
    return Run("bash", {"-c", command});
  }

  static void ExpectQuantizes(const std::string& consumer) {
    const ProgramResult result =
        Run(consumer, {(Examples() / "audio_core.onnx").native(), consumer + ".onnx"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr(": 16 nodes, log intact, 200 MB\n"));
  }
};

TEST_F(InstalledTest, GoldenListOfFiles) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(Prefix())) {
    if (!entry.is_directory()) names.insert(entry.path().lexically_relative(Prefix()).native());
  }
  std::string list;
  for (const std::string& name : names) list += name + "\n";
  // The folder of libraries is the system's choice, as lib/x86_64-linux-gnu; so is the name of the build
  // type.
  const auto replace = [&list](const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = list.find(from, at)) != std::string::npos; at += to.size()) {
      list.replace(at, from.size(), to);
    }
  };
  replace(QI8_LIBDIR "/", "LIBDIR/");
  replace(QI8_BUILD_TYPE, "BUILDTYPE");
  ExpectGolden("package/installed.txt", list);
}

TEST_F(InstalledTest, TheProgramRuns) {
  const ProgramResult result =
      Run((Prefix() / "bin/quantize-int8").native(), {(Examples() / "audio_core.onnx").native(), "q.onnx"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(Run("sha256sum", {"-c", "q.onnx.sha256"}).status, 0);
}

TEST_F(InstalledTest, ManFindsThePage) {
  const ProgramResult result =
      Shell("MANPATH='" + (Prefix() / "share/man").native() + "' man -w quantize-int8");
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST_F(InstalledTest, ACMakeProjectFindsTheLibrary) {
  const ProgramResult result =
      Shell("cmake -G Ninja -S '" QI8_CONSUMER_FOLDER "' -B by-cmake -DCMAKE_CXX_COMPILER='" QI8_COMPILER
            "' -DCMAKE_PREFIX_PATH='" +
            Prefix().native() + "' && cmake --build by-cmake");
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  ExpectQuantizes("by-cmake/consumer");
}

TEST_F(InstalledTest, PkgConfigFindsTheLibrary) {
  const ProgramResult result =
      Shell("export PKG_CONFIG_PATH='" + (Prefix() / QI8_LIBDIR / "pkgconfig").native() +
            "'; " QI8_COMPILER " -std=c++20 '" QI8_CONSUMER_FOLDER
            "/consumer.cpp' -o by-pkg-config "
            "$(pkg-config --cflags --libs qi8)");
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  ExpectQuantizes("./by-pkg-config");
}

}  // namespace
}  // namespace qi8::testing
