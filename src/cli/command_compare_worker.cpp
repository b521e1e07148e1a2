#include "cli/command_compare_worker.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compare/worker.hpp"
#include "qi8/error.hpp"

namespace qi8::cli {

void CommandCompareWorker::SetUp(CLI::App&) {}

ExitStatus CommandCompareWorker::Run() {
  struct stat status {};
  if (::fstat(STDIN_FILENO, &status) != 0 || !S_ISSOCK(status.st_mode)) {
    throw Error(ErrorKind::kUsage, "compare-worker is started by compare; run quantize-int8 compare");
  }
  compare::Serve(STDIN_FILENO);
  return kDone;
}

}  // namespace qi8::cli
