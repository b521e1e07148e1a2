// Single values of a YAML file, changed in its text, so that everything else stays as people wrote it.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace qi8 {

struct YamlValue {
  std::string value;       // what a reader of YAML gets
  std::string source;      // how it stands in the file, quotes included
  std::size_t offset = 0;  // of `source`, in bytes
};

// A mapping of a YAML file, and the values of some keys in it. Only what can be edited without risk is
// accepted: each value is written on one line, and nothing else in the file refers to it.
class YamlSection {
 public:
  // Reads the values of `required`, and those of `optional` that the section has. `file` is the text's name
  // in messages. Throws Error (kFailure) where the text is not valid YAML, where not exactly one mapping has
  // this name, where a required key is missing or any of the keys is there twice, and where anchors, aliases,
  // tags or other forms make editing unsafe.
  YamlSection(std::string text, std::string file, const std::string& section,
              const std::vector<std::string>& required, const std::vector<std::string>& optional = {});

  // The keys down to the section, joined by dots.
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  // By key. An optional key that the section does not have is not in it.
  [[nodiscard]] const std::map<std::string, YamlValue>& values() const { return values_; }
  [[nodiscard]] const YamlValue& at(const std::string& key) const { return values_.at(key); }

  // The text with these sources in place of those of their keys. Throws Error where a reader of it would not
  // get `values`, and all else as before.
  [[nodiscard]] std::string Replace(const std::map<std::string, YamlValue>& values) const;

 private:
  std::string text_;
  std::string file_;
  std::string path_;
  std::map<std::string, YamlValue> values_;
};

// `value` as it can stand in the place of `like`, quoted the same way where that is possible.
[[nodiscard]] YamlValue WriteLike(const YamlValue& like, const std::string& value);

}  // namespace qi8
