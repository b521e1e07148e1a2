// An ONNX model whose graph is in memory and whose weights are on the disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_system.hpp"
#include "model/edit.hpp"
#include "model/tensor.hpp"

namespace qi8 {

// A file that tensors lie in. File 0 is the model itself.
struct InputFile {
  std::unique_ptr<ReadableFile> file;
  std::string location;   // as the model names it; file 0 and memory: what to call it in messages
  FileIdentity identity;  // when it was opened
  bool in_memory = false;
};

// A name that nodes read: an initializer, a graph input, or the output of a node.
struct Value {
  std::string_view name;
  GraphId graph = 0;
  TensorId tensor = kNone;  // its constant contents, where these are file-backed
  NodeId producer = kNone;
  bool is_initializer = false;
  bool is_graph_input = false;                    // the caller gives it; with is_initializer: may replace it
  bool is_sparse = false;                         // a constant stored as a sparse tensor
  DataType declared_type = DataType::kUndefined;  // of its elements, where the graph says so
  std::optional<std::size_t> rank = {};           // likewise; it may be wrong where it is not a caller's
  std::uint32_t uses = 0;                         // by nodes of any graph, and as outputs of graphs
};

struct Graph {
  GraphId parent = kNone;
  NodeId owner = kNone;  // the If, Loop, Scan, ... whose body this is
  std::vector<std::string_view> outputs;
  std::vector<ValueId> output_values;  // kNone: defined nowhere
};

// A constant as it is declared, wherever its numbers stand.
struct ConstantInfo {
  DataType type = DataType::kUndefined;
  std::vector<std::int64_t> dims;
  bool is_whole = true;  // it has as many numbers as its dims say, as far as its type's size is known
};

struct Node {
  NodeId id = 0;  // its place in Model::nodes()
  GraphId graph = 0;
  std::string_view name;
  std::string_view op_type;
  std::string_view domain;               // empty: ai.onnx
  std::vector<std::string_view> inputs;  // empty: an optional input left out
  std::vector<ValueId> input_values;     // kNone: left out, or defined nowhere
  std::vector<std::string_view> outputs;
  bool calls_function = false;  // of those that the model itself defines
};

// Where an output tensor's bytes go. Tensors without one are written into the model itself.
struct ExternalPlace {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// The .onnx file as it will be: text, and between it slots for the tensors that stand in it.
struct ModelImage {
  struct Slot {
    std::uint64_t offset = 0;  // in the file
    std::uint64_t length = 0;
    std::uint32_t tensor = 0;  // number of the output tensor
    std::size_t text_position = 0;
  };
  std::string text;
  std::vector<Slot> slots;  // by rising offset
  std::uint64_t size = 0;
};

// A pair of ModelProto.metadata_props.
struct MetadataEntry {
  std::string key;
  std::string value;
};

// An input or an output of the main graph.
struct ValueDeclaration {
  std::string name;
  DataType type = DataType::kUndefined;          // kUndefined: no tensor, or not said
  std::optional<std::vector<std::string>> dims;  // "16", "batch", or "?"; nothing: not said
};

// What a model says of itself.
struct ModelHeader {
  std::int64_t ir_version = 0;
  std::string producer_name;
  std::string producer_version;
  std::string domain;
  std::int64_t model_version = 0;
  std::string doc_string;
  std::string graph_name;
  std::vector<ValueDeclaration> inputs;  // without those that have a default
  std::vector<ValueDeclaration> outputs;
  // Initializers that are listed as inputs because the format wants that until IR version 4, and that no
  // caller can replace. They are constants.
  std::size_t constant_inputs = 0;
  std::size_t functions = 0;
};

class Model {
 public:
  // Reads the graph and checks every tensor's type, shape, place and length against each other and against
  // the files; reads no weight. Throws Error naming file and tensor where they do not agree, where external
  // data is not a regular file beneath the model's folder, where nodes form a circle, or where it is not an
  // ONNX model.
  static Model Load(FileSystem& file_system, const std::filesystem::path& path);
  // The same for what an optimizer made of the model with that header: it asks for the inputs that `source`
  // asks for, and for no others. An optimizer drops initializers whose inputs it leaves, and adds some that
  // are not inputs, which is not valid before IR version 4: there the version becomes that.
  static Model LoadOptimized(FileSystem& file_system, const std::filesystem::path& path,
                             const ModelHeader& source);
  ~Model();
  Model(Model&&) noexcept;

  [[nodiscard]] std::span<const InputFile> files() const { return files_; }
  [[nodiscard]] std::span<const Tensor> tensors() const { return tensors_; }
  [[nodiscard]] std::span<const Value> values() const { return values_; }
  [[nodiscard]] std::span<const Graph> graphs() const { return graphs_; }
  [[nodiscard]] std::span<const Node> nodes() const { return nodes_; }
  [[nodiscard]] std::span<const OpsetImport> opsets() const { return opsets_; }

  // What the user should know of a model that was loaded all the same; a sentence each.
  [[nodiscard]] std::span<const std::string> warnings() const { return warnings_; }

  [[nodiscard]] ModelHeader Header() const;

  // The version of ai.onnx that the model imports, 0 for none.
  [[nodiscard]] std::int64_t onnx_opset() const;

  // The node's attribute, or the default where it has none of that name.
  [[nodiscard]] std::int64_t IntAttribute(const Node& node, std::string_view name,
                                          std::int64_t otherwise) const;
  [[nodiscard]] float FloatAttribute(const Node& node, std::string_view name, float otherwise) const;
  [[nodiscard]] std::string TextAttribute(const Node& node, std::string_view name) const;  // or ""
  [[nodiscard]] std::vector<std::int64_t> IntsAttribute(const Node& node, std::string_view name) const;
  [[nodiscard]] bool HasAttribute(const Node& node, std::string_view name) const;

  // The numbers of an integer constant that stands in the graph (shapes, axes); nothing where the value is no
  // such constant, or one of more than kMostIntegers, which is not a shape.
  static constexpr std::size_t kMostIntegers = 128;
  [[nodiscard]] std::optional<std::vector<std::int64_t>> IntegerConstant(ValueId value) const;

  // Nothing where the value is not a constant, or a sparse one.
  [[nodiscard]] std::optional<ConstantInfo> Constant(ValueId value) const;

  // Every name that occurs in the model, as value or node: what new names must keep clear of.
  [[nodiscard]] std::vector<std::string_view> AllNames() const;

  // Lets each of these tensors be seen as a view of its twin, so that the two are stored once where they are
  // quantized.
  void SetTwins(const Twins& twins);

  // Carries out the rewrite. After this nodes(), values() and graphs() are gone; tensors() and files() stay.
  void Apply(const Rewrite& rewrite);

  // Between Apply and Place: calls for every tensor that the rewritten model holds, in the order of the file,
  // with its number as an output tensor and its length in bytes.
  void ForEachOutputTensor(const std::function<void(std::uint32_t, std::uint64_t)>& visit) const;

  // Points the tensors that have a place into the file `data_location`; the others will stand in the model
  // itself. `places` is by output tensor number.
  void Place(std::span<const std::optional<ExternalPlace>> places, const std::string& data_location);

  // Instead of Place, where no tensor was made: points the tensors that lay in files of their own to where
  // they lie. The others stand in the model again.
  void PlaceAsTheyWere();

  [[nodiscard]] std::vector<MetadataEntry> Metadata() const;
  void RemoveMetadata(std::string_view key_prefix);

  // The rewritten model as bytes, its metadata_props completed by these: an entry of the same key is
  // replaced.
  [[nodiscard]] ModelImage Render(std::span<const MetadataEntry> metadata);

 private:
  class Loader;
  struct Proto;
  Model();

  std::unique_ptr<Proto> proto_;
  std::vector<InputFile> files_;
  std::vector<Tensor> tensors_;
  std::vector<Value> values_;
  std::vector<Graph> graphs_;
  std::vector<Node> nodes_;
  std::vector<OpsetImport> opsets_;
  std::vector<std::string> warnings_;
};

// The versions of what models are read and written with.
[[nodiscard]] std::string OnnxVersion();
[[nodiscard]] std::string ProtobufVersion();

}  // namespace qi8
