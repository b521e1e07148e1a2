// .npy and .npz files as NumPy writes them, and as it does not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qi8::testing {

template <typename Number>
void AppendNumber(std::string& to, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) to += static_cast<char>(number >> (8 * i) & 0xFFU);
}

// A .npy file of format 1: `type` as "<f4", `shape` as "(1, 3)".
template <typename Number>
[[nodiscard]] std::string NpyFile(const std::string& type, const std::string& shape,
                                  const std::vector<Number>& values) {
  const std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
  std::string file = std::string("\x93NUMPY\x01\0", 8);
  AppendNumber(file, static_cast<std::uint16_t>(header.size()));
  file += header;
  file.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Number));
  return file;
}

[[nodiscard]] inline std::uint32_t Crc32(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

struct ZipMember {
  std::string name;
  std::string bytes;
  bool deflated = false;  // in stored blocks: the form is what counts here
  // What the archive says, where it lies.
  std::int64_t stated_size = -1;
  std::uint16_t flags = 0;
  std::uint16_t method_instead = 0;
  bool bad_checksum = false;
};

[[nodiscard]] inline std::string ZipFile(const std::vector<ZipMember>& members) {
  std::string file;
  std::string directory;
  for (const ZipMember& member : members) {
    std::string stored = member.bytes;
    if (member.deflated) {
      stored.clear();
      for (std::size_t at = 0; at < member.bytes.size() || at == 0; at += 65535) {
        const std::string block = member.bytes.substr(at, 65535);
        stored += at + 65535 >= member.bytes.size() ? '\1' : '\0';
        AppendNumber(stored, static_cast<std::uint16_t>(block.size()));
        AppendNumber(stored, static_cast<std::uint16_t>(~block.size()));
        stored += block;
      }
    }
    std::string common;  // to both headers
    AppendNumber(common, std::uint16_t{20});
    AppendNumber(common, member.flags);
    AppendNumber(common, member.method_instead != 0 ? member.method_instead
                                                    : static_cast<std::uint16_t>(member.deflated ? 8 : 0));
    AppendNumber(common, std::uint32_t{0x00210000});  // 1980-01-01
    AppendNumber(common, Crc32(member.bytes) ^ (member.bad_checksum ? 1U : 0U));
    AppendNumber(common, static_cast<std::uint32_t>(stored.size()));
    AppendNumber(common, static_cast<std::uint32_t>(member.stated_size < 0
                                                        ? static_cast<std::int64_t>(member.bytes.size())
                                                        : member.stated_size));
    AppendNumber(common, static_cast<std::uint16_t>(member.name.size()));
    AppendNumber(common, std::uint16_t{0});
    const auto offset = static_cast<std::uint32_t>(file.size());
    file += "PK\x03\x04" + common + member.name + stored;
    directory += "PK\x01\x02";
    AppendNumber(directory, std::uint16_t{20});
    directory += common + std::string(10, '\0');
    AppendNumber(directory, offset);
    directory += member.name;
  }
  const auto start = static_cast<std::uint32_t>(file.size());
  file += directory + std::string("PK\x05\x06\0\0\0\0", 8);
  AppendNumber(file, static_cast<std::uint16_t>(members.size()));
  AppendNumber(file, static_cast<std::uint16_t>(members.size()));
  AppendNumber(file, static_cast<std::uint32_t>(directory.size()));
  AppendNumber(file, start);
  AppendNumber(file, std::uint16_t{0});
  return file;
}

}  // namespace qi8::testing
