// The promises of the schedule, held against work of any shape.
#include "exec/schedule.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "plan/planned.hpp"

namespace qi8 {
namespace {

using testing::ModelBuilder;
using testing::Planned;

struct Scheduled {
  Planned planned;
  Layout layout;
  ScheduleOptions options;
  std::vector<Step> steps;

  void Make(ModelBuilder& builder, const std::map<std::string, std::uint64_t>& files,
            const ScheduleOptions& with) {
    for (const auto& [name, size] : files) planned.files->AddZeros(name, size);
    planned.Make(builder);
    layout = planned.LayOutNow();
    options = with;
    steps = MakeSchedule(*planned.model, planned.plan, layout, options);
  }

  [[nodiscard]] const QuantizedWeight* WeightOf(std::uint32_t item) const {
    const auto& weight = layout.work[item].weight;
    return weight ? &planned.plan.weights[*weight] : nullptr;
  }
  [[nodiscard]] const Tensor& TensorOf(std::uint32_t item) const {
    return planned.model->tensors()[layout.work[item].source];
  }
};

// Tiles are within their tensor and their file, whole elements, no larger than they may be.
void ExpectTilesFit(const Scheduled& s) {
  for (const Step& step : s.steps) {
    ASSERT_GT(step.range.length, 0U);
    ASSERT_LE(step.range.length, s.options.tile_bytes);
    ASSERT_TRUE(step.range.Within(s.planned.model->files()[step.file].identity.size));
    if (step.kind == StepKind::kPass) {
      EXPECT_EQ(step.item, kNoItem);
      continue;
    }
    ASSERT_LT(step.item, s.layout.work.size());
    const TensorSource& source = s.TensorOf(step.item).source;
    EXPECT_EQ(step.file, source.file);
    ASSERT_GE(step.range.offset, source.range.offset);
    ASSERT_LE(step.range.end(), source.range.end());
    if (s.WeightOf(step.item) != nullptr) {
      EXPECT_EQ(step.range.length % sizeof(float), 0U);
      EXPECT_EQ(step.first_element, (step.range.offset - source.range.offset) / sizeof(float));
    }
  }
}

// Every element of every tensor is written once; of a weight it is scanned once too, and all of its group
// before.
void ExpectEveryElementOnce(const Scheduled& s) {
  std::vector<std::uint64_t> scanned(s.layout.work.size(), 0);
  std::vector<std::uint64_t> emitted(s.layout.work.size(), 0);
  std::uint32_t last_item = 0;
  for (const Step& step : s.steps) {
    if (step.item == kNoItem) continue;
    const std::uint64_t start = step.range.offset - s.TensorOf(step.item).source.range.offset;
    const QuantizedWeight* weight = s.WeightOf(step.item);
    if (Scans(step.kind)) {
      ASSERT_EQ(start, scanned[step.item]) << "scanned out of order";
      ASSERT_GE(step.item, last_item) << "an earlier tensor comes after a later one";
      last_item = step.item;
      scanned[step.item] += step.range.length;
    }
    if (Emits(step.kind)) {
      ASSERT_EQ(start, emitted[step.item]) << "emitted out of order";
      emitted[step.item] += step.range.length;
    }
    if (weight == nullptr) {
      EXPECT_EQ(step.kind, StepKind::kWhole) << "a copy has nothing to wait for";
      continue;
    }
    const std::uint64_t group = weight->encoding.shape.group_elements() * sizeof(float);
    if (step.kind == StepKind::kWhole) {
      EXPECT_EQ(start % group, 0U);
      EXPECT_EQ(step.range.length % group, 0U) << "a part of a group cannot be quantized at once";
    } else {
      const std::uint64_t group_end = (start / group + 1) * group;
      EXPECT_LE(start + step.range.length, group_end) << "a tile with parts of two groups";
      EXPECT_EQ(step.ends_group, start + step.range.length == group_end);
      if (Emits(step.kind)) {
        EXPECT_GE(scanned[step.item], group_end) << "written before its scales are known";
      }
    }
  }
  for (std::uint32_t item = 0; item < s.layout.work.size(); ++item) {
    EXPECT_EQ(scanned[item], s.TensorOf(item).source.range.length);
    EXPECT_EQ(emitted[item], s.TensorOf(item).source.range.length);
  }
}

// Groups of several tiles are scanned one after the other, and emitted in that order: their scales wait in a
// queue.
void ExpectGroupsInOrder(const Scheduled& s) {
  std::deque<Step> to_emit;
  std::uint64_t held = 0;
  std::vector<Step> open_group;
  for (const Step& step : s.steps) {
    if (step.kind == StepKind::kScan || step.kind == StepKind::kScanHold) {
      if (!open_group.empty()) {
        EXPECT_EQ(open_group.back().item, step.item);
        EXPECT_EQ(open_group.back().kind, step.kind);
        EXPECT_EQ(open_group.back().range.end(), step.range.offset);
      }
      open_group.push_back(step);
      if (step.kind == StepKind::kScanHold) ++held;
      ASSERT_LE(held, s.options.held_tiles);
      if (step.ends_group) {
        to_emit.insert(to_emit.end(), open_group.begin(), open_group.end());
        open_group.clear();
      }
    } else if (step.kind == StepKind::kEmitHeld || step.kind == StepKind::kEmitAgain) {
      ASSERT_FALSE(to_emit.empty());
      const Step& scan = to_emit.front();
      EXPECT_EQ(step.item, scan.item);
      EXPECT_EQ(step.range, scan.range);
      EXPECT_EQ(step.first_element, scan.first_element);
      EXPECT_EQ(step.ends_group, scan.ends_group);
      EXPECT_EQ(step.kind == StepKind::kEmitHeld, scan.kind == StepKind::kScanHold);
      if (step.kind == StepKind::kEmitHeld) --held;
      to_emit.pop_front();
    } else if (step.item != kNoItem) {
      EXPECT_TRUE(open_group.empty()) << "another tensor between the tiles of a group";
    }
  }
  EXPECT_TRUE(to_emit.empty() && open_group.empty());
  EXPECT_EQ(held, 0U);
}

// What the checksum of an input needs: first readings that go through each file from front to back without a
// gap.
void ExpectFilesReadFromFrontToBack(const Scheduled& s, bool overlapping) {
  std::vector<std::uint64_t> position(s.planned.model->files().size(), 0);
  FileId file = 0;
  for (const Step& step : s.steps) {
    if (!Reads(step.kind) || step.kind == StepKind::kEmitAgain) continue;
    ASSERT_GE(step.file, file);
    file = step.file;
    if (s.options.pass_unused && !s.planned.model->files()[file].in_memory) {
      ASSERT_LE(step.range.offset, position[file]) << "a gap";
      if (!overlapping) {
        ASSERT_EQ(step.range.offset, position[file]) << "read twice";
      }
      if (step.kind == StepKind::kPass) {
        ASSERT_EQ(step.range.offset, position[file]) << "passed twice";
      }
    } else {
      EXPECT_NE(step.kind, StepKind::kPass);
    }
    position[file] = std::max(position[file], step.range.end());
  }
  if (!s.options.pass_unused) return;
  for (FileId id = 0; id < position.size(); ++id) {
    const InputFile& input = s.planned.model->files()[id];
    if (!input.in_memory) {
      EXPECT_EQ(position[id], input.identity.size) << "file " << id << " is not read to its end";
    }
  }
}

void ExpectPromises(const Scheduled& s, bool overlapping) {
  ExpectTilesFit(s);
  ExpectEveryElementOnce(s);
  ExpectGroupsInOrder(s);
  ExpectFilesReadFromFrontToBack(s, overlapping);
}

// Twenty tensors: weights of all layouts, larger and smaller than a tile, and copies, in two files and in the
// model.
[[nodiscard]] ModelBuilder RandomModel(std::mt19937& random, bool overlapping,
                                       std::map<std::string, std::uint64_t>& files) {
  const auto below = [&random](std::uint32_t bound) { return random() % bound; };
  ModelBuilder builder;
  builder.Input("x", {-1, -1});
  std::uint64_t offset = 0;
  std::string file = "first";
  for (int i = 0; i < 20; ++i) {
    if (i == 12) {
      files[file] = std::max(files[file], offset + below(3000));
      file = "second";
      offset = below(2) * 4096;
    }
    const auto rows = static_cast<std::int64_t>(2 + below(80));
    const auto columns = static_cast<std::int64_t>(2 + below(below(3) == 0 ? 2000 : 80));
    const std::string name = "t" + std::to_string(i);
    const std::string output = "y" + std::to_string(i);
    if (below(6) == 0) {
      const auto storage = below(2) == 0 ? testing::Storage::kRawData : testing::Storage::kUnpackedFloatData;
      builder.Initializer(name, {rows, 40}, testing::RandomValues(static_cast<std::size_t>(rows) * 40),
                          storage);
    } else {
      testing::External(builder.graph(), name, {rows, columns}, file, offset);
      const std::uint64_t end = offset + static_cast<std::uint64_t>(rows * columns) * 4;
      files[file] = std::max(files[file], end);
      offset = overlapping && below(2) == 0 ? offset + 4 * below(static_cast<std::uint32_t>(end - offset) / 4)
                                            : end + 4 * below(2) * below(1000);
    }
    switch (below(4)) {
      case 0:
        builder.Node("MatMul", {"x", name}, {output});
        break;
      case 1:
        testing::SetInt(builder.Node("Gemm", {"x", name}, {output}), "transB", 1);
        break;
      case 2:
        builder.Node("Gather", {name, "x"}, {output});
        break;
      default:
        builder.Node("Op", {name}, {output});
    }
  }
  return builder;
}

TEST(Schedule, KeepsItsPromisesForAnyWork) {
  std::mt19937 random(5);
  std::map<StepKind, std::size_t> kinds;
  for (int round = 0; round < 150; ++round) {
    const bool overlapping = round % 2 == 1;
    std::map<std::string, std::uint64_t> files;
    auto builder = RandomModel(random, overlapping, files);
    ScheduleOptions options;
    options.tile_bytes = 256U << random() % 8;
    options.held_tiles = random() % 3 == 0 ? 0 : random() % 64;
    options.pass_unused = random() % 3 != 0;
    SCOPED_TRACE("round " + std::to_string(round) + ", tiles of " + std::to_string(options.tile_bytes) +
                 ", " + std::to_string(options.held_tiles) + " held");
    Scheduled scheduled;
    scheduled.Make(builder, files, options);
    ExpectPromises(scheduled, overlapping);
    for (const Step& step : scheduled.steps) ++kinds[step.kind];
    if (HasFailure()) return;
  }
  EXPECT_EQ(kinds.size(), 6U) << "not every kind of step came up";
}

[[nodiscard]] std::string Kinds(const std::vector<Step>& steps) {
  std::string text;
  for (const Step& step : steps) text += "PWShEA"[static_cast<int>(step.kind)];
  return text;
}

// One file, tensors one behind the other; nothing of the model itself is passed over.
[[nodiscard]] Scheduled OneFile(const std::vector<testing::Dims>& shapes, std::uint64_t tile_bytes,
                                std::uint64_t held_tiles, const std::string& op = "MatMul") {
  ModelBuilder builder;
  std::uint64_t offset = 0;
  for (const auto& dims : shapes) {
    const std::string name = "t" + std::to_string(offset);
    testing::External(builder.graph(), name, dims, "d", offset);
    offset += static_cast<std::uint64_t>(dims[0] * dims[1]) * 4;
    if (op == "Gather") {
      builder.Node("Gather", {name, "x"}, {"y" + name});
    } else {
      builder.Node(op, {op == "Op" ? name : "x", name}, {"y" + name});
    }
  }
  Scheduled scheduled;
  scheduled.Make(builder, {{"d", offset}},
                 {.tile_bytes = tile_bytes, .held_tiles = held_tiles, .pass_unused = false});
  return scheduled;
}

TEST(Schedule, WeightsThatFitATileAreOneStep) {
  EXPECT_EQ(Kinds(OneFile({{16, 16}, {16, 16}}, 1024, 8).steps), "WW");
  EXPECT_EQ(Kinds(OneFile({{64, 64}}, 1024, 8, "Op").steps), std::string(16, 'W'))
      << "and copies are never held";
}

TEST(Schedule, TilesOfManyRowsHoldWholeRows) {
  // Rows of 400 bytes: two to a tile of 1,000.
  const auto scheduled = OneFile({{5, 100}}, 1000, 8, "Gather");
  EXPECT_EQ(Kinds(scheduled.steps), "WWW");
  EXPECT_EQ(scheduled.steps[0].range.length, 800U);
  EXPECT_EQ(scheduled.steps[2].range.length, 400U);
  EXPECT_EQ(scheduled.steps[2].first_element, 400U);
}

// A Gemm's weight [N, K] as stored for transB: its codes are written as [K, N].
TEST(Schedule, RowsToBeTransposedFillCacheLines) {
  ModelBuilder builder;
  testing::External(builder.graph(), "w", {200, 10}, "d", 0);
  testing::SetInt(builder.Node("Gemm", {"x", "w"}, {"y"}), "transB", 1);
  Scheduled scheduled;
  scheduled.Make(builder, {{"d", 8000}}, {.tile_bytes = 6000, .held_tiles = 8, .pass_unused = false});
  ASSERT_EQ(Kinds(scheduled.steps), "WW");
  EXPECT_EQ(scheduled.steps[0].range.length, 128U * 40) << "150 rows would fit";
  EXPECT_EQ(scheduled.steps[1].range.length, 72U * 40);
}

TEST(Schedule, LargerWeightsAreHeldUntilTheirScalesAreKnown) {
  EXPECT_EQ(Kinds(OneFile({{16, 64}}, 1024, 4).steps), "hhhhEEEE");
}

TEST(Schedule, ScansOfTheNextWeightTakeTurnsWithEmissions) {
  EXPECT_EQ(Kinds(OneFile({{16, 64}, {16, 64}}, 1024, 8).steps), "hhhhhEhEhEhEEEEE");
  EXPECT_EQ(Kinds(OneFile({{16, 64}, {16, 64}}, 1024, 4).steps), "hhhhEhEhEhEhEEEE") << "room is made before";
}

TEST(Schedule, WhatCannotBeHeldIsReadAgain) {
  EXPECT_EQ(Kinds(OneFile({{16, 64}}, 1024, 3).steps), "SSSSAAAA");
  EXPECT_EQ(Kinds(OneFile({{16, 64}}, 1024, 0).steps), "SSSSAAAA");
}

TEST(Schedule, UnusedBytesArePassedInTiles) {
  ModelBuilder builder;
  testing::External(builder.graph(), "w", {8, 8}, "d", 1500);
  builder.Node("MatMul", {"x", "w"}, {"y"});
  Scheduled scheduled;
  scheduled.Make(builder, {{"d", 2000}}, {.tile_bytes = 1000, .held_tiles = 1, .pass_unused = true});
  std::vector<ByteRange> passed;
  for (const Step& step : scheduled.steps) {
    if (step.kind == StepKind::kPass && step.file == 1) passed.push_back(step.range);
  }
  EXPECT_EQ(passed, (std::vector<ByteRange>{{0, 1000}, {1000, 500}, {1756, 244}}));
}

}  // namespace
}  // namespace qi8
