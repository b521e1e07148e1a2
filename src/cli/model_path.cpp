#include "cli/model_path.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8::cli {

std::filesystem::path ModelAt(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return path;
  std::vector<std::filesystem::path> models;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".onnx") models.push_back(entry->path());
  }
  if (error)
    throw Error(ErrorKind::kFailure, "cannot read folder " + Quote(path.native()) + ": " + error.message());
  if (models.size() == 1) return models.front();
  if (models.empty())
    throw Error(ErrorKind::kUsage, "folder " + Quote(path.native()) + " has no .onnx file in it");
  constexpr std::size_t kMostNames = 10;
  std::ranges::sort(models);
  std::string names;
  for (std::size_t i = 0; i < std::min(models.size(), kMostNames); ++i) {
    names += (i > 0 ? ", " : "") + Quote(models[i].filename().native());
  }
  if (models.size() > kMostNames) names += " and " + FormatCount(models.size() - kMostNames) + " more";
  throw Error(ErrorKind::kUsage,
              "folder " + Quote(path.native()) + " has several models: " + names + "; name one of them");
}

}  // namespace qi8::cli
