// Checksum files in the format of sha256sum.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_system.hpp"

namespace qi8 {

struct ChecksumEntry {
  std::string sha256;  // 64 hexadecimal digits; read ones are in lower case
  std::string name;    // as `sha256sum -c`, run in the folder of the checksum file, finds it
};

// One line "<hex>  <name>", with the escapes of sha256sum where a name has a backslash or a line break.
[[nodiscard]] std::string ChecksumLine(const ChecksumEntry& entry);

// The entries of a checksum file, in the forms that `sha256sum` writes, with "--tag" and without; names
// without escapes and without "./" before them. Lines that are not entries, such as comments, are left out.
[[nodiscard]] std::vector<ChecksumEntry> ParseChecksums(std::string_view text);

// `existing` with these entries' lines in place of older ones for the same names, and without lines for names
// that are gone; other lines stay as they are.
[[nodiscard]] std::string UpdateChecksums(std::string_view existing,
                                          const std::vector<ChecksumEntry>& entries,
                                          const std::vector<std::string>& gone = {});

// The text of a checksum file that lines are to be added to; empty where there is none yet. Throws Error
// where the file is something else: where it is larger than 16 MiB, or where a line of it is neither a
// checksum (of any length, or in the style "SHA256 (name) = ..."), nor a comment that begins with "#", nor
// blank.
[[nodiscard]] std::string ReadChecksumFile(FileSystem& file_system, const std::filesystem::path& path);

// The name of `file` as seen from the folder of `checksum_file`.
[[nodiscard]] std::string NameForChecksum(const std::filesystem::path& file,
                                          const std::filesystem::path& checksum_file);

}  // namespace qi8
