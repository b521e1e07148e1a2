#include "audit/checksum_file.hpp"

#include <algorithm>
#include <optional>

#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

constexpr std::size_t kHexDigits = 64;

// A name as it stands in a line that begins with a backslash.
std::string Unescape(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 1 < text.size();
    if (!escaped) {
      name += text[i];
      continue;
    }
    ++i;
    name += text[i] == 'n' ? '\n' : text[i] == 'r' ? '\r' : text[i];
  }
  return name;
}

std::optional<ChecksumEntry> ParseLine(std::string_view line) {
  const bool escaped = line.starts_with('\\');
  if (escaped) line.remove_prefix(1);
  constexpr std::size_t kNameStart = kHexDigits + 2;
  if (line.size() <= kNameStart || line[kHexDigits] != ' ') return std::nullopt;
  if (line[kHexDigits + 1] != ' ' && line[kHexDigits + 1] != '*') return std::nullopt;  // text or binary mode
  const std::string_view name = line.substr(kNameStart);
  return ChecksumEntry{.sha256 = std::string(line.substr(0, kHexDigits)),
                       .name = escaped ? Unescape(name) : std::string(name)};
}

std::size_t HexDigitsAtStart(std::string_view text) {
  const auto is_hex = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_hex) - text.begin());
}

// A line as some checksum tool writes it, for whatever hash.
bool IsChecksumLine(std::string_view line) {
  constexpr std::size_t kFewestDigits = 32;  // of MD5
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.find_first_not_of(" \t") == std::string_view::npos || line.starts_with('#')) return true;
  const std::string_view equals = ") = ";
  const auto digest = line.rfind(equals);
  if (digest != std::string_view::npos) {
    const std::string_view hex = line.substr(digest + equals.size());
    return hex.size() >= kFewestDigits && HexDigitsAtStart(hex) == hex.size();
  }
  if (line.starts_with('\\')) line.remove_prefix(1);
  const std::size_t digits = HexDigitsAtStart(line);
  return digits >= kFewestDigits && line.size() > digits + 2 && line[digits] == ' ' &&
         (line[digits + 1] == ' ' || line[digits + 1] == '*');
}

}  // namespace

std::string ReadChecksumFile(FileSystem& file_system, const std::filesystem::path& path) {
  constexpr std::uint64_t kLargest = 16ULL << 20U;
  if (!file_system.Identify(path)) return "";
  const auto file = file_system.OpenForReading(path);
  const auto fail = [&path](const std::string& why) {
    throw Error(ErrorKind::kFailure, Quote(path.native()) + " exists and is not a checksum file: " + why +
                                         ". Nothing was written to it; name another with --checksums");
  };
  const std::uint64_t size = file->Identity().size;
  if (size > kLargest) fail("it is larger than " + FormatBytes(kLargest));
  std::string text(size, '\0');
  file->ReadAt(0, std::as_writable_bytes(std::span(text)));
  std::size_t number = 1;
  for (std::string_view rest = text; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (!IsChecksumLine(rest.substr(0, end))) fail("line " + FormatCount(number) + " has no checksum");
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return text;
}

std::string ChecksumLine(const ChecksumEntry& entry) {
  std::string name;
  for (const char c : entry.name) {
    if (c == '\\') {
      name += "\\\\";
    } else if (c == '\n') {
      name += "\\n";
    } else if (c == '\r') {
      name += "\\r";
    } else {
      name += c;
    }
  }
  return (name == entry.name ? "" : "\\") + entry.sha256 + "  " + name + "\n";
}

std::vector<ChecksumEntry> ParseChecksums(std::string_view text) {
  std::vector<ChecksumEntry> entries;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (auto entry = ParseLine(text.substr(0, end))) entries.push_back(*std::move(entry));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return entries;
}

std::string UpdateChecksums(std::string_view existing, const std::vector<ChecksumEntry>& entries,
                            const std::vector<std::string>& gone) {
  const auto name_part = [](std::string_view line) {
    const std::size_t escape = line.starts_with('\\') ? 1 : 0;
    return line.size() > escape + kHexDigits ? line.substr(escape + kHexDigits + 1) : std::string_view();
  };
  std::vector<ChecksumEntry> replaced = entries;
  for (const std::string& name : gone) replaced.push_back({std::string(kHexDigits, '0'), name});
  const auto is_replaced = [&](std::string_view line) {
    return std::ranges::any_of(replaced, [&](const ChecksumEntry& entry) {
      std::string ours = ChecksumLine(entry);
      ours.pop_back();
      // The character before the name is a space in text mode and an asterisk in binary mode.
      const std::string_view name = name_part(line);
      return !name.empty() && name.substr(1) == name_part(ours).substr(1);
    });
  };
  std::string text;
  while (!existing.empty()) {
    const std::size_t end = std::min(existing.find('\n'), existing.size());
    const std::string_view line = existing.substr(0, end);
    if (!is_replaced(line)) text.append(line).append("\n");
    existing.remove_prefix(std::min(end + 1, existing.size()));
  }
  for (const ChecksumEntry& entry : entries) text += ChecksumLine(entry);
  return text;
}

std::string NameForChecksum(const std::filesystem::path& file, const std::filesystem::path& checksum_file) {
  const auto absolute = [](const std::filesystem::path& path) {
    std::error_code error;
    const auto resolved = std::filesystem::weakly_canonical(std::filesystem::absolute(path), error);
    if (error) {
      throw Error(ErrorKind::kFailure, "cannot resolve " + Quote(path.native()) + ": " + error.message());
    }
    return resolved;
  };
  // Of the file itself the name counts, even where it is a link.
  const auto folder = absolute(absolute(checksum_file).parent_path());
  const auto file_folder = absolute(std::filesystem::absolute(file).parent_path());
  return (file_folder / file.filename()).lexically_relative(folder).native();
}

}  // namespace qi8
