#include "origin/origin.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "hash/sha256.hpp"
#include "qi8/error.hpp"
#include "support/model_builder.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

using nlohmann::json;
using qi8::testing::ModelBuilder;
using qi8::testing::RandomValues;
using qi8::testing::Storage;
using qi8::testing::TempFolder;

[[nodiscard]] QuantizeOptions ManyOptions() {
  QuantizeOptions options;
  options.input = "in.onnx";
  options.output = "out.onnx";
  options.selection = {.ops = {"MatMul"}, .include = {"a.*"}, .exclude = {"b", "c"}, .min_elements = 7};
  options.external_data = ExternalData::kAuto;
  return options;
}

TEST(DecidingOptions, AreThoseThatDecideWhatIsWritten) {
  json expected = {{"ops", {"MatMul", "Gemm", "Gather"}},
                   {"store_int8", json::array()},
                   {"weight_type", "int8"},
                   {"symmetric", true},
                   {"granularity", "channel"},
                   {"reduce_range", false},
                   {"matmul_const_b_only", true},
                   {"target_ort", "1.0"},
                   {"keep_nonfinite", true},
                   {"subgraphs", true},
                   {"override_inputs", false},
                   {"allow_growth", false},
                   {"include", json::array()},
                   {"exclude", json::array()},
                   {"forms", {{{"form", "per-token"}}}},
                   {"node_forms", json::object()},
                   {"min_elements", 0},
                   {"external_data", "always"}};
  EXPECT_EQ(json::parse(DecidingOptions({})), expected);
  expected.update({{"ops", {"MatMul"}},
                   {"include", {"a.*"}},
                   {"exclude", {"b", "c"}},
                   {"min_elements", 7},
                   {"external_data", "auto"}});
  EXPECT_EQ(json::parse(DecidingOptions(ManyOptions())), expected);
}

// Every one of them shows: a model written in another way never says that it was written in this one.
TEST(DecidingOptions, ShowEachChange) {
  const std::string before = DecidingOptions({});
  const auto differs = [&before](void (*change)(QuantizeOptions&)) {
    QuantizeOptions options;
    change(options);
    return DecidingOptions(options) != before;
  };
  EXPECT_TRUE(differs([](auto& options) { options.selection.store_int8 = {"Conv"}; }));
  EXPECT_TRUE(differs([](auto& options) { options.selection.scheme.type = WeightType::kUint8; }));
  EXPECT_TRUE(differs([](auto& options) { options.selection.scheme.symmetric = false; }));
  EXPECT_TRUE(differs([](auto& options) { options.selection.forms = {{{FormKind::kResidual}}}; }));
  EXPECT_TRUE(differs([](auto& options) { options.selection.node_forms = {{"n", {FormKind::kFloat32}}}; }));
  EXPECT_TRUE(differs([](auto& options) { options.selection.granularity = Granularity::kTensor; }));
  EXPECT_TRUE(differs([](auto& options) { options.selection.scheme.reduce_range = true; }));
  EXPECT_TRUE(differs([](auto& options) { options.selection.matmul_const_b_only = false; }));
  EXPECT_TRUE(differs([](auto& options) { options.selection.target = {1, 24}; }));
  EXPECT_TRUE(differs([](auto& options) { options.keep_non_finite = false; }));
  EXPECT_TRUE(differs([](auto& options) { options.selection.subgraphs = false; }));
  EXPECT_TRUE(differs([](auto& options) { options.selection.override_inputs = true; }));
  EXPECT_TRUE(differs([](auto& options) { options.selection.allow_growth = true; }));
}

TEST(DecidingOptions, NameEveryWayOfExternalData) {
  QuantizeOptions options;
  options.external_data = ExternalData::kNever;
  EXPECT_EQ(json::parse(DecidingOptions(options))["external_data"], "never");
}

// Output bytes do not depend on paths, threads, time or host.
TEST(DecidingOptions, SayNothingOfHowTheRunWasMade) {
  QuantizeOptions other = ManyOptions();
  other.input = "elsewhere.onnx";
  other.output = "other.onnx";
  other.replace_output = true;
  other.allow_empty = true;
  other.threads = 3;
  other.memory_budget = 12345678;
  other.checksum_file = "SUMS";
  other.audit_log = "log";
  EXPECT_EQ(DecidingOptions(other), DecidingOptions(ManyOptions()));
}

TEST(AllOptions, AddWhatElseIsInForce) {
  QuantizeOptions options = ManyOptions();
  options.replace_output = true;
  options.links = LinkPolicy::kFollow;
  options.allow_empty = true;
  options.hash_inputs = false;
  options.threads = 3;
  options.isa = "avx2";
  options.memory_budget = 12345678;
  json expected = json::parse(DecidingOptions(options));
  expected.update(json({{"input", "in.onnx"},
                        {"output", "out.onnx"},
                        {"optimize", "none"},
                        {"rounding", "nearest"},
                        {"force", true},
                        {"follow_links", true},
                        {"allow_empty", true},
                        {"input_checksum", false},
                        {"threads", 3},
                        {"isa", "avx2"},
                        {"memory_budget", 12345678}}));
  EXPECT_EQ(json::parse(AllOptions(options)), expected);
}

TEST(AllOptions, StayJsonWhateverThePath) {
  QuantizeOptions options = ManyOptions();
  options.input = "caf\xe9.onnx";
  EXPECT_EQ(json::parse(AllOptions(options))["input"], "caf\xef\xbf\xbd.onnx");
}

class OriginMetadataTest : public ::testing::Test {
 protected:
  [[nodiscard]] Model Load(Storage storage) {
    ModelBuilder builder;
    builder.Initializer("w", {16, 16}, RandomValues(256), storage)
        .Initializer("few", {2}, RandomValues(2),
                     Storage::kUnpackedFloatData);  // a file in memory, last of all
    builder.Save(folder_ / "m.onnx");
    return Model::Load(*file_system_, folder_ / "m.onnx");
  }

  [[nodiscard]] std::vector<MetadataEntry> Metadata(std::vector<std::string> source_sha256) const {
    return OriginMetadata({.version = Version(),
                           .options = options_,
                           .source_sha256 = std::move(source_sha256),
                           .optimizer = optimizer_});
  }

  [[nodiscard]] static json AsJson(const std::vector<MetadataEntry>& entries) {
    json object = json::object();
    for (const MetadataEntry& entry : entries) object[entry.key] = entry.value;
    EXPECT_EQ(object.size(), entries.size()) << "a key stands twice";
    return object;
  }

  TempFolder folder_;
  std::unique_ptr<FileSystem> file_system_ = MakePosixFileSystem();
  QuantizeOptions options_ = ManyOptions();
  std::string optimizer_;
};

TEST_F(OriginMetadataTest, NamesToolOptionsAndSource) {
  json entries = AsJson(Metadata({"11", "22"}));
  EXPECT_EQ(entries.at("quantize-int8.seal").get<std::string>().size(), 64U);
  entries.erase("quantize-int8.seal");
  EXPECT_EQ(entries, json({{"quantize-int8.version", Version()},
                           {"quantize-int8.schema", "3"},
                           {"quantize-int8.options", DecidingOptions(options_)},
                           {"quantize-int8.source.sha256", "11"},
                           {"quantize-int8.source.data.sha256", "22"}}));
}

TEST_F(OriginMetadataTest, HasNoDataHashWhereThereIsNoDataFile) {
  const json entries = AsJson(Metadata({"11"}));
  EXPECT_EQ(entries["quantize-int8.source.sha256"], "11");
  EXPECT_FALSE(entries.contains("quantize-int8.source.data.sha256"));
}

TEST_F(OriginMetadataTest, ListsTheHashesOfSeveralDataFiles) {
  EXPECT_EQ(AsJson(Metadata({"11", "22", "33"}))["quantize-int8.source.data.sha256"], "22 33");
}

TEST_F(OriginMetadataTest, NamesTheOptimizerAndItsLevel) {
  optimizer_ = "ONNX Runtime 1.30.0";
  options_.optimize = Optimization::kExtended;
  EXPECT_EQ(AsJson(Metadata({"11"}))["quantize-int8.optimizer"], "ONNX Runtime 1.30.0, extended");
}

TEST_F(OriginMetadataTest, HasNoSourceWhereItWasNotHashed) {
  const Model model = Load(Storage::kExternal);
  options_.hash_inputs = false;
  EXPECT_TRUE(UnknownHashes(options_, model).empty());
  json entries = AsJson(Metadata(UnknownHashes(options_, model)));
  entries.erase("quantize-int8.seal");
  EXPECT_EQ(entries, json({{"quantize-int8.version", Version()},
                           {"quantize-int8.schema", "3"},
                           {"quantize-int8.options", DecidingOptions(options_)}}));
}

// The layout is made before the hashes are known.
TEST_F(OriginMetadataTest, IsAsLongWithUnknownHashes) {
  const Model model = Load(Storage::kExternal);
  ASSERT_EQ(model.files().size(), 2U + 1U) << "one of them in memory";
  const auto unknown = Metadata(UnknownHashes(options_, model));
  const auto known = Metadata({std::string(64, '1'), std::string(64, '2')});
  ASSERT_EQ(unknown.size(), known.size());
  for (std::size_t i = 0; i < known.size(); ++i) {
    EXPECT_EQ(unknown[i].key, known[i].key);
    EXPECT_EQ(unknown[i].value.size(), known[i].value.size()) << known[i].key;
  }
}

class ReadOriginTest : public OriginMetadataTest {
 protected:
  [[nodiscard]] std::vector<MetadataEntry> Written() const {
    if (!options_.hash_inputs) return Metadata({});
    return Metadata({std::string(64, '1'), std::string(64, '2')});
  }

  [[nodiscard]] static std::string Refusal(const std::vector<MetadataEntry>& metadata) {
    try {
      static_cast<void>(ReadOrigin(metadata));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInvalidModel);
      return error.what();
    }
    return "";
  }

  // As a program would that follows the format.
  [[nodiscard]] static std::vector<MetadataEntry> Sealed(std::vector<MetadataEntry> entries) {
    std::string text;
    for (const MetadataEntry& entry : entries) {
      text += std::to_string(entry.key.size()) + " " + entry.key + " " + std::to_string(entry.value.size()) +
              " " + entry.value + "\n";
    }
    entries.push_back({"quantize-int8.seal", Sha256::HexOf(text)});
    return entries;
  }
};

TEST_F(ReadOriginTest, GivesBackWhatWasWritten) {
  options_.selection.store_int8 = {"Conv", "LSTM"};
  options_.selection.scheme = {.type = WeightType::kUint8, .symmetric = false, .reduce_range = true};
  options_.selection.granularity = Granularity::kTensor;
  options_.selection.matmul_const_b_only = false;
  options_.selection.target = {1, 24};
  options_.selection.subgraphs = false;
  options_.selection.override_inputs = true;
  options_.keep_non_finite = false;
  options_.external_data = ExternalData::kNever;
  auto metadata = Written();
  metadata.insert(metadata.begin(), {"author", "somebody"});
  metadata.push_back({"other", "entry"});
  const Origin origin = ReadOrigin(metadata);
  EXPECT_EQ(origin.version, Version());
  EXPECT_EQ(DecidingOptions(origin.options), DecidingOptions(options_));
  EXPECT_TRUE(origin.options.hash_inputs);
  EXPECT_THAT(origin.source_sha256, ::testing::ElementsAre(std::string(64, '1'), std::string(64, '2')));
  EXPECT_EQ(origin.optimizer, "");
  EXPECT_EQ(origin.options.optimize, Optimization::kOff);
}

TEST_F(ReadOriginTest, KnowsASourceThatWasNotHashed) {
  options_.hash_inputs = false;
  const Origin origin = ReadOrigin(Written());
  EXPECT_FALSE(origin.options.hash_inputs);
  EXPECT_TRUE(origin.source_sha256.empty());
}

TEST_F(ReadOriginTest, KnowsTheOptimizer) {
  optimizer_ = "ONNX Runtime 1.30.0, with a comma";
  for (const auto level : {Optimization::kBasic, Optimization::kExtended}) {
    options_.optimize = level;
    const Origin origin = ReadOrigin(Written());
    EXPECT_EQ(origin.optimizer, optimizer_);
    EXPECT_EQ(origin.options.optimize, level);
  }
}

TEST_F(ReadOriginTest, EveryChangeOfEveryByteShows) {
  const auto written = Written();
  EXPECT_EQ(Refusal(written), "");
  for (std::size_t e = 0; e < written.size(); ++e) {
    const std::size_t key_size = written[e].key.size();
    for (std::size_t i = 0; i < key_size + written[e].value.size(); ++i) {
      auto changed = written;
      char& byte = i < key_size ? changed[e].key[i] : changed[e].value[i - key_size];
      byte = static_cast<char>(byte ^ 1);
      EXPECT_NE(Refusal(changed), "") << written[e].key << " byte " << i;
    }
    auto without = written;
    without.erase(without.begin() + static_cast<std::ptrdiff_t>(e));
    EXPECT_NE(Refusal(without), "") << "without " << written[e].key;
    auto twice = written;
    twice.insert(twice.begin(), written[e]);
    EXPECT_NE(Refusal(twice), "") << "twice " << written[e].key;
  }
}

// As version 0.1 wrote it: without a schema, and with its own default for weights that are not finite.
constexpr const char* kOptionsOfVersion01 =
    R"({"ops":["MatMul","Gemm","Gather"],"store_int8":[],"include":[],"exclude":[],"min_elements":0,)"
    R"("weight_type":"int8","symmetric":true,"granularity":"channel","reduce_range":false,)"
    R"("matmul_const_b_only":true,"target_ort":"1.0","keep_nonfinite":false,"subgraphs":true,)"
    R"("override_inputs":false,"external_data":"always"})";

TEST_F(ReadOriginTest, TakesARecordOfTheFirstSchema) {
  const auto written = Sealed({{"quantize-int8.version", "0.1.0"},
                               {"quantize-int8.options", kOptionsOfVersion01},
                               {"quantize-int8.source.sha256", std::string(64, '1')}});
  const Origin origin = ReadOrigin(written);
  EXPECT_EQ(origin.schema, 1U);
  EXPECT_EQ(origin.version, "0.1.0");
  EXPECT_FALSE(origin.options.keep_non_finite);
  EXPECT_TRUE(origin.options.selection.allow_growth) << "which it did without being asked";
  const auto again = OriginMetadata(origin);
  ASSERT_EQ(again.size(), written.size());
  for (std::size_t i = 0; i < written.size(); ++i) {
    EXPECT_EQ(again[i].key, written[i].key);
    EXPECT_EQ(again[i].value, written[i].value);
  }
}

TEST_F(ReadOriginTest, NamesTheVersionThatWroteALaterSchema) {
  using ::testing::AllOf;
  using ::testing::HasSubstr;
  const std::string later = std::to_string(kOriginSchema + 1);
  EXPECT_THAT(Refusal(Sealed({{"quantize-int8.version", "7.8.9"},
                              {"quantize-int8.schema", later},
                              {"quantize-int8.options", "of another form"}})),
              AllOf(HasSubstr("quantize-int8 7.8.9 wrote it"), HasSubstr("schema " + later),
                    HasSubstr("with version 7.8.9 or a later one")));
  for (const char* schema : {"", "0", "1", "02", "-2", "2 ", "two", "99999999999999999999"}) {
    EXPECT_THAT(Refusal(Sealed({{"quantize-int8.version", "0.2.0"},
                                {"quantize-int8.schema", schema},
                                {"quantize-int8.options", kOptionsOfVersion01}})),
                HasSubstr("not the number of a schema"))
        << schema;
  }
}

TEST_F(ReadOriginTest, SaysWhatIsMissingOrUnknown) {
  using ::testing::HasSubstr;
  EXPECT_THAT(Refusal({}), HasSubstr("does not say which model it was made from"));
  const std::string options = kOptionsOfVersion01;
  EXPECT_THAT(Refusal(Sealed({{"quantize-int8.options", options}})),
              HasSubstr("no metadata quantize-int8.version"));
  EXPECT_THAT(Refusal(Sealed({{"quantize-int8.version", "0.1.0"}, {"quantize-int8.options", "{}"}})),
              HasSubstr("cannot be read"));
  EXPECT_THAT(
      Refusal(Sealed({{"quantize-int8.version", "0.1.0"},
                      {"quantize-int8.options", options.substr(0, options.size() - 1) + ",\"new\":1}"}})),
      ::testing::AllOf(HasSubstr("does not know"), HasSubstr("quantize-int8 0.1.0 wrote them")));
  EXPECT_THAT(Refusal(Sealed({{"quantize-int8.version", "0.1.0"},
                              {"quantize-int8.options", options},
                              {"quantize-int8.source.sha256", "short"}})),
              HasSubstr("not a SHA-256"));
  for (const char* optimizer : {"somebody", "somebody, none", "somebody, utterly"}) {
    EXPECT_THAT(Refusal(Sealed({{"quantize-int8.version", "0.1.0"},
                                {"quantize-int8.options", options},
                                {"quantize-int8.optimizer", optimizer}})),
                HasSubstr("does not end with a level of optimization"));
  }
}

}  // namespace
}  // namespace qi8
