#include "tune/sketch.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>
#include <random>

namespace qi8::tune {
namespace {

[[nodiscard]] std::vector<double> RandomVector(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> vector(size);
  for (double& one : vector) one = normal(random);
  return vector;
}

[[nodiscard]] double Product(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

TEST(SketchTest, KeepsAShortVectorAsItIs) {
  std::vector<float> sketch(4);
  AddToSketch(std::vector<double>{1, -2, 3}, 2, sketch);
  EXPECT_THAT(sketch, ::testing::ElementsAre(2, -4, 6, 0));
  AddToSketch(std::vector<double>{1, 1, 1}, 1, sketch);
  EXPECT_THAT(sketch, ::testing::ElementsAre(3, -3, 7, 0));
}

TEST(SketchTest, HasTheProductsOfLongVectors) {
  constexpr std::size_t kSize = 1024;
  const std::vector<double> a = RandomVector(100'000, 1);
  std::vector<double> b = RandomVector(100'000, 2);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = 0.6 * a[i] + 0.8 * b[i];
  std::vector<float> sketch_a(kSize);
  std::vector<float> sketch_b(kSize);
  AddToSketch(a, 1, sketch_a);
  AddToSketch(b, 1, sketch_b);
  const double length = 1e5;
  const double allowed = 4 * std::sqrt(2.0 / kSize) * length;
  EXPECT_NEAR(Product(sketch_a, sketch_a), length, allowed);
  EXPECT_NEAR(Product(sketch_b, sketch_b), length, allowed);
  EXPECT_NEAR(Product(sketch_a, sketch_b), 0.6 * length, allowed);
}

}  // namespace
}  // namespace qi8::tune
