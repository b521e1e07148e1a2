// The audit log as a table and as JSON, piece by piece: a log may be longer than memory.
#pragma once

#include <string>

#include "qi8/audit.hpp"

namespace qi8 {

// One line of the table, and the line above them all. Columns have fixed widths; longer cells push the rest.
[[nodiscard]] std::string AuditTableHeader();
[[nodiscard]] std::string AuditTableRow(const AuditedRun& run);

// {"records": [...], "lines": N, "intact": true, "problems": [{"line": N, "problem": "..."}]}: the start,
// each record, the end.
class AuditJson {
 public:
  [[nodiscard]] static std::string Start();
  [[nodiscard]] std::string Record(const AuditedRun& run);
  [[nodiscard]] static std::string End(const AuditCheck& check);

 private:
  bool is_first_ = true;
};

}  // namespace qi8
