#include "cli/quantity.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <string>

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

// Of what each unit is worth. `example` is for the message where a text has none of them.
CLI::Validator InUnits(std::map<std::string, double> units, const std::string& example,
                       double (*finish)(double) = AsItIs) {
  units[""] = 1;
  return {[units, example, finish](std::string& text) -> std::string {
            const auto quantity = Split(text);
            const auto unit = quantity ? units.find(quantity->unit) : units.end();
            if (unit == units.end()) return text + " is none such as " + example;
            text = Exact(finish(quantity->value * unit->second));
            return "";
          },
          ""};
}

}  // namespace

CLI::Validator InSeconds() { return InUnits({{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}}, "2.5s or 80ms"); }

CLI::Validator AsShare() {
  const CLI::Validator parse = InUnits({{"%", 0.01}}, "98% or 0.98");
  return {[parse](std::string& text) -> std::string {
            const std::string given = text;
            std::string error = parse(text);
            const auto share = error.empty() ? Split(text) : std::nullopt;
            if (!share || share->value <= 1) return error;
            if (given.ends_with('%')) return given + " is more than 100%";
            return given + " is more than 1, the whole; write " + given + "% or " + Exact(share->value / 100);
          },
          ""};
}

CLI::Validator InBytes() {
  constexpr double kKib = 1024;
  return InUnits({{"kb", 1e3},
                  {"mb", 1e6},
                  {"gb", 1e9},
                  {"kib", kKib},
                  {"mib", kKib * kKib},
                  {"gib", kKib * kKib * kKib}},
                 "1500MB or 1.5GB", Whole);
}

}  // namespace qi8::cli
