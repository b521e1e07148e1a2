// Where ONNX Runtime's library lies on a machine. Nothing here loads or runs anything.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace qi8::runtime {

// What the search depends on. The current folder is not part of it.
struct Surroundings {
  std::filesystem::path program;      // the executable file
  std::filesystem::path virtual_env;  // what the environment variable VIRTUAL_ENV names; empty: nothing
  std::filesystem::path conda;        // CONDA_PREFIX
  std::filesystem::path home;         // HOME
  std::string path;                   // PATH

  [[nodiscard]] static Surroundings OfThisProcess();
};

struct LibrarySearch {
  std::vector<std::filesystem::path> found;  // existing files, the one to try first in front
  std::vector<std::string> looked;           // every place, in words, in the same order
};

// Beside the program, where scripts/fetch-onnxruntime puts it beside a build, and in the pip package
// onnxruntime: of the active virtual environment, of conda's, of the python3 on PATH, and of the user.
//
// A library beside the program is taken only where nobody can have put it there who could not have changed
// the program as well: a program that is run in /tmp takes none of a stranger's.
[[nodiscard]] LibrarySearch FindLibraries(const Surroundings& surroundings);

// The library that a name given by the user stands for: the file itself; of a folder, the library in it, in
// its lib/ or in its capi/. What is not there stays as it is: opening it says why.
[[nodiscard]] std::filesystem::path LibraryNamed(const std::filesystem::path& name);

}  // namespace qi8::runtime
