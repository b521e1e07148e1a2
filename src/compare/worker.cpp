#include "compare/worker.hpp"

#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <utility>

#include "compare/verdict.hpp"
#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8::compare {
namespace {

double Seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

// The peak is that of this program alone: getrusage would count what the process was before it became it.
MemoryUse OwnMemory() {
  constexpr std::uint64_t kUnit = 1024;
  MemoryUse memory;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) memory.resident = std::stoull(line.substr(6)) * kUnit;
    if (line.starts_with("VmHWM:")) memory.peak = std::stoull(line.substr(6)) * kUnit;
  }
  return memory;
}

// The worker's side: a session, and the inputs it is run with.
class Server {
 public:
  Message Answer(const Message& request) {
    static const std::map<std::string, Message (Server::*)(const Message&)> kAnswers = {
        {"open", &Server::Open},        {"set inputs", &Server::SetInputs}, {"set input", &Server::SetInput},
        {"time run", &Server::TimeRun}, {"time runs", &Server::TimeRuns},   {"run", &Server::Run},
        {"memory", &Server::Memory}};
    return (this->*kAnswers.at(request.at("request").get<std::string>()))(request);
  }

 private:
  Message Open(const Message& request) {
    const auto library = runtime::OnnxRuntime::Load(request.at("library").get<std::string>());
    runtime::SessionOptions options;
    options.intra_threads = request.at("threads").get<int>();
    options.sleep_after_run = true;  // the other model's turn is next
    options.external_data_folder = request.at("external data folder").get<std::string>();
    session_.reset();  // before another takes memory
    const auto start = std::chrono::steady_clock::now();
    session_ = library->OpenSession(request.at("model").get<std::string>(), options);
    const auto took = std::chrono::steady_clock::now() - start;
    return {{"seconds", Seconds(took)},
            {"runtime_version", library->Version()},
            {"inputs", ToMessage(session_->inputs())},
            {"outputs", ToMessage(session_->outputs())}};
  }
  Message SetInputs(const Message& request) {
    inputs_ = ToTensors(request.at("tensors"));
    return Message::object();
  }
  Message SetInput(const Message& request) {
    inputs_.at(request.at("place").get<std::size_t>()) = ToTensors(request.at("tensors")).at(0);
    return Message::object();
  }
  Message TimeRun(const Message&) { return {{"seconds", Seconds(session_.value().TimeRun(inputs_))}}; }
  Message TimeRuns(const Message& request) {
    std::vector<double> seconds(request.at("count").get<std::size_t>());
    for (double& one : seconds) one = Seconds(session_.value().TimeRun(inputs_));
    return {{"seconds", seconds}};
  }
  Message Run(const Message& request) {
    const auto& session = session_.value();
    if (!request.contains("wanted")) {
      return {{"tensors", ToMessage(session.Run(inputs_, runtime::Unreadable::kSkip))}};
    }
    const auto wanted = request.at("wanted").get<std::vector<std::size_t>>();
    return {{"tensors", ToMessage(session.RunFor(wanted, inputs_, runtime::Unreadable::kSkip))}};
  }
  // Called as the others are, by a pointer to a member.
  // NOLINTNEXTLINE(readability-convert-member-functions-to-static)
  Message Memory(const Message&) {
    const MemoryUse memory = OwnMemory();
    return {{"resident", memory.resident}, {"peak", memory.peak}};
  }

  std::optional<runtime::Session> session_;
  std::vector<runtime::Tensor> inputs_;
};

}  // namespace

void Serve(int socket) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody would read the answers
  Server server;
  while (const auto request = Receive(socket)) {
    Message answer;
    try {
      answer = server.Answer(*request);
    } catch (const std::exception& error) {
      answer = {{"error", error.what()}};
    }
    Send(socket, answer);
  }
}

Worker::Worker(const std::vector<std::string>& command, double timeout_seconds,
               std::function<bool()> should_stop)
    : timeout_seconds_(timeout_seconds), should_stop_(std::move(should_stop)) {
  const auto fail = [&command](int error) {
    throw Error(ErrorKind::kFailure,
                "cannot start " + Quote(command.at(0)) + ", which runs the model: " + std::strerror(error));
  };
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail(errno);
  socket_ = ends[0];

  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
  // Standard output is for the comparison's result, whatever a library may print.
  ::posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  std::vector<std::string> arguments = command;
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const int error = ::posix_spawn(&process_, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error != 0) {
    ::close(socket_);
    fail(error);
  }
}

Worker::~Worker() {
  ::close(socket_);
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);  // it may be in the midst of a run that nobody waits for
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Worker::CheckWhetherToWait(double waited_seconds) const {
  if (should_stop_ && should_stop_()) throw Error(ErrorKind::kInterrupted, "interrupted");
  if (timeout_seconds_ > 0 && waited_seconds > timeout_seconds_) {
    throw Error(ErrorKind::kFailure, Quote(model_) + ": loading it or one run took longer than " +
                                         FormatSeconds(timeout_seconds_) +
                                         "; --timeout allows more, 0 any time");
  }
}

Message Worker::Ask(const Message& request) {
  const auto start = std::chrono::steady_clock::now();
  try {
    Send(socket_, request);
  } catch (const Error&) {
    FailByItsEnd();
  }
  std::optional<Message> answer =
      Receive(socket_, [&] { CheckWhetherToWait(Seconds(std::chrono::steady_clock::now() - start)); });
  if (!answer) FailByItsEnd();
  if (answer->contains("error")) throw Error(ErrorKind::kFailure, answer->at("error").get<std::string>());
  return *std::move(answer);
}

void Worker::FailByItsEnd() {
  CheckWhetherToWait(0);  // Ctrl-C ends both
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  std::string how = "status " + std::to_string(WEXITSTATUS(status));
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    how = std::string("signal ") + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
    if (signal == SIGKILL) how += "; perhaps there was too little memory";
  }
  throw Error(ErrorKind::kFailure, Quote(model_) + ": the process that ran the model ended with " + how);
}

Worker::Opened Worker::Open(const std::string& model, const RuntimeOptions& options,
                            const std::string& external_data_folder) {
  model_ = model;
  const Message answer = Ask({{"request", "open"},
                              {"model", model},
                              {"library", options.onnxruntime},
                              {"threads", options.threads},
                              {"external data folder", external_data_folder}});
  return {.runtime_version = answer.at("runtime_version").get<std::string>(),
          .seconds = answer.at("seconds").get<double>(),
          .inputs = ToValues(answer.at("inputs")),
          .outputs = ToValues(answer.at("outputs"))};
}

void Worker::SetInputs(std::span<const runtime::Tensor> inputs) {
  Ask({{"request", "set inputs"}, {"tensors", ToMessage(inputs)}});
}

void Worker::SetInput(std::size_t place, const runtime::Tensor& input) {
  Ask({{"request", "set input"}, {"place", place}, {"tensors", ToMessage(std::span(&input, 1))}});
}

std::vector<double> Worker::TimeRuns(std::size_t count) {
  return Ask({{"request", "time runs"}, {"count", count}}).at("seconds").get<std::vector<double>>();
}

double Worker::TimeRun() { return Ask({{"request", "time run"}}).at("seconds").get<double>(); }

std::vector<runtime::Tensor> Worker::Run() { return ToTensors(Ask({{"request", "run"}}).at("tensors")); }

std::vector<runtime::Tensor> Worker::RunFor(std::span<const std::size_t> wanted) {
  const std::vector<std::size_t> places(wanted.begin(), wanted.end());
  return ToTensors(Ask({{"request", "run"}, {"wanted", places}}).at("tensors"));
}

MemoryUse Worker::Memory() {
  const Message answer = Ask({{"request", "memory"}});
  return {.resident = answer.at("resident").get<std::uint64_t>(),
          .peak = answer.at("peak").get<std::uint64_t>()};
}

}  // namespace qi8::compare
