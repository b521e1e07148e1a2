// A folder that goes when the test ends, and small files in it.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace qi8::testing {

class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  // Everything in it: relative name to contents; folders to "/".
  [[nodiscard]] std::map<std::string, std::string> Listing() const;

 private:
  std::filesystem::path path_;
};

[[nodiscard]] std::string ReadFile(const std::filesystem::path& path);
void WriteFile(const std::filesystem::path& path, std::string_view contents);

}  // namespace qi8::testing
