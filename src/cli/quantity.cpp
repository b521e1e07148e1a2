#include "cli/quantity.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/text.hpp"

namespace qi8::cli {
namespace {

struct Quantity {
  double value = 0;
  std::string unit;  // in lower case
};

std::optional<Quantity> Split(const std::string& text) {
  Quantity quantity;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, quantity.value);
  if (parsed.ec != std::errc() || !std::isfinite(quantity.value) || quantity.value < 0) return std::nullopt;
  quantity.unit = CLI::detail::to_lower(CLI::detail::trim_copy(std::string(parsed.ptr, end)));
  return quantity;
}

// So that reading it again gives the same number.
std::string Exact(double value) {
  std::array<char, 400> text{};
  const auto written = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  return {text.data(), written.ptr};
}

double AsItIs(double value) { return value; }
double Whole(double value) { return std::floor(value); }

std::string Not(const std::string& text, const std::string& what) { return Quote(text) + " is not " + what; }

// Of what each unit is worth. `what` is for the message where a text has none of them: "a size (example:
// 2MB)".
CLI::Validator InUnits(std::map<std::string, double> units, const std::string& what,
                       double (*finish)(double) = AsItIs) {
  units[""] = 1;
  return {[units, what, finish](std::string& text) -> std::string {
            constexpr double kMost = 9e18;  // what an integer of 64 bits holds
            const auto quantity = Split(text);
            const auto unit = quantity ? units.find(quantity->unit) : units.end();
            const bool is_one = unit != units.end() && quantity->value * unit->second <= kMost;
            if (!is_one) return Not(text, what);
            text = Exact(finish(quantity->value * unit->second));
            return "";
          },
          ""};
}

}  // namespace

CLI::Validator InSeconds() {
  return InUnits({{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}}, "a time (example: 2.5s or 80ms)");
}

CLI::Validator AsShare() {
  const CLI::Validator parse = InUnits({{"%", 0.01}}, "a share (example: 98% or 0.98)");
  return {[parse](std::string& text) -> std::string {
            const std::string given = text;
            std::string error = parse(text);
            const auto share = error.empty() ? Split(text) : std::nullopt;
            if (!share || share->value <= 1) return error;
            if (given.ends_with('%')) return Quote(given) + " is more than 100%";
            return Quote(given) + " is more than 1, the whole; write " + given + "% or " +
                   Exact(share->value / 100);
          },
          ""};
}

CLI::Validator InBytes() {
  constexpr double kKilo = 1e3;
  constexpr double kKibi = 1024;
  std::map<std::string, double> units = {{"b", 1}};
  double decimal = 1;
  double binary = 1;
  for (const std::string prefix : {"k", "m", "g", "t"}) {
    decimal *= kKilo;
    binary *= kKibi;
    units[prefix] = units[prefix + "b"] = decimal;
    units[prefix + "i"] = units[prefix + "ib"] = binary;
  }
  return InUnits(std::move(units), "a size (example: 1500MB or 1.5GiB)", Whole);
}

}  // namespace qi8::cli
