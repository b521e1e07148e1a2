// consumer INPUT OUTPUT: quantizes by the installed library, and prints how much it did.
#include <cstdio>
#include <qi8/audit.hpp>
#include <qi8/quantize.hpp>
#include <qi8/rollout.hpp>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  qi8::QuantizeOptions options;
  options.input = argv[1];
  options.output = argv[2];
  qi8::Observer observer;
  try {
    const qi8::RunReport report = qi8::Quantize(options, observer);
    const qi8::AuditCheck check = qi8::CheckAuditLog(report.audit_log, [](const qi8::AuditedRun&) {});
    std::printf("qi8 %s: %zu nodes, log %s, %llu MB\n", qi8::Version().c_str(), report.plan.quantized_nodes,
                check.intact() ? "intact" : "changed",
                static_cast<unsigned long long>(qi8::RolloutMemoryMb(report.plan.output_bytes())));
  } catch (const qi8::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
