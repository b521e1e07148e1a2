#include "compare/npy.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "core/checked.hpp"
#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8::compare {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::uint64_t kLongestHeader = 65536;
constexpr std::size_t kMostDimensions = 32;  // NumPy's own limit

constexpr auto kTypes = std::to_array<std::pair<std::string_view, DataType>>({
    {"<f4", DataType::kFloat},
    {"<f8", DataType::kDouble},
    {"<f2", DataType::kFloat16},
    {"<i8", DataType::kInt64},
    {"<i4", DataType::kInt32},
    {"<i2", DataType::kInt16},
    {"|i1", DataType::kInt8},
    {"<u8", DataType::kUint64},
    {"<u4", DataType::kUint32},
    {"<u2", DataType::kUint16},
    {"|u1", DataType::kUint8},
    {"|b1", DataType::kBool},
});

// The header is a Python dictionary of three known keys: {'descr': '<f4', 'fortran_order': False, 'shape':
// (1, 3), }.
class Header {
 public:
  explicit Header(std::string_view text) : rest_(text) {}

  // Whether it is one; after this, the members below are set.
  [[nodiscard]] bool Parse() {
    if (!Take("{")) return false;
    while (!Take("}")) {
      std::string_view key;
      if (!TakeString(key) || !Take(":") || !TakeValue(key)) return false;
      if (!Take(",") && !Peek("}")) return false;
    }
    SkipSpace();
    return rest_.empty() && type_seen_ && order_seen_ && shape_seen_;
  }

  std::string_view type;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;

 private:
  void SkipSpace() {
    const auto start = rest_.find_first_not_of(" \n");
    rest_.remove_prefix(start == std::string_view::npos ? rest_.size() : start);
  }
  [[nodiscard]] bool Peek(std::string_view token) {
    SkipSpace();
    return rest_.starts_with(token);
  }
  [[nodiscard]] bool Take(std::string_view token) {
    if (!Peek(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  [[nodiscard]] bool TakeString(std::string_view& text) {
    if (!Take("'")) return false;
    const auto end = rest_.find('\'');
    if (end == std::string_view::npos) return false;
    text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return true;
  }
  [[nodiscard]] bool TakeValue(std::string_view key) {
    if (key == "descr") return !std::exchange(type_seen_, true) && TakeString(type);
    if (key == "fortran_order") {
      fortran_order = Peek("True");
      return !std::exchange(order_seen_, true) && (Take("True") || Take("False"));
    }
    return key == "shape" && !std::exchange(shape_seen_, true) && TakeShape();
  }
  [[nodiscard]] bool TakeShape() {
    if (!Take("(")) return false;
    while (!Take(")")) {
      SkipSpace();
      std::int64_t dim = 0;
      const auto parsed = std::from_chars(rest_.data(), rest_.data() + rest_.size(), dim);
      if (parsed.ec != std::errc() || shape.size() == kMostDimensions) return false;
      rest_.remove_prefix(static_cast<std::size_t>(parsed.ptr - rest_.data()));
      shape.push_back(dim);
      if (!Take(",") && !Peek(")")) return false;
    }
    return true;
  }

  std::string_view rest_;
  bool type_seen_ = false;
  bool order_seen_ = false;
  bool shape_seen_ = false;
};

std::optional<DataType> TypeOf(std::string_view name) {
  for (const auto& [known, type] : kTypes) {
    if (name == known) return type;
  }
  return std::nullopt;
}

}  // namespace

runtime::Tensor ReadNpy(const std::string& where, std::uint64_t size,
                        const std::function<void(std::span<std::byte>)>& next) {
  const auto fail = [&where](const std::string& message) {
    throw Error(ErrorKind::kFailure, where + ": " + message);
  };
  // Magic, version (2 bytes), length of the header (2 bytes in format 1, 4 after it).
  std::array<unsigned char, 12> start{};
  if (size < start.size()) fail("it is not a .npy file: it has only " + FormatCount(size) + " bytes");
  constexpr std::size_t kShortStart = 10;
  next(std::as_writable_bytes(std::span(start).first(kShortStart)));
  if (std::string_view(reinterpret_cast<const char*>(start.data()), kMagic.size()) != kMagic) {
    fail("it is not a .npy file: it does not begin with NumPy's mark");
  }
  const unsigned version = start[6];
  if (version < 1 || version > 3) {
    fail("it is a .npy file of format " + std::to_string(version) + "; this program reads 1, 2 and 3");
  }
  if (version > 1) next(std::as_writable_bytes(std::span(start).subspan(kShortStart)));
  const std::uint64_t header_start = version == 1 ? kShortStart : start.size();
  std::uint64_t header_length = start[8] + 256U * start[9];
  if (version > 1) header_length += 65536ULL * start[10] + 16777216ULL * start[11];
  if (header_length > kLongestHeader || header_start + header_length > size) {
    fail("its header of " + FormatCount(header_length) + " bytes is longer than the file or than any in use");
  }
  std::string text(header_length, '\0');
  next(std::as_writable_bytes(std::span(text)));

  Header header(text);
  if (!header.Parse()) {
    fail("its header " + Quote(text) + " is not that of an array of numbers");
  }
  const auto type = TypeOf(header.type);
  if (!type) {
    fail("its elements are of NumPy's type " + Quote(header.type) +
         "; this program reads little-endian floats, integers and bool");
  }
  if (header.fortran_order) fail("it is in Fortran order; save numpy.ascontiguousarray of it");
  const auto elements = ElementCount(header.shape);
  const auto bytes = elements ? CheckedMultiply(*elements, ElementBytes(*type)) : std::nullopt;
  const std::uint64_t available = size - header_start - header_length;
  if (!bytes || *bytes != available) {
    fail("the shape " + FormatShape(header.shape) + " does not fit its " + FormatCount(available) +
         " bytes of data");
  }
  runtime::Tensor tensor{*type, std::move(header.shape), std::vector<std::byte>(*bytes)};
  next(tensor.data);
  return tensor;
}

runtime::Tensor ReadNpy(FileSystem& file_system, const std::filesystem::path& path) {
  const auto file = file_system.OpenForReading(path);
  std::uint64_t offset = 0;
  return ReadNpy(Quote(path.native()), file->Identity().size, [&](std::span<std::byte> into) {
    file->ReadAt(offset, into);
    offset += into.size();
  });
}

}  // namespace qi8::compare
