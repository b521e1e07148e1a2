// Model::Load: the graph from the file, the places of its tensors, the names and who reads them.

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>

#include "core/checked.hpp"
#include "core/text.hpp"
#include "model/cycle.hpp"
#include "model/foreign_format.hpp"
#include "model/model_proto.hpp"
#include "model/payload.hpp"
#include "model/repeated_initializers.hpp"
#include "qi8/error.hpp"

namespace qi8 {

class Model::Loader {
 public:
  // `source`: of the model that an optimizer made this one of, or null.
  Loader(FileSystem& file_system, const std::filesystem::path& path, const ModelHeader* source)
      : file_system_(file_system), path_(path), source_(source) {}

  Model Load() {
    AddFile(file_system_.OpenForReading(path_), path_.native(), false);
    Parse();
    KeepLastInitializersOfMainGraph();
    if (source_ != nullptr) KeepInputsOf(*source_);
    for (auto& function : *proto().model.mutable_functions()) {
      ForEachTensor(function,
                    [&](onnx::TensorProto& tensor) { function_tensors_[&tensor] = function.name(); });
    }
    ForEachTensor(proto().model, [this](onnx::TensorProto& tensor) { AddTensor(tensor); });
    for (const auto& function : proto().model.functions()) {
      functions_.emplace(function.domain(), function.name());
    }
    for (const auto& import : proto().model.opset_import()) {
      const bool standard = import.domain().empty() || import.domain() == "ai.onnx";
      model_.opsets_.push_back({standard ? "" : import.domain(), import.version()});
    }
    AddGraph(*proto().model.mutable_graph(), kNone, kNone, nullptr);
    AddLiterals();
    RequireNoCycle();
    return std::move(model_);
  }

 private:
  // The names that a body may read: its own, then those of the graphs around it.
  struct Scope {
    const Scope* outer = nullptr;
    std::unordered_map<std::string_view, ValueId> values;

    [[nodiscard]] ValueId Find(std::string_view name) const {
      for (const Scope* scope = this; scope != nullptr; scope = scope->outer) {
        const auto found = scope->values.find(name);
        if (found != scope->values.end()) return found->second;
      }
      return kNone;
    }
  };

  Proto& proto() { return *model_.proto_; }

  [[noreturn]] void Fail(const std::string& message) const {
    throw Error(ErrorKind::kInvalidModel, Quote(path_.native()) + ": " + message);
  }

  [[noreturn]] void FailAt(const onnx::TensorProto& tensor, const std::string& message) const {
    Fail("tensor " + Quote(tensor.name()) + ": " + message);
  }

  [[noreturn]] void FailDefinedTwice(const Value& value) const {
    Fail("tensor " + Quote(value.name) +
         " is defined twice in its graph, and nothing says which one is meant; rename or remove one of them");
  }

  FileId AddFile(std::unique_ptr<ReadableFile> file, std::string location, bool in_memory) {
    const FileIdentity identity = file->Identity();
    model_.files_.push_back({std::move(file), std::move(location), identity, in_memory});
    return static_cast<FileId>(model_.files_.size() - 1);
  }

  void Parse() {
    const InputFile& input = model_.files_.front();
    if (input.identity.size == 0) Fail("the file is empty; it is not an ONNX model");
    try {
      ParseOnnx(input);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kInvalidModel) throw;
      const std::string format = NameForeignFormat(BeginningOf(input));
      if (format.empty()) throw;
      Fail(format);
    }
  }

  static std::string BeginningOf(const InputFile& input) {
    std::string beginning(std::min<std::uint64_t>(input.identity.size, kForeignFormatBytes), '\0');
    input.file->ReadAt(0, std::as_writable_bytes(std::span(beginning)));
    return beginning;
  }

  void ParseOnnx(const InputFile& input) {
    const std::string graph = CutPayloads(*input.file, input.identity.size);
    if (graph.size() > INT32_MAX)
      Fail("the graph without its weights is larger than the 2 GiB that protobuf allows");
    if (!proto().model.ParseFromString(graph)) {
      Fail("protobuf cannot read it as an ONNX model; is it damaged, or another kind of file?");
    }
    if (!proto().model.has_graph()) Fail("it holds no graph; it is not an ONNX model");
  }

  // In a body, where the runtime loads no such model, AddGraph refuses it.
  void KeepLastInitializersOfMainGraph() {
    for (const std::string& name :
         KeepLastInitializers(*proto().model.mutable_graph(), *model_.files_.front().file)) {
      model_.warnings_.push_back(Quote(path_.native()) + ": initializer " + Quote(name) +
                                 " is defined more than once; the last definition counts");
    }
  }

  void KeepInputsOf(const ModelHeader& source) {
    std::set<std::string_view> required;
    for (const ValueDeclaration& input : source.inputs) required.insert(input.name);
    onnx::GraphProto& graph = *proto().model.mutable_graph();
    std::set<std::string_view> defaults;
    for (const auto& initializer : graph.initializer()) defaults.insert(initializer.name());
    const bool are_constant = proto().model.ir_version() < kFirstIrWithConstantInitializers;
    RemoveIf(*graph.mutable_input(), [&](const auto& input) {
      return !required.contains(input.name()) && (are_constant || !defaults.contains(input.name()));
    });
    if (are_constant) proto().model.set_ir_version(kFirstIrWithConstantInitializers);
  }

  void RequireNoCycle() const {
    const auto id = FindCycle(model_.graphs_, model_.nodes_, model_.values_);
    if (!id) return;
    const Node& node = model_.nodes_[*id];
    Fail("node " + Quote(node.name) + " (" + Plain(node.op_type) +
         ") needs its own output, directly or through other nodes; a graph with a cycle cannot run");
  }

  void AddTensor(onnx::TensorProto& tensor) {
    const auto source = SourceOf(tensor);
    if (!source) return;  // its numbers stay in the graph
    Tensor entry;
    entry.name = tensor.name();
    if (const auto found = function_tensors_.find(&tensor); found != function_tensors_.end()) {
      entry.function = found->second;
    }
    entry.type = static_cast<DataType>(tensor.data_type());
    entry.dims.assign(tensor.dims().begin(), tensor.dims().end());
    const auto elements = ElementCount(entry.dims);
    if (!elements) {
      FailAt(tensor,
             "its shape " + FormatShape(entry.dims) + " has a negative dimension or too many elements");
    }
    entry.elements = *elements;
    entry.source = *source;
    const auto expected = StoredBytes(entry.type, entry.elements);
    if (!expected && StoredBytes(entry.type, 1)) {
      FailAt(tensor, "its shape " + FormatShape(entry.dims) + " has too many elements");
    }
    if (expected && *expected != entry.source.range.length) {
      FailAt(tensor, "its shape " + FormatShape(entry.dims) + " of " + DataTypeName(entry.type) + " takes " +
                         FormatCount(*expected) + " bytes, but it has " +
                         FormatCount(entry.source.range.length));
    }
    tensor.clear_raw_data();  // some writers leave an empty one
    SetPayload(tensor, {model_.tensors_.size(), entry.source.range.length});
    tensor_ids_[&tensor] = static_cast<TensorId>(model_.tensors_.size());
    proto().tensors.push_back(&tensor);
    model_.tensors_.push_back(std::move(entry));
  }

  // The file in memory comes after all others, so its number is known only at the end.
  void AddLiterals() {
    const auto is_literal = [](const Tensor& tensor) { return tensor.source.file == kLiteralsToCome; };
    if (std::ranges::none_of(model_.tensors_, is_literal)) return;
    const FileId file = AddFile(MakeMemoryFile(path_.native(), std::move(literals_)), path_.native(), true);
    for (Tensor& tensor : model_.tensors_) {
      if (is_literal(tensor)) tensor.source.file = file;
    }
  }

  // Where the tensor's bytes lie, and the tensor without them; nothing where they are not one run of raw
  // bytes.
  std::optional<TensorSource> SourceOf(onnx::TensorProto& tensor) {
    const bool external = tensor.has_data_location() && tensor.data_location() == onnx::TensorProto::EXTERNAL;
    const auto payload = GetPayload(tensor);
    if (external) {
      if (payload || !tensor.raw_data().empty() || HasNumbers(tensor))
        FailAt(tensor, "it has its data both inside the model and outside");
      return ExternalSource(tensor);
    }
    const std::optional<TensorSource> source =
        payload ? TensorSource{0, {payload->first, payload->second}} : TakeLiteral(tensor);
    // What is left would stand beside the same data in the output.
    if (source && (PayloadCount(tensor) > 1 || !tensor.raw_data().empty() || HasNumbers(tensor)))
      FailAt(tensor, "it has its data twice, in different forms");
    return source;
  }

  // What stands in the tensor though it has the type of a weight: numbers one by one, or bytes that
  // CutPayloads() left, as the tensor is written in several pieces or in thousands. They are taken out of it.
  std::optional<TensorSource> TakeLiteral(onnx::TensorProto& tensor) {
    const auto type = static_cast<DataType>(tensor.data_type());
    if (IsFloatingPoint(type) && !tensor.raw_data().empty()) {
      const std::string bytes = std::move(*tensor.mutable_raw_data());
      tensor.clear_raw_data();
      return AddLiteral(std::as_bytes(std::span(bytes)));
    }
    switch (type) {
      case DataType::kFloat:
        return TakeNumbers<float>(*tensor.mutable_float_data());
      case DataType::kDouble:
        return TakeNumbers<double>(*tensor.mutable_double_data());
      case DataType::kFloat16:
      case DataType::kBfloat16:  // as integers, one in each
        return TakeNumbers<std::uint16_t>(*tensor.mutable_int32_data());
      default:
        return std::nullopt;
    }
  }

  template <typename Number, typename Stored>
  std::optional<TensorSource> TakeNumbers(google::protobuf::RepeatedField<Stored>& stored) {
    if (stored.empty()) return std::nullopt;
    std::vector<Number> numbers;
    numbers.reserve(static_cast<std::size_t>(stored.size()));
    for (const Stored number : stored) numbers.push_back(static_cast<Number>(number));
    stored.Clear();
    return AddLiteral(std::as_bytes(std::span(numbers)));
  }

  // Whether numbers stand in the tensor one by one.
  static bool HasNumbers(const onnx::TensorProto& tensor) {
    return tensor.float_data_size() > 0 || tensor.double_data_size() > 0 || tensor.int32_data_size() > 0 ||
           tensor.int64_data_size() > 0 || tensor.uint64_data_size() > 0 || tensor.string_data_size() > 0;
  }

  static int PayloadCount(const onnx::TensorProto& tensor) {
    const auto& unknown = onnx::TensorProto::GetReflection()->GetUnknownFields(tensor);
    int count = 0;
    for (int i = 0; i < unknown.field_count(); ++i)
      count += unknown.field(i).number() == kPayloadField ? 1 : 0;
    return count;
  }

  // Numbers that protobuf stored one by one become a run of bytes in the file in memory.
  TensorSource AddLiteral(std::span<const std::byte> bytes) {
    const TensorSource source{kLiteralsToCome, {literals_.size(), bytes.size()}};
    literals_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return source;
  }

  TensorSource ExternalSource(onnx::TensorProto& tensor) {
    std::string location;
    std::uint64_t offset = 0;
    std::optional<std::uint64_t> length;
    for (const auto& entry : tensor.external_data()) {
      if (entry.key() == "location") location = entry.value();
      if (entry.key() == "offset") offset = ParseNumber(tensor, entry);
      if (entry.key() == "length") length = ParseNumber(tensor, entry);
    }
    const FileId file = OpenExternal(tensor, location);
    const std::uint64_t size = model_.files_[file].identity.size;
    if (!length) {
      const std::vector<std::int64_t> dims(tensor.dims().begin(), tensor.dims().end());
      const auto elements = ElementCount(dims);
      const auto type = static_cast<DataType>(tensor.data_type());
      length = elements ? StoredBytes(type, *elements) : std::nullopt;
      if (!length)
        FailAt(tensor,
               "its external data has no length, and none follows from its type and shape; export the model "
               "again");
    }
    const ByteRange range{offset, *length};
    if (!range.Within(size)) {
      FailAt(tensor, "its data is " + FormatCount(range.length) + " bytes from byte " +
                         FormatCount(range.offset) + " of " + Quote(location) + ", which has only " +
                         FormatCount(size) + " bytes; " +
                         (IsGitLfsPointer(BeginningOf(model_.files_[file]))
                              ? "it is a Git LFS pointer; fetch the file itself with: git lfs pull"
                              : "is that file whole, and does it belong to this model?"));
    }
    tensor.clear_external_data();
    tensor.clear_data_location();
    return {file, range};
  }

  std::uint64_t ParseNumber(const onnx::TensorProto& tensor,
                            const onnx::StringStringEntryProto& entry) const {
    const std::string& text = entry.value();
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
      FailAt(tensor,
             "the " + entry.key() + " of its external data is " + Quote(text) + ", not a number of bytes");
    }
    return number;
  }

  FileId OpenExternal(const onnx::TensorProto& tensor, const std::string& location) {
    const auto known = file_ids_.find(location);
    if (known != file_ids_.end()) return known->second;
    std::unique_ptr<ReadableFile> file;
    try {
      file = file_system_.OpenBeneath(path_.parent_path(), location);
    } catch (const Error& error) {
      FailAt(tensor, std::string("its external data: ") + error.what());
    }
    const FileIdentity identity = file->Identity();
    FileId id = 0;
    while (id < model_.files_.size() && !model_.files_[id].identity.SameFile(identity)) ++id;
    if (id == model_.files_.size()) AddFile(std::move(file), location, false);
    file_ids_[location] = id;
    return id;
  }

  ValueId Define(Scope& scope, GraphId graph, std::string_view name) {
    const auto id = static_cast<ValueId>(model_.values_.size());
    const auto [entry, is_new] = scope.values.try_emplace(name, id);
    if (is_new) model_.values_.push_back({.name = name, .graph = graph});
    return entry->second;
  }

  void AddGraph(onnx::GraphProto& graph, GraphId parent, NodeId owner, const Scope* outer) {
    const auto id = static_cast<GraphId>(model_.graphs_.size());
    model_.graphs_.push_back({.parent = parent, .owner = owner, .outputs = {}, .output_values = {}});
    proto().graphs.push_back(&graph);
    Scope scope{.outer = outer, .values = {}};

    for (const auto& input : graph.input()) {
      Value& value = model_.values_[Define(scope, id, input.name())];
      if (value.is_graph_input) FailDefinedTwice(value);
      value.is_graph_input = true;
      value.declared_type = TypeOf(input);
      value.rank = RankOf(input);
    }
    for (auto& initializer : *graph.mutable_initializer()) {
      const ValueId value = DefineInitializer(scope, id, initializer.name(), TensorIdOf(initializer));
      model_.values_[value].declared_type = static_cast<DataType>(initializer.data_type());
      if (TensorIdOf(initializer) == kNone) proto().small_constants.emplace(value, &initializer);
    }
    for (const auto& sparse : graph.sparse_initializer()) {
      model_.values_[DefineInitializer(scope, id, sparse.values().name(), kNone)].is_sparse = true;
    }
    const auto first_node = static_cast<NodeId>(model_.nodes_.size());
    for (auto& node : *graph.mutable_node()) AddNode(node, id, scope);
    const auto end_node = static_cast<NodeId>(model_.nodes_.size());
    for (const auto& info : graph.value_info()) Declare(scope, info);
    for (const auto& info : graph.output()) Declare(scope, info);

    for (const auto& output : graph.output()) {
      const ValueId value = scope.Find(output.name());
      model_.graphs_[id].outputs.push_back(output.name());
      model_.graphs_[id].output_values.push_back(value);
      Use(value);
    }
    for (NodeId n = first_node; n < end_node; ++n) {
      for (const std::string_view input : model_.nodes_[n].inputs) {
        const ValueId value = input.empty() ? kNone : scope.Find(input);
        model_.nodes_[n].input_values.push_back(value);
        Use(value);
      }
    }
    for (NodeId n = first_node; n < end_node; ++n) {
      for (auto& attribute : *proto().nodes[n]->mutable_attribute()) {
        if (attribute.has_g()) AddGraph(*attribute.mutable_g(), id, n, &scope);
        for (auto& body : *attribute.mutable_graphs()) AddGraph(body, id, n, &scope);
      }
    }
  }

  static DataType TypeOf(const onnx::ValueInfoProto& info) {
    return static_cast<DataType>(info.type().tensor_type().elem_type());
  }

  void Declare(const Scope& scope, const onnx::ValueInfoProto& info) {
    const auto found = scope.values.find(info.name());
    if (found == scope.values.end()) return;
    DataType& type = model_.values_[found->second].declared_type;
    if (type == DataType::kUndefined) type = TypeOf(info);
    std::optional<std::size_t>& rank = model_.values_[found->second].rank;
    if (!rank) rank = RankOf(info);
  }

  static std::optional<std::size_t> RankOf(const onnx::ValueInfoProto& info) {
    if (!info.type().tensor_type().has_shape()) return std::nullopt;
    return static_cast<std::size_t>(info.type().tensor_type().shape().dim_size());
  }

  ValueId DefineInitializer(Scope& scope, GraphId graph, std::string_view name, TensorId tensor) {
    const ValueId id = Define(scope, graph, name);
    Value& value = model_.values_[id];
    if (value.is_initializer) FailDefinedTwice(value);
    value.is_initializer = true;
    if (graph == 0 && proto().model.ir_version() < kFirstIrWithConstantInitializers)
      value.is_graph_input = false;
    value.tensor = tensor;
    if (tensor != kNone) model_.tensors_[tensor].may_be_external = true;
    return id;
  }

  void AddNode(onnx::NodeProto& proto_node, GraphId graph, Scope& scope) {
    const auto id = static_cast<NodeId>(model_.nodes_.size());
    Node node;
    node.id = id;
    node.graph = graph;
    node.name = proto_node.name();
    node.op_type = proto_node.op_type();
    node.domain = proto_node.domain() == "ai.onnx" ? std::string_view() : proto_node.domain();
    node.inputs.assign(proto_node.input().begin(), proto_node.input().end());
    node.outputs.assign(proto_node.output().begin(), proto_node.output().end());
    node.calls_function = functions_.contains({proto_node.domain(), proto_node.op_type()});
    for (const std::string_view output : node.outputs) {
      if (output.empty()) continue;
      const ValueId value_id = Define(scope, graph, output);
      Value& value = model_.values_[value_id];
      if (value.is_graph_input || value.is_initializer || value.producer != kNone) FailDefinedTwice(value);
      value.producer = id;
      if (node.op_type == "Constant" && node.domain.empty()) SetConstant(proto_node, value_id);
    }
    model_.nodes_.push_back(std::move(node));
    proto().nodes.push_back(&proto_node);
  }

  // The contents of a Constant node, in whichever attribute they stand.
  void SetConstant(onnx::NodeProto& node, ValueId id) {
    Value& value = model_.values_[id];
    for (auto& attribute : *node.mutable_attribute()) {
      if (attribute.name() == "value" && attribute.has_t()) {
        value.tensor = TensorIdOf(*attribute.mutable_t());
        value.declared_type = static_cast<DataType>(attribute.t().data_type());
        if (value.tensor == kNone) {
          proto().small_constants.emplace(id, &attribute.t());
          continue;
        }
        model_.tensors_[value.tensor].name = value.name;
        model_.tensors_[value.tensor].may_be_external = true;
      } else if (attribute.name() == "value_float") {
        const float number = attribute.f();
        SetFloats(value, {}, std::as_bytes(std::span(&number, 1)));
      } else if (attribute.name() == "value_floats") {
        SetFloats(value, {attribute.floats_size()},
                  std::as_bytes(std::span(attribute.floats().data(),
                                          static_cast<std::size_t>(attribute.floats_size()))));
      } else if (attribute.name() == "value_int" || attribute.name() == "value_ints") {
        value.declared_type = DataType::kInt64;
        proto().integer_attributes.emplace(id, &attribute);
      } else if (attribute.name() == "sparse_value") {
        value.is_sparse = true;
      }
    }
  }

  // Floats that stand in an attribute are a tensor too, though no TensorProto.
  void SetFloats(Value& value, std::vector<std::int64_t> dims, std::span<const std::byte> bytes) {
    value.tensor = static_cast<TensorId>(model_.tensors_.size());
    value.declared_type = DataType::kFloat;
    Tensor entry;
    entry.name = value.name;
    entry.elements = bytes.size() / sizeof(float);
    entry.dims = std::move(dims);
    entry.source = AddLiteral(bytes);
    model_.tensors_.push_back(std::move(entry));
    proto().tensors.push_back(nullptr);
  }

  void Use(ValueId value) {
    if (value != kNone) ++model_.values_[value].uses;
  }

  TensorId TensorIdOf(const onnx::TensorProto& tensor) const {
    const auto found = tensor_ids_.find(&tensor);
    return found == tensor_ids_.end() ? kNone : found->second;
  }

  static constexpr FileId kLiteralsToCome = kNone;

  FileSystem& file_system_;
  const std::filesystem::path& path_;
  const ModelHeader* source_;
  Model model_;
  std::string literals_;
  std::map<std::string, FileId> file_ids_;
  std::set<std::pair<std::string, std::string>> functions_;  // domain and name
  std::unordered_map<const onnx::TensorProto*, TensorId> tensor_ids_;
  std::unordered_map<const onnx::TensorProto*, std::string_view>
      function_tensors_;  // by name of the function
};

Model Model::Load(FileSystem& file_system, const std::filesystem::path& path) {
  return Loader(file_system, path, nullptr).Load();
}

Model Model::LoadOptimized(FileSystem& file_system, const std::filesystem::path& path,
                           const ModelHeader& source) {
  return Loader(file_system, path, &source).Load();
}

}  // namespace qi8
