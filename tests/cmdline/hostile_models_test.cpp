// Models made to do harm, as the program meets them: a status, one message that names what is wrong, nothing
// written, and memory that does not grow with what the file claims. What single fields may say is in
// tests/model/loader_test.cpp.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <limits>

#include "cmdline/quantize_fixture.hpp"
#include "support/stride.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int kFailed = 1;
constexpr std::size_t kLongMessage = 1000;

// Field numbers of ONNX messages.
constexpr unsigned kModelDoc = 6;
constexpr unsigned kModelGraph = 7;
constexpr unsigned kModelMetadata = 14;
constexpr unsigned kGraphNode = 1;
constexpr unsigned kGraphInitializer = 5;
constexpr unsigned kGraphValueInfo = 13;
constexpr unsigned kNodeAttribute = 5;
constexpr unsigned kAttributeGraph = 6;

[[nodiscard]] std::string Varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>(value | 0x80U);
  return bytes + static_cast<char>(value);
}

// What stands before `length` bytes of that field.
[[nodiscard]] std::string Head(unsigned number, std::uint64_t length) {
  return Varint(number << 3U | 2U) + Varint(length);
}

[[nodiscard]] std::string Field(unsigned number, const std::string& content) {
  return Head(number, content.size()) + content;
}

class HostileModelsTest : public QuantizeTest {
 protected:
  // Status 1, one line with all of these words, nothing written, in little memory. Unlike ExpectFailure it
  // does not read the input, which may be 2 GB of nothing.
  void ExpectRefusal(const std::vector<std::string>& words,
                     const std::vector<std::string>& options = {}) const {
    const ProgramResult result = Quantize(options);
    EXPECT_EQ(result.status, kFailed) << result.err.substr(0, kLongMessage);
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(result.err.starts_with("quantize-int8: error: ")) << result.err.substr(0, kLongMessage);
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1)
        << result.err.substr(0, kLongMessage);
    for (const std::string& word : words) EXPECT_THAT(result.err.substr(0, kLongMessage), HasSubstr(word));
    EXPECT_LT(result.err.size(), kLongMessage);
    EXPECT_TRUE(Written().empty());
    ExpectLittleMemory(result);
  }

  static void ExpectLittleMemory([[maybe_unused]] const ProgramResult& result) {
#if !defined(QI8_TEST_OVERHEAD)  // sanitizers, emulators and counters take memory of their own
    EXPECT_LE(result.peak_memory, 128U << 20U);
#endif
  }

  // A model whose one weight has its bytes at `location`.
  void SaveExternal(const std::string& location) const {
    ModelBuilder builder = OneMatMul(Storage::kExternal);
    builder.graph().mutable_initializer(0)->mutable_external_data(0)->set_value(location);
    builder.Save(input());
    fs::remove(folder_ / "in" / "m.onnx.data");
  }

  // `count` times `piece` within these fields, outermost first. Written piece by piece: this process is to
  // stay small.
  void WriteMany(const std::vector<unsigned>& within, const std::string& piece, std::size_t count) const {
    std::string head;
    std::uint64_t length = piece.size() * count;
    for (auto number = within.rbegin(); number != within.rend(); ++number) {
      const std::string outer = Head(*number, length);
      head.insert(0, outer);
      length += outer.size();
    }
    std::ofstream file(input(), std::ios::binary);
    file << head;
    for (std::size_t i = 0; i < count; ++i) file << piece;
  }

  // A file that begins so and has that many bytes, nearly all of them a hole.
  void WriteSparse(const std::string& beginning, std::uint64_t size) const {
    WriteFile(input(), beginning);
    fs::resize_file(input(), size);
  }
};

// --- where data lies

TEST_F(HostileModelsTest, DataThatIsADevice) {
  SaveExternal("link");
  fs::create_symlink("/dev/zero", folder_ / "in" / "link");
  ExpectRefusal({"tensor 'w'", "'link'", "leads out of the model's folder to '/dev/zero'"});
  if (::geteuid() != 0) return;  // only root makes devices
  fs::remove(folder_ / "in" / "link");
  struct stat zero {};
  ASSERT_EQ(::stat("/dev/zero", &zero), 0);
  if (::mknod((folder_ / "in" / "link").c_str(), S_IFCHR | 0600, zero.st_rdev) != 0)
    return;  // nor in every container
  const ProgramResult result = Quantize();
  EXPECT_EQ(result.status, kFailed);
  EXPECT_THAT(result.err, AllOf(HasSubstr("tensor 'w'"), HasSubstr("link'")));
  EXPECT_TRUE(Written().empty());
  fs::remove(folder_ / "in" / "link");
}

TEST_F(HostileModelsTest, DataThatIsASocket) {
  SaveExternal("socket");
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_GE(fd, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = (folder_ / "in" / "socket").native();
  ASSERT_LT(path.size(), sizeof(address.sun_path));
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  const ProgramResult result = Quantize();
  EXPECT_EQ(result.status, kFailed);
  EXPECT_THAT(result.err, AllOf(HasSubstr("tensor 'w'"), HasSubstr("socket'")));
  EXPECT_TRUE(Written().empty());
  ::close(fd);
}

TEST_F(HostileModelsTest, LinksThatGoInCircles) {
  SaveExternal("loop");
  fs::create_symlink("loop", folder_ / "in" / "loop");
  const ProgramResult result = Quantize();
  EXPECT_EQ(result.status, kFailed);
  EXPECT_THAT(result.err, AllOf(HasSubstr("tensor 'w'"), HasSubstr("loop'"), HasSubstr("symbolic links")));
}

TEST_F(HostileModelsTest, LocationsThatAreNoNames) {
  for (const std::string& location : {std::string("a\0b", 3), std::string(5000, 'x'),
                                      std::string("x/../../../../../../etc/passwd"), std::string("..")}) {
    SaveExternal(location);
    ExpectRefusal({"tensor 'w'", "its external data: "});
  }
  std::string longer_than_the_system_takes;
  for (int i = 0; i < 3000; ++i) longer_than_the_system_takes += "d/";
  SaveExternal(longer_than_the_system_takes + "w");
  ExpectRefusal({"tensor 'w'", "its external data: "});
}

// --- shapes

TEST_F(HostileModelsTest, DimensionsThatCannotBe) {
  for (const Dims& dims : {Dims{-8, -4}, Dims{-1, 32}, Dims{INT64_MIN, 1}, Dims{INT64_MAX, INT64_MAX},
                           Dims{0, -1}, Dims{1LL << 32, 1LL << 32}, Dims{1LL << 61, 4}, Dims{8, 5}, Dims{}}) {
    ModelBuilder builder = OneMatMul();
    auto& tensor = *builder.graph().mutable_initializer(0);
    tensor.clear_dims();
    for (const auto dim : dims) tensor.add_dims(dim);
    builder.Save(input());
    ExpectRefusal({"tensor 'w'", "its shape "});
  }
}

TEST_F(HostileModelsTest, AShapeOfAMillionDimensions) {
  onnx::TensorProto tensor;
  tensor.set_name("w");
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.set_raw_data("123");
  const std::string dims(1'000'000, '\1');
  WriteFile(input(),
            Field(kModelGraph, Field(kGraphInitializer, tensor.SerializeAsString() + Field(1, dims))));
  ExpectRefusal({"tensor 'w'", "its shape [1, 1, 1", "takes 4 bytes, but it has 3"});
}

// --- graphs

TEST_F(HostileModelsTest, NodesInACircle) {
  ModelBuilder builder = OneMatMul();
  builder.Node("Add", {"y", "b"}, {"a"}, "add");
  builder.Node("Relu", {"a"}, {"b"}, "relu");
  builder.Save(input());
  ExpectRefusal({"'in/m.onnx'", "needs its own output"});
}

// docs/reliability.md says what a node takes.
TEST_F(HostileModelsTest, AHundredThousandNodes) {
  constexpr std::size_t kNodes = 100'000 / kStride;
  {
    ModelBuilder builder;
    builder.Input("x", {2, 64}).Output("y", {2, 64}).Initializer("w", {64, 64}, RandomValues(64 * 64));
    std::string value = "x";
    for (std::size_t i = 0; i < kNodes; ++i) {
      const std::string next = "x" + std::to_string(i);
      builder.Node("Relu", {value}, {next}, "relu_" + std::to_string(i));
      value = next;
    }
    builder.Node("MatMul", {value, "w"}, {"y"}, "m");
    builder.Save(input());
  }
  const ProgramResult result = Quantize();
  EXPECT_EQ(result.status, 0) << result.err;
#if !defined(QI8_TEST_OVERHEAD)
  EXPECT_LE(result.peak_memory, 130U << 20U);
#endif
}

TEST_F(HostileModelsTest, TwoWeightsOfOneNameInABody) {
  ModelBuilder builder = OneMatMul();
  builder.Input("condition", {}, onnx::TensorProto::BOOL);
  auto& body = SetGraph(builder.Node("If", {"condition"}, {"z"}, "if"), "then_branch");
  for (int i = 0; i < 2; ++i) *body.add_initializer() = builder.graph().initializer(0);
  builder.Save(input());
  ExpectRefusal({"'in/m.onnx'", "tensor 'w' is defined twice"});
}

// --- files that are no models

TEST_F(HostileModelsTest, FilesOfOtherKindsAreNamed) {
  const std::string rest(1000, '\x7f');
  const std::pair<std::string, std::string> kFiles[] = {
      {"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n", "git lfs pull"},
      {"GGUF\x03" + rest, "GGUF"},
      {std::string("\x40\0\0\0\0\0\0\0{\"w\":{}}", 16) + rest, "safetensors"},
      {"PK\x03\x04" + rest, "zip archive"},
      {"\x80\x02" + rest, "pickle"},
      {"\x89HDF\r\n\x1a\n" + rest, "Keras"},
      {std::string("\x1c\0\0\0TFL3", 8) + rest, "TensorFlow Lite"},
      {std::string("\x1c\0\0\0ORTM", 8) + rest, "ORT format"},
      {"\x1f\x8b" + rest, "gunzip"},
      {"\n <!DOCTYPE html><html>Not found", "HTML page"},
      {"<?xml version=\"1.0\"?><net/>", "XML"},
      {"{\"a\": 1}", "text file"},
  };
  for (const auto& [bytes, words] : kFiles) {
    WriteFile(input(), bytes);
    ExpectRefusal({"'in/m.onnx': this is ", words});
  }
}

TEST_F(HostileModelsTest, AGitLfsPointerInPlaceOfTheData) {
  OneMatMul(Storage::kExternal).Save(input());
  WriteFile(folder_ / "in" / "m.onnx.data", "version https://git-lfs.github.com/spec/v1\n");
  ExpectRefusal({"tensor 'w'", "git lfs pull"});
}

TEST_F(HostileModelsTest, BodiesNestedTenThousandDeep) {
  // If { attribute { g { node { attribute { g ... : lengths from the inside, bytes from the outside.
  constexpr int kDepth = 10'000;
  std::vector<std::string> heads;
  std::uint64_t length = 0;
  for (int i = 0; i < kDepth; ++i) {
    for (const unsigned number : {kAttributeGraph, kNodeAttribute, kGraphNode}) {
      heads.push_back(Head(number, length));
      length += heads.back().size();
    }
  }
  std::string bytes = Head(kModelGraph, length);
  for (auto head = heads.rbegin(); head != heads.rend(); ++head) bytes += *head;
  WriteFile(input(), bytes);
  ExpectRefusal({"'in/m.onnx'", "nest more than 100 deep"});
}

// Unknown fields may be groups, an old form of message that has no length, and they may nest.
TEST_F(HostileModelsTest, GroupsNestedAMillionDeep) {
  for (const std::vector<unsigned>& within : {std::vector<unsigned>{},
                                              {kModelGraph},
                                              {kModelGraph, kGraphInitializer},
                                              {kModelGraph, kGraphValueInfo}}) {
    WriteMany(within, Varint(100U << 3U | 3U), 1'000'000);
    ExpectRefusal({"'in/m.onnx'", "a field has a type that ONNX files do not use"});
  }
}

// --- names

constexpr std::size_t kLongName = 10'000'000;

TEST_F(HostileModelsTest, AnErrorAboutATensorWithANameOf10Megabytes) {
  {
    ModelBuilder builder;
    const std::string name(kLongName, 'n');
    std::vector<float> values = RandomValues(32);
    values[5] = std::numeric_limits<float>::quiet_NaN();
    builder.Input("x", {2, 8}).Output("y", {2, 4}).Initializer(name, {8, 4}, values);
    builder.Node("MatMul", {"x", name}, {"y"}, "matmul");
    builder.Save(input());
  }
  ExpectRefusal({"'nnn", "...nnn", "[1, 1]"}, {"--nonfinite", "error", "--allow-growth"});
}

TEST_F(HostileModelsTest, ANodeWithANameOf10MegabytesIsANode) {
  {
    ModelBuilder builder = OneMatMul();
    builder.graph().mutable_node(0)->set_name(std::string(kLongName, 'n'));
    builder.Save(input());
  }
  const ProgramResult result = Quantize({"--allow-growth"});
  EXPECT_EQ(result.status, 0) << result.err.substr(0, kLongMessage);
  EXPECT_LT(result.err.size(), 2 * kLongMessage);
}

// --- files that claim more than they are

TEST_F(HostileModelsTest, AFileOf2GigabytesThatIsOneHole) {
  constexpr std::uint64_t kSize = 1ULL << 31U;
  WriteSparse("", kSize);
  ExpectRefusal({"'in/m.onnx'", "not a whole ONNX model"});
  for (const unsigned number : {kModelGraph, kModelMetadata}) {
    WriteSparse(Head(number, kSize - 6), kSize);
    ExpectRefusal({"'in/m.onnx'", "not a whole ONNX model"});
  }
  WriteSparse(Head(kModelDoc, kSize - 6), kSize);
  ExpectRefusal({"'in/m.onnx'", "would take more than 537 MB of memory"});
}

TEST_F(HostileModelsTest, AWeightOf2GigabytesThatIsOneHole) {
  constexpr std::uint64_t kSize = 1ULL << 31U;
  onnx::TensorProto tensor;
  tensor.set_name("w");
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.add_dims(1 << 20);
  tensor.add_dims(1 << 20);
  const std::string fields = tensor.SerializeAsString();
  const std::uint64_t payload = kSize - 64;
  const std::string raw = Head(9, payload);
  const std::string initializer = Head(kGraphInitializer, fields.size() + raw.size() + payload);
  const std::uint64_t graph = initializer.size() + fields.size() + raw.size() + payload;
  const std::string beginning = Head(kModelGraph, graph) + initializer + fields + raw;
  WriteSparse(beginning, beginning.size() + payload);
  ExpectRefusal({"tensor 'w'", "4,398,046,511,104 bytes, but it has 2,147,483,584"});
}

// --- few bytes on the disk that are many in memory

struct Bomb {
  std::string name;
  std::vector<unsigned> within;
  std::string piece;
};

class BombTest : public HostileModelsTest, public ::testing::WithParamInterface<Bomb> {};

TEST_P(BombTest, IsRefusedBeforeItIsParsed) {
  constexpr std::size_t kFileBytes = 24'000'000;
  WriteMany(GetParam().within, GetParam().piece, kFileBytes / GetParam().piece.size());
  ExpectRefusal({"'in/m.onnx'", "would take more than 537 MB of memory"});
}

INSTANTIATE_TEST_SUITE_P(
    Of, BombTest,
    ::testing::Values(Bomb{"Nodes", {kModelGraph}, Field(kGraphNode, "")},
                      Bomb{"Tensors", {kModelGraph}, Field(kGraphInitializer, "")},
                      Bomb{"ValueInfos", {kModelGraph}, Field(kGraphValueInfo, "")},
                      Bomb{"Attributes", {kModelGraph, kGraphNode}, Field(kNodeAttribute, "")},
                      Bomb{"Dimensions", {kModelGraph, kGraphValueInfo, 2, 1, 2}, Field(1, "")},
                      Bomb{"Metadata", {}, Field(kModelMetadata, "")},
                      Bomb{"UnknownFields", {kModelGraph, kGraphInitializer}, Field(1000, "")}),
    [](const auto& bomb) { return bomb.param.name; });

// Packed numbers: one byte each on the disk, eight in memory.
TEST_F(HostileModelsTest, PackedNumbersWithoutEnd) {
  constexpr std::uint64_t kNumbers = 500'000'000;
  for (const unsigned number : {1U, 7U}) {  // dims, int64_data
    const std::string packed = Head(number, kNumbers);
    const std::string tensor = Head(kGraphInitializer, packed.size() + kNumbers);
    const std::string beginning =
        Head(kModelGraph, tensor.size() + packed.size() + kNumbers) + tensor + packed;
    WriteSparse(beginning, beginning.size() + kNumbers);
    ExpectRefusal({"'in/m.onnx'", "would take more than 537 MB of memory"});
  }
}

}  // namespace
}  // namespace qi8::testing
