// Any text as the checksum file that is there, any names of outputs: the new lines stand in it once, the
// lines of other files as they were and where they were.
#include <set>
#include <vector>

#include "audit/checksum_file.hpp"
#include "fuzz/fuzz_target.hpp"

namespace {

using qi8::testing::FuzzInput;
using qi8::testing::Require;

std::vector<std::string> Lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string Name(FuzzInput& input) {
  std::string name = input.TakeText();
  std::erase(name, '\0');  // no file has it in its name
  return name.empty() ? "q.onnx" : name;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  std::vector<qi8::ChecksumEntry> entries = {{std::string(64, 'a'), Name(input)},
                                             {std::string(64, 'b'), Name(input)}};
  if (entries[0].name == entries[1].name) entries.pop_back();
  const std::string existing(input.TakeRest());

  const std::string text = qi8::UpdateChecksums(existing, entries);
  Require(qi8::UpdateChecksums(text, entries) == text, "a second update changes nothing");
  std::vector<std::string> kept = Lines(text);
  for (std::size_t i = entries.size(); i > 0; --i) {
    Require(kept.size() >= i, "every output has a line");
    Require(kept.back() + "\n" == qi8::ChecksumLine(entries[i - 1]), "an output's line is as it should be");
    kept.pop_back();
  }
  // What is left are lines of the old text, in their order.
  auto old_line = Lines(existing);
  std::size_t next = 0;
  for (const std::string& line : kept) {
    while (next < old_line.size() && old_line[next] != line) ++next;
    Require(next++ < old_line.size(), "other lines stay as they were");
  }
  for (const qi8::ChecksumEntry& entry : entries) {
    const auto gone = Lines(qi8::UpdateChecksums(text, {}, {entry.name}));
    std::string line = qi8::ChecksumLine(entry);
    line.pop_back();
    Require(std::ranges::find(gone, line) == gone.end(), "a file that is gone has no line");
  }
  return 0;
}
