// What the rewriter changes, and what it leaves as it came.
#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "model/model.hpp"
#include "model/payload.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"
#include "support/program.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

using ::testing::ElementsAre;
using testing::MemoryFileSystem;
using testing::ModelBuilder;
using testing::RandomValues;
using testing::SetGraph;
using testing::Storage;

[[nodiscard]] Model Load(MemoryFileSystem& files, ModelBuilder& builder) {
  files.Add("m.onnx", builder.model().SerializeAsString());
  return Model::Load(files, "m.onnx");
}

using Places = std::vector<std::optional<ExternalPlace>>;

// Places and renders the model, old tensors with their bytes and new ones with zeros.
[[nodiscard]] onnx::ModelProto Finish(Model& model, const Places& places,
                                      const std::vector<MetadataEntry>& metadata = {}) {
  model.Place(places, "out.data");
  const auto bytes_of = [&model](std::uint32_t number, std::uint64_t length) {
    std::string bytes(length, '\0');
    if (number < model.tensors().size()) {
      const TensorSource& source = model.tensors()[number].source;
      EXPECT_EQ(source.range.length, length);
      model.files()[source.file].file->ReadAt(source.range.offset, std::as_writable_bytes(std::span(bytes)));
    }
    return bytes;
  };
  const ModelImage image = model.Render(metadata);
  const std::string file = testing::Assemble(image, bytes_of);
  EXPECT_EQ(file.size(), image.size);
  onnx::ModelProto after;
  EXPECT_TRUE(after.ParseFromString(file));
  return after;
}

[[nodiscard]] std::vector<std::string> NodeNames(const onnx::GraphProto& graph) {
  std::vector<std::string> names;
  for (const auto& node : graph.node()) names.push_back(node.name());
  return names;
}

template <typename Messages>
[[nodiscard]] std::vector<std::string> Names(const Messages& messages) {
  std::vector<std::string> names;
  for (const auto& message : messages) names.push_back(message.name());
  return names;
}

TEST(Rewriter, NoChangeGivesTheModelBack) {
  ModelBuilder builder;
  builder.Input("x", {2, 2}).Output("y", {2, 2}).Initializer("w", {2, 2}, RandomValues(4));
  builder.Int64Initializer("shape", {2}, {2, 2});
  auto& branch = builder.Node("If", {"x"}, {"y"});
  testing::SetTensor(*SetGraph(branch, "then_branch").add_node(), "value", {3}, RandomValues(3));
  MemoryFileSystem files;
  Model model = Load(files, builder);
  model.Apply({});
  EXPECT_EQ(Finish(model, Places(2)).SerializeAsString(), builder.model().SerializeAsString());
}

TEST(Rewriter, NodesStandWhereTheReplacedOneStood) {
  ModelBuilder builder;
  builder.Node("A", {"x"}, {"a"}, "a");
  builder.Node("B", {"a"}, {"b"}, "b");
  builder.Node("C", {"b"}, {"c"}, "c");
  auto& branch = builder.Node("If", {"c"}, {"d"}, "if");
  auto& inner = SetGraph(branch, "then_branch");
  for (const char* name : {"i", "j"}) {
    auto& node = *inner.add_node();
    node.set_op_type("I");
    node.set_name(name);
  }
  MemoryFileSystem files;
  Model model = Load(files, builder);
  const auto node = [&model](std::string_view name) {
    for (NodeId id = 0; id < model.nodes().size(); ++id) {
      if (model.nodes()[id].name == name) return id;
    }
    return kNone;
  };
  Rewrite rewrite;
  rewrite.replacements.push_back({.node = node("c"), .nodes = {}});
  rewrite.replacements.push_back({.node = node("b"),
                                  .nodes = {{.op_type = "P",
                                             .domain = "",
                                             .name = "p",
                                             .inputs = {"a", ""},
                                             .outputs = {"p1", "p2"},
                                             .attributes = {}},
                                            {.op_type = "Q",
                                             .domain = "com.example",
                                             .name = "q",
                                             .inputs = {"p1"},
                                             .outputs = {"b"},
                                             .attributes = {{"to", std::int64_t{-7}},
                                                            {"perm", std::vector<std::int64_t>{1, 0}},
                                                            {"value", FloatTensor{{}, {0.5F}}}}}}});
  rewrite.replacements.push_back(
      {.node = node("j"),
       .nodes = {
           {.op_type = "K", .domain = "", .name = "k", .inputs = {}, .outputs = {"k"}, .attributes = {}}}});
  model.Apply(rewrite);
  EXPECT_TRUE(model.nodes().empty() && model.values().empty() && model.graphs().empty());
  const auto after = Finish(model, {});

  EXPECT_THAT(NodeNames(after.graph()), ElementsAre("a", "p", "q", "if"));
  EXPECT_THAT(NodeNames(after.graph().node(3).attribute(0).g()), ElementsAre("i", "k"));
  const auto& p = after.graph().node(1);
  EXPECT_EQ(p.op_type(), "P");
  EXPECT_FALSE(p.has_domain());
  EXPECT_THAT(p.input(), ElementsAre("a", ""));
  EXPECT_THAT(p.output(), ElementsAre("p1", "p2"));
  const auto& q = after.graph().node(2);
  EXPECT_EQ(q.domain(), "com.example");
  ASSERT_EQ(q.attribute_size(), 3);
  EXPECT_EQ(q.attribute(0).type(), onnx::AttributeProto::INT);
  EXPECT_EQ(q.attribute(0).i(), -7);
  EXPECT_EQ(q.attribute(1).type(), onnx::AttributeProto::INTS);
  EXPECT_THAT(q.attribute(1).ints(), ElementsAre(1, 0));
  EXPECT_EQ(q.attribute(2).type(), onnx::AttributeProto::TENSOR);
  EXPECT_EQ(q.attribute(2).t().data_type(), onnx::TensorProto::FLOAT);
  EXPECT_EQ(q.attribute(2).t().dims_size(), 0);
  EXPECT_THAT(q.attribute(2).t().float_data(), ElementsAre(0.5F));
}

TEST(Rewriter, RemovesInitializersConstantsAndWhatIsSaidOfThem) {
  ModelBuilder builder;
  builder.Initializer("stays", {1}, RandomValues(1))
      .Initializer("goes", {1}, RandomValues(1))
      .Initializer("stays_too", {1}, RandomValues(1))
      .Initializer("unused", {1}, RandomValues(1));
  testing::SetTensor(builder.Node("Constant", {}, {"constant_goes"}, "c1"), "value", {1}, RandomValues(1));
  testing::SetTensor(builder.Node("Constant", {}, {"constant_stays"}, "c2"), "value", {1}, RandomValues(1));
  for (const char* name : {"stays", "goes", "t", "constant_goes", "constant_stays"}) {
    builder.graph().add_value_info()->set_name(name);
  }
  auto& inner = SetGraph(builder.Node("If", {"x"}, {"y"}, "if"), "then_branch");
  auto& inner_weight = *inner.add_initializer();
  inner_weight.set_name("inner_goes");
  inner_weight.set_data_type(onnx::TensorProto::FLOAT);
  inner_weight.add_dims(1);
  inner_weight.set_raw_data("abcd");
  inner.add_value_info()->set_name("inner_goes");
  inner.add_value_info()->set_name("goes");  // another's, hidden by this graph's own
  MemoryFileSystem files;
  Model model = Load(files, builder);
  Rewrite rewrite;
  for (ValueId id = 0; id < model.values().size(); ++id) {
    const Value& value = model.values()[id];
    const bool goes = value.is_initializer && (value.name == "goes" || value.name == "inner_goes");
    if (goes) rewrite.removed_initializers.push_back(id);
    if (value.name == "constant_goes") rewrite.replacements.push_back({.node = value.producer, .nodes = {}});
  }
  model.Apply(rewrite);
  const auto after = Finish(model, Places(model.tensors().size()));
  EXPECT_THAT(Names(after.graph().initializer()), ElementsAre("stays", "stays_too", "unused"));
  EXPECT_THAT(NodeNames(after.graph()), ElementsAre("c2", "if"));
  EXPECT_THAT(Names(after.graph().value_info()), ElementsAre("stays", "t", "constant_stays"));
  const auto& after_inner = after.graph().node(1).attribute(0).g();
  EXPECT_EQ(after_inner.initializer_size(), 0);
  EXPECT_THAT(Names(after_inner.value_info()), ElementsAre("goes"));
}

TEST(Rewriter, NewTensorsStandInTheirGraph) {
  ModelBuilder builder;
  builder.Initializer("old", {1}, RandomValues(1));
  SetGraph(builder.Node("If", {"x"}, {"y"}), "then_branch");
  MemoryFileSystem files;
  Model model = Load(files, builder);
  Rewrite rewrite;
  rewrite.new_tensors = {{.graph = 0, .name = "q", .type = DataType::kInt8, .dims = {3, 2}, .bytes = 6},
                         {.graph = 1, .name = "s", .type = DataType::kFloat, .dims = {2}, .bytes = 8}};
  model.Apply(rewrite);
  std::map<std::uint32_t, std::uint64_t> seen;
  model.ForEachOutputTensor([&seen](std::uint32_t number, std::uint64_t length) { seen[number] = length; });
  EXPECT_EQ(seen, (std::map<std::uint32_t, std::uint64_t>{{0, 4}, {1, 6}, {2, 8}}));

  const auto after = Finish(model, Places(3));
  ASSERT_THAT(Names(after.graph().initializer()), ElementsAre("old", "q"));
  const auto& q = after.graph().initializer(1);
  EXPECT_EQ(q.data_type(), onnx::TensorProto::INT8);
  EXPECT_THAT(q.dims(), ElementsAre(3, 2));
  EXPECT_EQ(q.raw_data(), std::string(6, '\0'));
  EXPECT_EQ(after.graph().initializer(0).raw_data().size(), 4U);
  EXPECT_THAT(Names(after.graph().node(0).attribute(0).g().initializer()), ElementsAre("s"));
}

TEST(Rewriter, PlacesGoIntoTheDataFile) {
  ModelBuilder builder;
  builder.Initializer("outside", {2}, RandomValues(2))
      .Initializer("inside", {1}, RandomValues(1), Storage::kFloatData);
  auto& was_outside = *builder.graph().add_initializer();
  was_outside.set_name("was_outside");
  was_outside.set_data_type(onnx::TensorProto::FLOAT);
  was_outside.add_dims(1);
  was_outside.set_data_location(onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] :
       {std::pair("location", "d"), std::pair("checksum", "abc"), std::pair("length", "4")}) {
    auto& entry = *was_outside.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
  MemoryFileSystem files;
  files.Add("d", "wxyz");
  Model model = Load(files, builder);
  model.Apply({});
  Places places(3);
  places[0] = {.offset = 4096, .length = 8};
  const auto after = Finish(model, places);
  const auto& outside = after.graph().initializer(0);
  EXPECT_EQ(outside.data_location(), onnx::TensorProto::EXTERNAL);
  EXPECT_FALSE(outside.has_raw_data());
  std::vector<std::string> entries;
  for (const auto& entry : outside.external_data()) entries.push_back(entry.key() + "=" + entry.value());
  EXPECT_THAT(entries, ElementsAre("location=out.data", "offset=4096", "length=8"));
  const auto& inside = after.graph().initializer(1);
  EXPECT_FALSE(inside.has_data_location());
  EXPECT_EQ(inside.raw_data().size(), 4U);
  EXPECT_EQ(inside.float_data_size(), 0);
  const auto& moved_in = after.graph().initializer(2);
  EXPECT_FALSE(moved_in.has_data_location());
  EXPECT_EQ(moved_in.external_data_size(), 0);
  EXPECT_EQ(moved_in.raw_data(), "wxyz");
}

// A graph that asks for more and gives more, or only what is added; tensors in files of their own stay there.
TEST(Rewriter, AddsInputsAndOutputs) {
  ModelBuilder builder;
  builder.Input("x", {2, 2})
      .Output("y", {2, 2})
      .Initializer("w", {2, 2}, RandomValues(4), Storage::kExternal);
  builder.Node("MatMul", {"x", "w"}, {"y"}, "m");
  const testing::TempFolder folder;
  builder.Save(folder / "m.onnx");
  const auto files = MakePosixFileSystem();
  const auto rewritten = [&](bool drops_outputs) {
    Model model = Model::Load(*files, folder / "m.onnx");
    Rewrite rewrite;
    rewrite.added_inputs = {{"d", DataType::kFloat}};
    rewrite.added_outputs = {{"t", DataType::kUndefined}};
    rewrite.drops_outputs = drops_outputs;
    model.Apply(rewrite);
    model.PlaceAsTheyWere();
    const ModelImage image = model.Render({});
    EXPECT_TRUE(image.slots.empty()) << "all weights are outside";
    onnx::ModelProto after;
    EXPECT_TRUE(after.ParseFromString(image.text));
    return after;
  };
  const auto after = rewritten(false);
  EXPECT_THAT(Names(after.graph().input()), ElementsAre("x", "d"));
  EXPECT_EQ(after.graph().input(1).type().tensor_type().elem_type(), onnx::TensorProto::FLOAT);
  EXPECT_FALSE(after.graph().input(1).type().tensor_type().has_shape());
  EXPECT_THAT(Names(after.graph().output()), ElementsAre("y", "t"));
  EXPECT_FALSE(after.graph().output(1).has_type());
  const auto& weight = after.graph().initializer(0);
  EXPECT_EQ(weight.data_location(), onnx::TensorProto::EXTERNAL);
  EXPECT_EQ(weight.external_data(0).value(), "m.onnx.data");
  EXPECT_THAT(Names(rewritten(true).graph().output()), ElementsAre("t"));
}

TEST(Rewriter, TensorsWithoutElementsAreWrittenInside) {
  ModelBuilder builder;
  auto& empty = *builder.graph().add_initializer();
  empty.set_name("empty");
  empty.set_data_type(onnx::TensorProto::FLOAT);
  empty.add_dims(0);
  empty.set_data_location(onnx::TensorProto::EXTERNAL);
  auto& entry = *empty.add_external_data();
  entry.set_key("location");
  entry.set_value("d");
  builder.Initializer("inline_empty", {0, 3}, std::vector<float>());
  MemoryFileSystem files;
  files.Add("d", "");
  Model model = Load(files, builder);
  model.Apply({});
  Places places(1);
  places[0] = {.offset = 64, .length = 0};
  const auto after = Finish(model, places);
  for (const auto& tensor : after.graph().initializer()) {
    EXPECT_TRUE(tensor.has_raw_data()) << tensor.name();
    EXPECT_EQ(tensor.raw_data(), "");
    EXPECT_FALSE(tensor.has_data_location());
    EXPECT_EQ(tensor.external_data_size(), 0);
  }
}

TEST(Rewriter, MetadataIsReplacedAndKept) {
  ModelBuilder builder;
  for (const auto& [key, value] : {std::pair("author", "a"), std::pair("tool", "old"),
                                   std::pair("license", "l"), std::pair("tool", "older")}) {
    auto& property = *builder.model().add_metadata_props();
    property.set_key(key);
    property.set_value(value);
  }
  MemoryFileSystem files;
  Model model = Load(files, builder);
  model.Apply({});
  static_cast<void>(Finish(model, {}, {{"tool", "layout"}}));
  const auto after = Finish(model, {}, {{"tool", "new"}, {"hash", "h"}});
  std::vector<std::string> entries;
  for (const auto& property : after.metadata_props())
    entries.push_back(property.key() + "=" + property.value());
  EXPECT_THAT(entries, ElementsAre("author=a", "license=l", "tool=new", "hash=h"));
}

// A replaced node may hold a body, in files that mean harm: nothing of it may be touched once it is gone.
TEST(Rewriter, BodiesOfReplacedNodesGoWithThem) {
  ModelBuilder builder;
  auto& outer = builder.Node("MatMul", {"x", "w"}, {"y"}, "outer");
  auto& body = SetGraph(outer, "body");
  auto& inner = *body.add_node();
  inner.set_op_type("MatMul");
  inner.set_name("inner");
  MemoryFileSystem files;
  Model model = Load(files, builder);
  Rewrite rewrite;
  for (NodeId id = 0; id < 2; ++id) {
    rewrite.replacements.push_back(
        {.node = id,
         .nodes = {
             {.op_type = "P", .domain = "", .name = "p", .inputs = {}, .outputs = {"y"}, .attributes = {}}}});
  }
  model.Apply(rewrite);
  EXPECT_THAT(NodeNames(Finish(model, {}).graph()), ElementsAre("p"));
}

// ---------------------------------------------------------------- models of tomorrow

void AddUnknown(google::protobuf::Message& message, int field, const std::string& content) {
  message.GetReflection()->MutableUnknownFields(&message)->AddLengthDelimited(field, content);
}

[[nodiscard]] std::string Property(const std::string& key, const std::string& value) {
  onnx::StringStringEntryProto entry;
  entry.set_key(key);
  entry.set_value(value);
  return entry.SerializeAsString();
}

onnx::TensorProto& AddTensor(onnx::GraphProto& graph, const std::string& name, std::int32_t type,
                             std::int64_t elements, const std::string& bytes) {
  auto& tensor = *graph.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(type);
  tensor.add_dims(elements);
  tensor.set_raw_data(bytes);
  AddUnknown(tensor, 16, Property("tensor", name));  // TensorProto.metadata_props
  return tensor;
}

// IR 10, opset 21 and beyond: fields and numbers that ONNX 1.12 does not have, at every level. The bytes of
// tensors of new types are raw or in the file "d".
[[nodiscard]] ModelBuilder Tomorrow(const std::filesystem::path& folder) {
  ModelBuilder builder(22, 11);
  auto& model = builder.model();
  builder.Input("x", {2, 16}).Output("y", {2, 16});
  builder.Initializer("w", {16, 16}, RandomValues(256));
  AddUnknown(*builder.graph().mutable_initializer(0), 16, Property("goes", "with w"));

  std::string data;
  const auto add_tensor = [&](const std::string& name, std::int32_t type, std::int64_t elements,
                              std::size_t size) {
    const std::string bytes(size, static_cast<char>(type));
    AddTensor(builder.graph(), name, type, elements, bytes);
    auto& external = AddTensor(builder.graph(), name + "_external", type, elements, bytes);
    external.clear_raw_data();
    external.set_data_location(onnx::TensorProto::EXTERNAL);
    for (const auto& [key, value] :
         {std::pair("location", std::string("d")), std::pair("offset", std::to_string(data.size())),
          std::pair("length", std::to_string(size))}) {
      auto& entry = *external.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    }
    data += bytes;
  };
  for (const std::int32_t float8 : {17, 18, 19, 20})
    add_tensor("float8_" + std::to_string(float8), float8, 3000, 3000);
  add_tensor("uint4", 21, 3001, 1501);
  add_tensor("int4", 22, 3001, 1501);
  add_tensor("float4", 23, 3001, 1501);
  add_tensor("not_yet_invented", 77, 10, 1999);
  auto& int4_numbers = *builder.graph().add_initializer();
  int4_numbers.set_name("int4_numbers");
  int4_numbers.set_data_type(22);
  int4_numbers.add_dims(3);
  int4_numbers.add_int32_data(0x21);
  int4_numbers.add_int32_data(0x3);

  builder.Node("MatMul", {"x", "w"}, {"t"}, "matmul");
  auto& node = builder.Node("Local", {"t"}, {"u"}, "call");
  node.set_domain("local");
  AddUnknown(node, 8, "an overload");                    // NodeProto.overload
  AddUnknown(node, 9, Property("namespace", "/model"));  // NodeProto.metadata_props
  AddUnknown(node, 10, "a device configuration");        // NodeProto.device_configurations
  auto& attribute = *node.add_attribute();
  attribute.set_name("of a new kind");
  attribute.GetReflection()->MutableUnknownFields(&attribute)->AddVarint(20, 99);  // AttributeProto.type
  AddUnknown(attribute, 30, "its value");
  auto& branch = builder.Node("If", {"c"}, {"y"}, "if");
  auto& body = SetGraph(branch, "then_branch");
  AddUnknown(body, 16, Property("graph", "inner"));
  AddTensor(body, "inner_int4", 22, 4096, std::string(2048, '\x5a'));

  AddUnknown(builder.graph(), 16, Property("graph", "main"));                // GraphProto.metadata_props
  AddUnknown(*builder.graph().mutable_input(0), 4, Property("value", "x"));  // ValueInfoProto.metadata_props
  auto& sequence = *builder.graph().add_value_info();
  sequence.set_name("t");
  AddUnknown(*sequence.mutable_type(), 12, "a type constructor");
  AddUnknown(sequence, 4, Property("value", "t"));

  auto& function = *model.add_functions();
  function.set_name("Local");
  function.set_domain("local");
  AddUnknown(function, 11, "attribute_proto");            // FunctionProto.attribute_proto, of ONNX 1.13
  AddUnknown(function, 12, Property("value_info", "f"));  // .value_info
  AddUnknown(function, 13, "an overload");                // .overload
  AddUnknown(function, 14, Property("function", "f"));    // .metadata_props
  AddUnknown(*function.add_node(), 9, Property("in", "function"));
  AddUnknown(model, 26, "device configurations");  // ModelProto.configuration
  model.GetReflection()->MutableUnknownFields(&model)->AddVarint(1000, 123456789);
  if (!folder.empty()) {
    testing::WriteFile(folder / "d", data);
    builder.Save(folder / "in.onnx");
  }
  return builder;
}

// The bytes of external tensors inside, under the place where they would be had they always been.
void PullIn(onnx::ModelProto& model, const std::filesystem::path& folder) {
  ForEachTensor(model, [&folder](onnx::TensorProto& tensor) {
    if (tensor.data_location() != onnx::TensorProto::EXTERNAL) return;
    std::map<std::string, std::string> entries;
    for (const auto& entry : tensor.external_data()) entries[entry.key()] = entry.value();
    const std::string bytes = testing::ReadFile(folder / entries.at("location"));
    tensor.set_raw_data(bytes.substr(std::stoull(entries.at("offset")), std::stoull(entries.at("length"))));
    tensor.clear_external_data();
    tensor.clear_data_location();
  });
}

TEST(ModelsOfTomorrow, SurviveTheWholeProgram) {
  for (const char* external_data : {"always", "never"}) {
    const testing::TempFolder folder;
    auto before = Tomorrow(folder.path()).model();
    const auto result = testing::RunQuantizeInt8(
        {"in.onnx", "out.onnx", "--external-data", external_data, "-q", "--form", "per-tensor"},
        {.folder = folder.path(), .environment = {}});
    ASSERT_EQ(result.status, 0) << result.err;
    auto after = testing::ParseModel(folder / "out.onnx");
    PullIn(before, folder.path());
    PullIn(after, folder.path());

    // What was quantized is taken out of both; everything else is the same to the last bit.
    auto& before_graph = *before.mutable_graph();
    auto& after_graph = *after.mutable_graph();
    before_graph.mutable_node()->DeleteSubrange(0, 1);
    before_graph.mutable_initializer()->DeleteSubrange(0, 1);
    ASSERT_EQ(after_graph.node_size(), 7);
    EXPECT_EQ(after_graph.node(1).op_type() + after_graph.node(2).op_type(), "MulMatMulInteger");
    after_graph.mutable_node()->DeleteSubrange(0, 5);
    ASSERT_EQ(after_graph.initializer_size(), before_graph.initializer_size() + 2);
    after_graph.mutable_initializer()->DeleteSubrange(before_graph.initializer_size(), 2);
    for (int i = 0; i < before_graph.initializer_size(); ++i) {
      EXPECT_EQ(after_graph.initializer(i).SerializeAsString(),
                before_graph.initializer(i).SerializeAsString())
          << before_graph.initializer(i).name();
    }
    after.clear_metadata_props();
    EXPECT_EQ(after.SerializeAsString(), before.SerializeAsString());
    EXPECT_EQ(after.ir_version(), 11);
  }
}

TEST(ModelsOfTomorrow, AreTomorrowsForThisOnnx) {
  // Should Debian's ONNX learn of these fields, the test above has to look further ahead.
  const auto model = Tomorrow({}).model();
  EXPECT_EQ(model.unknown_fields().field_count(), 2);
  EXPECT_EQ(model.graph().unknown_fields().field_count(), 1);
  EXPECT_EQ(onnx::TensorProto::descriptor()->FindFieldByNumber(16), nullptr);
  EXPECT_EQ(onnx::NodeProto::descriptor()->FindFieldByNumber(8), nullptr);
  EXPECT_EQ(onnx::ModelProto::descriptor()->FindFieldByNumber(26), nullptr);
  EXPECT_FALSE(onnx::TensorProto::DataType_IsValid(22));
}

}  // namespace
}  // namespace qi8
