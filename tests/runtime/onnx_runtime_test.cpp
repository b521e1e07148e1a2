// Against the real library, in two versions: QI8_TEST_ONNXRUNTIME and QI8_TEST_ONNXRUNTIME_PIP are their
// paths; QI8_TEST_TOO_OLD_ONNXRUNTIME that of what too_old_onnxruntime.cpp makes.
#include "runtime/onnx_runtime.hpp"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <optional>
#include <thread>

#include "model/proto.hpp"
#include "qi8/error.hpp"

namespace qi8::runtime {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr int kOpset = 17;
constexpr int kIrVersion = 8;

// The message of the qi8::Error that `call` throws.
[[nodiscard]] std::string MessageOf(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kFailure);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

template <class T>
[[nodiscard]] Tensor Make(DataType type, std::vector<std::int64_t> shape, const std::vector<T>& values) {
  return Tensor::Of<T>(type, std::move(shape), values);
}

[[nodiscard]] Tensor Floats(std::vector<std::int64_t> shape, const std::vector<float>& values) {
  return Make(DataType::kFloat, std::move(shape), values);
}

// Sets an environment variable, or removes it, for as long as this lives.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) {
      old_ = old;
    }
    value != nullptr ? setenv(name, value, 1) : unsetenv(name);
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;
  ~ScopedVariable() { old_ ? setenv(name_, old_->c_str(), 1) : unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

class OnnxRuntimeTest : public ::testing::TestWithParam<const char*> {  // the library's file
 protected:
  OnnxRuntimeTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "qi8-runtime-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      throw std::runtime_error("no temporary directory");
    }
    directory_ = pattern;
  }
  ~OnnxRuntimeTest() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string Path(const std::string& name) const { return (directory_ / name).string(); }

  [[nodiscard]] std::string Save(const onnx::ModelProto& model) const {
    const std::string path = Path("model.onnx");
    std::ofstream file(path, std::ios::binary);
    EXPECT_TRUE(model.SerializeToOstream(&file));
    return path;
  }

  [[nodiscard]] std::string WriteText(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name)) << text;
    return Path(name);
  }

  [[nodiscard]] static std::shared_ptr<OnnxRuntime> Load() { return OnnxRuntime::Load(GetParam()); }

  // One thread: what a small model needs, and silent where threads may not be pinned.
  [[nodiscard]] static SessionOptions OneThread() {
    SessionOptions options;
    options.intra_threads = 1;
    return options;
  }

  [[nodiscard]] Session Open(const onnx::ModelProto& model) const {
    return Load()->OpenSession(Save(model), OneThread());
  }

 private:
  std::filesystem::path directory_;
};

[[nodiscard]] onnx::ModelProto EmptyModel(int opset = kOpset, int ir_version = kIrVersion) {
  onnx::ModelProto model;
  model.set_ir_version(ir_version);
  model.add_opset_import()->set_version(opset);
  model.mutable_graph()->set_name("test");
  return model;
}

// A dimension is a number or a name.
struct Dim {
  Dim(int number) : value(number) {}                    // NOLINT(google-explicit-constructor)
  Dim(const char* symbol) : value(-1), name(symbol) {}  // NOLINT(google-explicit-constructor)
  std::int64_t value;
  std::string name;
};

void Describe(onnx::ValueInfoProto* info, const std::string& name, int type, const std::vector<Dim>& dims) {
  info->set_name(name);
  auto* tensor = info->mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  auto* shape = tensor->mutable_shape();
  for (const Dim& dim : dims) {
    auto* added = shape->add_dim();
    if (dim.value >= 0) {
      added->set_dim_value(dim.value);
    } else if (!dim.name.empty()) {
      added->set_dim_param(dim.name);
    }
  }
}

void AddNode(onnx::ModelProto* model, const std::string& op, const std::vector<std::string>& inputs,
             const std::string& output) {
  auto* node = model->mutable_graph()->add_node();
  node->set_op_type(op);
  node->set_name(op);
  for (const std::string& input : inputs) {
    node->add_input(input);
  }
  node->add_output(output);
}

void AddWeight(onnx::ModelProto* model, const std::string& name, const std::vector<std::int64_t>& dims,
               const std::vector<float>& values) {
  auto* weight = model->mutable_graph()->add_initializer();
  weight->set_name(name);
  weight->set_data_type(onnx::TensorProto::FLOAT);
  for (const std::int64_t dim : dims) {
    weight->add_dims(dim);
  }
  for (const float value : values) {
    weight->add_float_data(value);
  }
}

// y[batch,2] = x[batch,3] W[3,2] + b[2]
[[nodiscard]] onnx::ModelProto LinearModel() {
  onnx::ModelProto model = EmptyModel();
  Describe(model.mutable_graph()->add_input(), "x", onnx::TensorProto::FLOAT, {"batch", 3});
  AddWeight(&model, "W", {3, 2}, {1, 2, 3, 4, 5, 6});
  AddWeight(&model, "b", {2}, {0.5F, -0.5F});
  AddNode(&model, "MatMul", {"x", "W"}, "product");
  AddNode(&model, "Add", {"product", "b"}, "y");
  Describe(model.mutable_graph()->add_output(), "y", onnx::TensorProto::FLOAT, {"batch", 2});
  return model;
}

// output = Identity(input), of one type, 1-D.
[[nodiscard]] onnx::ModelProto IdentityModel(int type) {
  onnx::ModelProto model = EmptyModel();
  Describe(model.mutable_graph()->add_input(), "in", type, {"n"});
  AddNode(&model, "Identity", {"in"}, "out");
  Describe(model.mutable_graph()->add_output(), "out", type, {"n"});
  return model;
}

TEST_P(OnnxRuntimeTest, RunsAModel) {
  const Session session = Open(LinearModel());
  const std::vector<Tensor> inputs = {Floats({2, 3}, {1, 0, 0, 1, 1, 1})};

  const std::vector<Tensor> outputs = session.Run(inputs);

  ASSERT_EQ(outputs.size(), 1U);
  EXPECT_EQ(outputs[0].type, DataType::kFloat);
  EXPECT_THAT(outputs[0].shape, ElementsAre(2, 2));
  EXPECT_THAT(outputs[0].As<float>(), ElementsAre(1.5F, 1.5F, 9.5F, 11.5F));
}

TEST_P(OnnxRuntimeTest, TellsInputsAndOutputs) {
  const Session session = Open(LinearModel());

  ASSERT_EQ(session.inputs().size(), 1U);
  const ValueInfo& input = session.inputs()[0];
  EXPECT_EQ(input.name, "x");
  EXPECT_TRUE(input.is_tensor);
  EXPECT_EQ(input.type, DataType::kFloat);
  EXPECT_THAT(input.shape, ElementsAre(-1, 3));
  EXPECT_THAT(input.dim_names, ElementsAre("batch", ""));
  ASSERT_EQ(session.outputs().size(), 1U);
  EXPECT_EQ(session.outputs()[0].name, "y");
  EXPECT_THAT(session.outputs()[0].shape, ElementsAre(-1, 2));
}

TEST_P(OnnxRuntimeTest, AnInitializerThatIsDeclaredAsInputNeedsNoValue) {
  onnx::ModelProto model = LinearModel();
  Describe(model.mutable_graph()->add_input(), "W", onnx::TensorProto::FLOAT, {3, 2});
  const Session session = Open(model);

  ASSERT_EQ(session.inputs().size(), 1U);
  EXPECT_EQ(session.inputs()[0].name, "x");
  EXPECT_THAT(session.Run(std::vector{Floats({1, 3}, {1, 0, 0})})[0].As<float>(), ElementsAre(1.5F, 1.5F));
}

TEST_P(OnnxRuntimeTest, KeepsTheOrderOfSeveralInputsAndOutputs) {
  onnx::ModelProto model = EmptyModel();
  Describe(model.mutable_graph()->add_input(), "z", onnx::TensorProto::INT64, {});
  Describe(model.mutable_graph()->add_input(), "a", onnx::TensorProto::INT64, {});
  AddNode(&model, "Sub", {"z", "a"}, "z_minus_a");
  AddNode(&model, "Add", {"z", "a"}, "sum");
  Describe(model.mutable_graph()->add_output(), "z_minus_a", onnx::TensorProto::INT64, {});
  Describe(model.mutable_graph()->add_output(), "sum", onnx::TensorProto::INT64, {});
  const Session session = Open(model);

  const auto outputs = session.Run(std::vector{Make<std::int64_t>(DataType::kInt64, {}, {10}),
                                               Make<std::int64_t>(DataType::kInt64, {}, {3})});

  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_THAT(outputs[0].shape, IsEmpty());
  EXPECT_THAT(outputs[0].As<std::int64_t>(), ElementsAre(7));
  EXPECT_THAT(outputs[1].As<std::int64_t>(), ElementsAre(13));

  const std::vector<std::size_t> wanted = {1};
  const auto one = session.RunFor(wanted, std::vector{Make<std::int64_t>(DataType::kInt64, {}, {10}),
                                                      Make<std::int64_t>(DataType::kInt64, {}, {3})});
  ASSERT_EQ(one.size(), 1U);
  EXPECT_THAT(one[0].As<std::int64_t>(), ElementsAre(13));
}

// The model in one folder, its weights in another.
TEST_P(OnnxRuntimeTest, FindsExternalDataInAnotherFolder) {
  const std::filesystem::path weights = Path("weights");
  std::filesystem::create_directory(weights);
  std::ofstream(weights / "w.data", std::ios::binary).write("\0\0\x80?\0\0\0@", 8);  // 1 and 2
  onnx::ModelProto model = EmptyModel();
  Describe(model.mutable_graph()->add_input(), "x", onnx::TensorProto::FLOAT, {"n"});
  auto& weight = *model.mutable_graph()->add_initializer();
  weight.set_name("w");
  weight.set_data_type(onnx::TensorProto::FLOAT);
  weight.add_dims(2);
  weight.set_data_location(onnx::TensorProto::EXTERNAL);
  auto& entry = *weight.add_external_data();
  entry.set_key("location");
  entry.set_value("w.data");
  AddNode(&model, "Add", {"x", "w"}, "y");
  Describe(model.mutable_graph()->add_output(), "y", onnx::TensorProto::FLOAT, {"n"});
  const std::string path = Save(model);
  EXPECT_THAT(MessageOf([&] { (void)Load()->OpenSession(path, OneThread()); }),
              HasSubstr("cannot open the model"));

  SessionOptions options = OneThread();
  options.external_data_folder = weights.native();
  const Session session = Load()->OpenSession(path, options);
  EXPECT_THAT(session.Run(std::vector{Floats({2}, {10, 20})})[0].As<float>(), ElementsAre(11, 22));
  EXPECT_THAT(MessageOf([&] { (void)Load()->OpenSession(Path("none.onnx"), options); }),
              HasSubstr("cannot read"));
}

TEST_P(OnnxRuntimeTest, CarriesEveryDataTypeUnchanged) {
  // A pattern of bytes that is right for bool too.
  for (const DataType type :
       {DataType::kFloat, DataType::kUint8, DataType::kInt8, DataType::kUint16, DataType::kInt16,
        DataType::kInt32, DataType::kInt64, DataType::kBool, DataType::kFloat16, DataType::kDouble,
        DataType::kUint32, DataType::kUint64, DataType::kBfloat16}) {
    SCOPED_TRACE(DataTypeName(type));
    const std::size_t bytes = ElementBytes(type);
    Tensor input{type, {3}, std::vector<std::byte>(3 * bytes)};
    input.data[0] = std::byte{1};
    input.data[2 * bytes] = std::byte{1};

    const auto outputs = Open(IdentityModel(static_cast<int>(type))).Run(std::vector{input});

    ASSERT_EQ(outputs.size(), 1U);
    EXPECT_EQ(outputs[0].type, type);
    EXPECT_EQ(outputs[0].data, input.data);
  }
}

TEST_P(OnnxRuntimeTest, RunsOnNothing) {
  const auto outputs = Open(LinearModel()).Run(std::vector{Floats({0, 3}, {})});

  ASSERT_EQ(outputs.size(), 1U);
  EXPECT_THAT(outputs[0].shape, ElementsAre(0, 2));
  EXPECT_THAT(outputs[0].data, IsEmpty());
}

TEST_P(OnnxRuntimeTest, ASessionOutlivesTheRuntimeAndMoves) {
  std::optional<Session> session;
  {
    const auto runtime = Load();
    session.emplace(runtime->OpenSession(Save(LinearModel()), OneThread()));
  }
  Session moved = std::move(*session);
  session.reset();

  EXPECT_THAT(moved.Run(std::vector{Floats({1, 3}, {0, 0, 1})})[0].As<float>(), ElementsAre(5.5F, 5.5F));
}

TEST_P(OnnxRuntimeTest, CanBeLoadedAgainAndAgain) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Open(LinearModel()).outputs().size(), 1U);
  }
  const auto first = Load();
  const auto second = Load();
  EXPECT_EQ(first->Version(), second->Version());
}

TEST_P(OnnxRuntimeTest, SeveralThreadsRunOneSession) {
  const Session session = Open(LinearModel());
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&session, &count = wrong[t], scale = static_cast<float>(t)] {
      for (int i = 0; i < 50; ++i) {
        const auto outputs = session.Run(std::vector{Floats({1, 3}, {scale, 0, 0})});
        count += outputs[0].As<float>()[1] != 2 * scale - 0.5F ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_THAT(wrong, ElementsAre(0, 0, 0, 0));
}

TEST_P(OnnxRuntimeTest, TimesARun) {
  SessionOptions options = OneThread();
  options.sleep_after_run = true;
  const Session session = Load()->OpenSession(Save(LinearModel()), options);
  EXPECT_GT(session.TimeRun(std::vector{Floats({2, 3}, {1, 0, 0, 1, 1, 1})}).count(), 0);
  EXPECT_THAT(MessageOf([&] { static_cast<void>(session.TimeRun({})); }), HasSubstr("given 0 inputs"));
}

TEST_P(OnnxRuntimeTest, TellsItsVersion) { EXPECT_THAT(Load()->Version(), StartsWith("1.")); }

TEST_P(OnnxRuntimeTest, WritesTheOptimizedModelInTheWantedStrength) {
  const std::string input = Save(LinearModel());
  const auto ops = [&](SessionOptions::Optimization optimization) {
    SessionOptions options = OneThread();
    options.optimization = optimization;
    options.optimized_model_path = Path("optimized.onnx");
    (void)Load()->OpenSession(input, options);
    onnx::ModelProto optimized;
    std::ifstream file(options.optimized_model_path, std::ios::binary);
    EXPECT_TRUE(optimized.ParseFromIstream(&file));
    std::string text;
    for (const auto& node : optimized.graph().node()) {
      text += node.op_type() + " ";
    }
    return text;
  };
  EXPECT_EQ(ops(SessionOptions::Optimization::kNone), "MatMul Add ");
  EXPECT_EQ(ops(SessionOptions::Optimization::kBasic), "Gemm ");
  EXPECT_EQ(ops(SessionOptions::Optimization::kExtended), "Gemm ");
  EXPECT_EQ(ops(SessionOptions::Optimization::kAll), "Gemm ");
}

TEST_P(OnnxRuntimeTest, WritesTheWeightsOfTheOptimizedModelBesideIt) {
  onnx::ModelProto model = EmptyModel();
  Describe(model.mutable_graph()->add_input(), "x", onnx::TensorProto::FLOAT, {"batch", 64});
  std::vector<float> weights(64 * 64);
  std::iota(weights.begin(), weights.end(), 0.0F);
  AddWeight(&model, "W", {64, 64}, weights);
  AddNode(&model, "MatMul", {"x", "W"}, "y");
  Describe(model.mutable_graph()->add_output(), "y", onnx::TensorProto::FLOAT, {"batch", 64});
  SessionOptions options = OneThread();
  options.optimization = SessionOptions::Optimization::kBasic;
  options.optimized_model_path = Path("optimized.onnx");
  options.optimized_data_name = "optimized.onnx.data";

  (void)Load()->OpenSession(Save(model), options);

  EXPECT_GE(std::filesystem::file_size(Path("optimized.onnx.data")), weights.size() * sizeof(float));
  const Session optimized = Load()->OpenSession(options.optimized_model_path, OneThread());
  std::vector<float> one_hot(64, 0.0F);
  one_hot[1] = 1;
  EXPECT_EQ(optimized.Run(std::vector{Floats({1, 64}, one_hot)})[0].As<float>()[2], 66.0F);
}

TEST_P(OnnxRuntimeTest, RefusesOptionsThatMeanNothing) {
  const std::string model = Save(LinearModel());
  const auto runtime = Load();
  SessionOptions options;
  options.intra_threads = -1;
  EXPECT_THAT(MessageOf([&] { (void)runtime->OpenSession(model, options); }),
              HasSubstr("-1 threads; give 0"));

  options = {};
  options.optimized_data_name = "data";
  EXPECT_THAT(MessageOf([&] { (void)runtime->OpenSession(model, options); }),
              HasSubstr("; give a bare file name"));
  options.optimized_model_path = Path("optimized.onnx");
  options.optimized_data_name = "../data";
  EXPECT_THAT(MessageOf([&] { (void)runtime->OpenSession(model, options); }), HasSubstr("'../data'"));
}

TEST_P(OnnxRuntimeTest, AnOptimizedModelThatCannotBeWrittenIsAnError) {
  SessionOptions options = OneThread();
  options.optimized_model_path = Path("no/such/directory/model.onnx");
  EXPECT_THAT(MessageOf([&] { (void)Load()->OpenSession(Save(LinearModel()), options); }),
              HasSubstr("cannot open the model"));
}

TEST_P(OnnxRuntimeTest, AMissingLibraryIsAnErrorThatSaysHowToGetOne) {
  const std::string message = MessageOf([&] { (void)OnnxRuntime::Load(Path("none.so")); });
  EXPECT_THAT(message, AllOf(HasSubstr(Path("none.so")), HasSubstr("pip install onnxruntime"),
                             HasSubstr("given with --onnxruntime"), HasSubstr("QI8_ONNXRUNTIME")));
}

TEST_P(OnnxRuntimeTest, ATextFileIsNoLibrary) {
  const std::string path =
      WriteText("library.so", "certainly not an ELF file, but long enough to look at the header\n");
  EXPECT_THAT(
      MessageOf([&] { (void)OnnxRuntime::Load(path); }),
      AllOf(StartsWith("ONNX Runtime cannot be loaded from '" + path), HasSubstr("invalid ELF header")));
}

TEST_P(OnnxRuntimeTest, AnotherLibraryIsNoOnnxRuntime) {
  Dl_info libc{};
  ASSERT_NE(dladdr(dlsym(RTLD_NEXT, "getpid"), &libc), 0);
  EXPECT_THAT(MessageOf([&] { (void)OnnxRuntime::Load(libc.dli_fname); }),
              AllOf(HasSubstr("is not ONNX Runtime"), HasSubstr("OrtGetApiBase")));
}

TEST_P(OnnxRuntimeTest, ATooOldLibraryTellsItsVersion) {
  EXPECT_THAT(MessageOf([&] { (void)OnnxRuntime::Load(QI8_TEST_TOO_OLD_ONNXRUNTIME); }),
              AllOf(HasSubstr("is ONNX Runtime 1.2.3"), HasSubstr("; use ONNX Runtime 1.")));
}

TEST_P(OnnxRuntimeTest, ABareNameIsAFileInTheCurrentDirectory) {
  EXPECT_THAT(MessageOf([&] { (void)OnnxRuntime::Load("libc.so.6"); }), HasSubstr("./libc.so.6"));
}

TEST_P(OnnxRuntimeTest, TheEnvironmentNamesALibrary) {
  {
    const ScopedVariable variable("QI8_ONNXRUNTIME", GetParam());
    EXPECT_EQ(OnnxRuntime::Load()->Version(), Load()->Version());
  }
  const ScopedVariable variable("QI8_ONNXRUNTIME", "/no/such/library");
  EXPECT_THAT(MessageOf([] { (void)OnnxRuntime::Load(); }),
              AllOf(HasSubstr("'/no/such/library'"), HasSubstr("given with QI8_ONNXRUNTIME")));
  EXPECT_NO_THROW((void)Load()) << "a path that is given comes first";
}

TEST_P(OnnxRuntimeTest, AFolderNamesTheLibraryInIt) {
  const std::filesystem::path folder = std::filesystem::path(GetParam()).parent_path();
  EXPECT_EQ(OnnxRuntime::Load(folder.native())->Version(), Load()->Version());
  EXPECT_EQ(OnnxRuntime::Load(folder.parent_path().native())->Version(), Load()->Version())
      << "in its lib/ or capi/";
  EXPECT_THAT(MessageOf([&] { (void)OnnxRuntime::Load(Path("")); }), HasSubstr("Is a directory"));
}

class OnnxRuntimeDeathTest : public OnnxRuntimeTest {};

// Official builds latch their telemetry when they are first used, so this needs another process as well.
TEST_P(OnnxRuntimeDeathTest, NothingIsLeftInTheHomeDirectory) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const ScopedVariable home("HOME", Path("").c_str());
  const ScopedVariable cache("XDG_CACHE_HOME", nullptr);
  const ScopedVariable temporary("TMPDIR", Path("").c_str());
  const ScopedVariable telemetry("ORT_DISABLE_TELEMETRY", nullptr);
  EXPECT_EXIT(
      {
        (void)Load();
        const bool clean = std::filesystem::is_empty(Path(""));
        std::filesystem::remove_all(Path(""));
        std::_Exit(clean ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_P(OnnxRuntimeTest, AModelThatIsNotThereIsAnErrorThatNamesIt) {
  EXPECT_THAT(MessageOf([&] { (void)Load()->OpenSession(Path("none.onnx")); }),
              AllOf(StartsWith("'" + Path("none.onnx") + "': ONNX Runtime 1."),
                    HasSubstr("cannot open the model: ")));
}

TEST_P(OnnxRuntimeTest, AFileThatIsNoModelIsAnError) {
  const std::string path = WriteText("bad.onnx", "no protobuf at all");
  EXPECT_THAT(MessageOf([&] { (void)Load()->OpenSession(path); }), HasSubstr("bad.onnx"));
}

TEST_P(OnnxRuntimeTest, AnUnknownOperatorIsAnError) {
  onnx::ModelProto model = LinearModel();
  model.mutable_graph()->mutable_node(0)->set_op_type("NoSuchOperator");
  EXPECT_THAT(MessageOf([&] { (void)Open(model); }), HasSubstr("NoSuchOperator"));
}

TEST_P(OnnxRuntimeTest, TheNumberOfInputsMustBeRight) {
  const Session session = Open(LinearModel());
  EXPECT_THAT(MessageOf([&] { (void)session.Run({}); }), HasSubstr("given 0 inputs; the model has 1"));
  const Tensor x = Floats({1, 3}, {1, 2, 3});
  EXPECT_THAT(MessageOf([&] { (void)session.Run(std::vector{x, x}); }), HasSubstr("given 2 inputs"));
}

TEST_P(OnnxRuntimeTest, TheTypeAndShapeOfAnInputMustBeRight) {
  const Session session = Open(LinearModel());
  const auto message = [&](const Tensor& x) { return MessageOf([&] { (void)session.Run(std::vector{x}); }); };

  EXPECT_THAT(message(Make<double>(DataType::kDouble, {1, 3}, {1, 2, 3})),
              HasSubstr("input 'x' was given float64; the model declares float32"));
  EXPECT_THAT(message(Floats({1, 4}, {1, 2, 3, 4})),
              HasSubstr("input 'x' was given the shape [1, 4]; the model declares [batch, 3]"));
  EXPECT_THAT(message(Floats({3}, {1, 2, 3})), HasSubstr("the shape [3]"));
  EXPECT_THAT(message(Floats({2, 3}, {1, 2, 3})), HasSubstr("takes 24 bytes, but has 12"));
  EXPECT_THAT(message(Floats({-1, 3}, {1, 2, 3})), HasSubstr("negative or too large"));
  EXPECT_THAT(message(Floats({INT64_MAX, 3}, {1, 2, 3})), HasSubstr("negative or too large"));
}

TEST_P(OnnxRuntimeTest, AFailureWhileRunningIsAnErrorOfOnnxRuntime) {
  onnx::ModelProto model = EmptyModel();
  Describe(model.mutable_graph()->add_input(), "x", onnx::TensorProto::FLOAT, {"n"});
  Describe(model.mutable_graph()->add_input(), "index", onnx::TensorProto::INT64, {"m"});
  AddNode(&model, "Gather", {"x", "index"}, "y");
  Describe(model.mutable_graph()->add_output(), "y", onnx::TensorProto::FLOAT, {"m"});
  const Session session = Open(model);

  EXPECT_THAT(
      MessageOf([&] {
        (void)session.Run(std::vector{Floats({2}, {1, 2}), Make<std::int64_t>(DataType::kInt64, {1}, {5})});
      }),
      AllOf(HasSubstr("model.onnx': ONNX Runtime 1."), HasSubstr("cannot run the model: ")));
}

TEST_P(OnnxRuntimeTest, StringsAreRefused) {
  const Session session = Open(IdentityModel(onnx::TensorProto::STRING));
  EXPECT_EQ(session.inputs()[0].type, DataType::kString);
  EXPECT_THAT(MessageOf([&] {
                (void)session.Run(std::vector{Tensor{DataType::kString, {0}, {}}});
              }),
              HasSubstr("input 'in' has elements of type string; only numbers"));
}

TEST_P(OnnxRuntimeTest, FourBitOutputsAreRefused) {
  onnx::ModelProto model = EmptyModel(21, 10);
  Describe(model.mutable_graph()->add_input(), "x", onnx::TensorProto::FLOAT, {"n"});
  AddNode(&model, "Cast", {"x"}, "y");
  auto* to = model.mutable_graph()->mutable_node(0)->add_attribute();
  to->set_name("to");
  to->set_type(onnx::AttributeProto::INT);
  to->set_i(static_cast<int>(DataType::kInt4));
  Describe(model.mutable_graph()->add_output(), "y", static_cast<int>(DataType::kInt4), {"n"});
  EXPECT_THAT(MessageOf([&] { (void)Open(model).Run(std::vector{Floats({1}, {1})}); }),
              HasSubstr("output 'y' has elements of type int4"));
}

TEST_P(OnnxRuntimeTest, SequencesAreRefused) {
  onnx::ModelProto model = EmptyModel();
  Describe(model.mutable_graph()->add_input(), "x", onnx::TensorProto::FLOAT, {"n"});
  AddNode(&model, "SequenceConstruct", {"x"}, "list");
  auto* output = model.mutable_graph()->add_output();
  output->set_name("list");
  output->mutable_type()->mutable_sequence_type()->mutable_elem_type()->mutable_tensor_type()->set_elem_type(
      onnx::TensorProto::FLOAT);
  const Session session = Open(model);

  EXPECT_FALSE(session.outputs()[0].is_tensor);
  EXPECT_EQ(session.outputs()[0].type, DataType::kUndefined);
  EXPECT_THAT(MessageOf([&] { (void)session.Run(std::vector{Floats({1}, {1})}); }),
              HasSubstr("output 'list' is a sequence, map, optional or sparse tensor"));
}

TEST_P(OnnxRuntimeTest, OptionalInputsAreRefused) {
  onnx::ModelProto model = EmptyModel();
  auto* input = model.mutable_graph()->add_input();
  input->set_name("maybe");
  input->mutable_type()->mutable_optional_type()->mutable_elem_type()->mutable_tensor_type()->set_elem_type(
      onnx::TensorProto::FLOAT);
  AddNode(&model, "OptionalHasElement", {"maybe"}, "has");
  Describe(model.mutable_graph()->add_output(), "has", onnx::TensorProto::BOOL, {});
  EXPECT_THAT(MessageOf([&] { (void)Open(model).Run(std::vector{Floats({1}, {1})}); }),
              HasSubstr("input 'maybe' is a sequence, map, optional"));
}

TEST(TensorTest, IsReadAsItsOwnTypeOnly) {
  const Tensor tensor = Floats({2}, {1, 2});
  EXPECT_THAT(tensor.As<float>(), ElementsAre(1, 2));
  EXPECT_THAT(MessageOf([&] { (void)tensor.As<std::int32_t>(); }), HasSubstr("type float"));
  EXPECT_THAT(MessageOf([] { (void)Make<float>(DataType::kFloat16, {1}, {1}); }), HasSubstr("type float16"));
  EXPECT_THAT(Make<std::uint16_t>(DataType::kBfloat16, {1}, {0x3F80}).As<std::uint16_t>(),
              ElementsAre(0x3F80));
}

constexpr auto kLibraries = std::to_array<const char*>({QI8_TEST_ONNXRUNTIME, QI8_TEST_ONNXRUNTIME_PIP});
[[nodiscard]] std::string NameOf(const ::testing::TestParamInfo<const char*>& library) {
  return library.param == kLibraries[0] ? "Npm" : "Pip";
}
INSTANTIATE_TEST_SUITE_P(Libraries, OnnxRuntimeTest, ::testing::ValuesIn(kLibraries), NameOf);
INSTANTIATE_TEST_SUITE_P(Libraries, OnnxRuntimeDeathTest, ::testing::ValuesIn(kLibraries), NameOf);

}  // namespace
}  // namespace qi8::runtime
