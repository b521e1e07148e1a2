#include "audit/checksum_file.hpp"

#include <algorithm>
#include <optional>
#include <set>

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

std::size_t HexDigitsAtStart(std::string_view text) {
  const auto is_hex = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_hex) - text.begin());
}

bool HasBothCases(std::string_view digest) {
  const auto has = [digest](char first, char last) {
    return std::ranges::any_of(digest, [=](char c) { return c >= first && c <= last; });
  };
  return has('a', 'f') && has('A', 'F');
}

// Two ways to write one name, "./m.onnx" and "m.onnx", are one name.
std::string NormalName(const std::string& name) {
  return std::filesystem::path(name).lexically_normal().native();
}

struct DigestAndName {
  std::string_view digest;
  std::string_view name;
};

// Where the name begins behind that many digits: after a space or a tab, and the mode, a space or an
// asterisk, which some tools leave out. Nothing where no name follows.
std::optional<std::size_t> NameStart(std::string_view line, std::size_t digits) {
  if (line.size() <= digits || (line[digits] != ' ' && line[digits] != '\t')) return std::nullopt;
  std::size_t start = digits + 1;
  if (line.size() > start && (line[start] == ' ' || line[start] == '*')) ++start;
  return line.size() > start ? std::optional(start) : std::nullopt;
}

// "<hex>  <name>", in the forms that sha256sum -c takes.
std::optional<DigestAndName> SplitLine(std::string_view line) {
  const auto name = NameStart(line, kHexDigits);
  if (HexDigitsAtStart(line) != kHexDigits || !name) return std::nullopt;
  return DigestAndName{line.substr(0, kHexDigits), line.substr(*name)};
}

// "SHA256 (<name>) = <hex>", as BSD and `sha256sum --tag` write it.
std::optional<DigestAndName> SplitTaggedLine(std::string_view line) {
  constexpr std::string_view kTag = "SHA256 (";
  constexpr std::string_view kEquals = ") = ";
  const std::size_t equals = line.rfind(kEquals);
  if (!line.starts_with(kTag) || equals == std::string_view::npos || equals <= kTag.size()) {
    return std::nullopt;
  }
  const std::string_view digest = line.substr(equals + kEquals.size());
  if (digest.size() != kHexDigits || HexDigitsAtStart(digest) != kHexDigits) return std::nullopt;
  return DigestAndName{digest, line.substr(kTag.size(), equals - kTag.size())};
}

std::optional<ChecksumEntry> ParseLine(std::string_view line) {
  const bool escaped = line.starts_with('\\');
  if (escaped) line.remove_prefix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);  // of a line break; one in a name is escaped
  auto parts = SplitLine(line);
  if (!parts) parts = SplitTaggedLine(line);
  // Tools write a digest in one case. One in both is damaged: a flipped bit makes the one of the other.
  if (!parts || HasBothCases(parts->digest)) return std::nullopt;
  ChecksumEntry entry{.sha256 = std::string(parts->digest),
                      .name = NormalName(escaped ? Unescape(parts->name) : std::string(parts->name))};
  for (char& c : entry.sha256) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return entry;
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
  return digits >= kFewestDigits && NameStart(line, digits);
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
  std::set<std::string> replaced;
  for (const ChecksumEntry& entry : entries) replaced.insert(NormalName(entry.name));
  for (const std::string& name : gone) replaced.insert(NormalName(name));
  const auto is_replaced = [&replaced](std::string_view line) {
    const auto entry = ParseLine(line);
    return entry && replaced.contains(entry->name);
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
    auto resolved = std::filesystem::weakly_canonical(std::filesystem::absolute(path), error);
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
