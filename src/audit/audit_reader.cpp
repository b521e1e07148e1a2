#include "audit/audit_reader.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "audit/audit_log.hpp"
#include "audit/record_seal.hpp"
#include "core/text.hpp"
#include "hash/sha256.hpp"

namespace qi8 {
namespace {

using nlohmann::json;

// A file as lines, one in memory at a time.
class LineReader {
 public:
  explicit LineReader(const ReadableFile& file) : file_(file), size_(file.Identity().size) {}

  // The next line, without its line feed; nothing at the end.
  std::optional<std::string_view> Next() {
    line_.clear();
    if (position_ == size_) return std::nullopt;
    ++number_;
    while (position_ < size_) {
      if (used_ == piece_.size()) Refill();
      const std::size_t line_feed = piece_.find('\n', used_);
      const std::size_t end = line_feed == std::string::npos ? piece_.size() : line_feed + 1;
      line_.append(piece_, used_, end - used_);
      position_ += end - used_;
      used_ = end;
      if (line_.size() > kMostAuditLineBytes) {
        throw Error(ErrorKind::kFailure, Quote(file_.path()) + ": line " + FormatCount(number_) +
                                             " is longer than the 16 MiB that a record may have; is it an "
                                             "audit log?");
      }
      if (line_feed != std::string::npos) {
        line_.pop_back();
        return line_;
      }
    }
    is_whole_ = false;
    return line_;
  }

  [[nodiscard]] std::uint64_t number() const { return number_; }

  // False: the line has no line feed, as only the last one can.
  [[nodiscard]] bool is_whole() const { return is_whole_; }

 private:
  void Refill() {
    constexpr std::uint64_t kPieceBytes = 64ULL << 10U;
    piece_.resize(std::min(kPieceBytes, size_ - position_));
    file_.ReadAt(position_, std::as_writable_bytes(std::span(piece_)));
    used_ = 0;
  }

  const ReadableFile& file_;
  std::uint64_t size_;
  std::uint64_t position_ = 0;
  std::uint64_t number_ = 0;
  std::string piece_;
  std::size_t used_ = 0;
  std::string line_;
  bool is_whole_ = true;
};

struct Record {
  AuditedRun run;
  std::string previous;
  std::int64_t schema = 0;
};

// Takes what is shown out of a line as it is parsed. No tree is built, whatever the line holds.
class RecordReader final : public nlohmann::json_sax<json> {
 public:
  explicit RecordReader(Record& record) : record_(record) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t number) override { return Number(static_cast<double>(number)); }
  bool number_unsigned(number_unsigned_t number) override { return Number(static_cast<double>(number)); }
  bool number_float(number_float_t number, const string_t&) override { return Number(number); }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    if (depth_ == 0) is_object_ = true;
    ++depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    ++depth_;
    return true;
  }
  bool end_object() override { return Leave(); }
  bool end_array() override { return Leave(); }
  bool key(string_t& name) override {
    if (depth_ == 1) member_ = name;
    key_ = std::move(name);
    return true;
  }
  bool string(string_t& text) override {
    if (depth_ == 1) {
      if (std::string* field = FieldNamed(member_)) *field = std::move(text);
    } else if (depth_ == kInFileOfList && key_ == "path") {
      std::string* first = member_ == "inputs"    ? &record_.run.input
                           : member_ == "outputs" ? &record_.run.output
                                                  : nullptr;
      if (first != nullptr && first->empty()) *first = std::move(text);
    }
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

  [[nodiscard]] bool is_object() const { return is_object_; }

 private:
  static constexpr std::size_t kInFileOfList = 3;  // {"inputs": [{ here

  bool Leave() {
    --depth_;
    return true;
  }

  bool Number(double number) {
    if (depth_ != 1) return true;
    if (member_ == "seconds") record_.run.seconds = number;
    if (member_ == "schema") record_.schema = static_cast<std::int64_t>(std::clamp(number, 0.0, 1e6));
    return true;
  }

  std::string* FieldNamed(std::string_view name) {
    if (name == "previous") return &record_.previous;
    if (name == "time") return &record_.run.time;
    if (name == "user") return &record_.run.user;
    if (name == "host") return &record_.run.host;
    if (name == "command") return &record_.run.command;
    if (name == "status") return &record_.run.status;
    if (name == "error") return &record_.run.error;
    return nullptr;
  }

  Record& record_;
  std::size_t depth_ = 0;
  bool is_object_ = false;
  std::string member_;  // of the record
  std::string key_;     // of whatever object is being read
};

std::optional<Record> Parse(std::string_view line) {
  Record record;
  RecordReader reader(record);
  if (!json::sax_parse(line, &reader) || !reader.is_object()) return std::nullopt;
  record.run.json = line;
  return record;
}

// Follows the chain from line to line.
class ChainChecker {
 public:
  // What is wrong with the next line, or nothing.
  std::optional<std::string> Check(std::string_view line, bool is_whole, const Record* record) {
    std::optional<std::string> problem = ProblemOf(line, is_whole, record);
    before_ = {.hash = Sha256::HexOf(line), .damaged = problem.has_value(), .is_first = false};
    return problem;
  }

 private:
  std::optional<std::string> ProblemOf(std::string_view line, bool is_whole, const Record* record) const {
    if (!is_whole) return "it has no line feed at its end; was its writing cut off?";
    if (record == nullptr) return "it is not a JSON object, so it is not a record";
    if (!IsSealed(line)) return "it was changed after it was written, or this program did not write it";
    if (record->schema != kAuditSchema) return "its schema is one that this version does not know";
    // What follows a changed line can only name the hash of what that line was.
    if (before_.damaged || record->previous == before_.hash) return std::nullopt;
    if (before_.is_first) return "it is not the first record: lines before it were removed or moved";
    return "it does not follow the line before it: lines between them were removed, added or moved, or the "
           "line before was replaced";
  }

  struct Before {
    std::string hash;
    bool damaged = false;
    bool is_first = true;
  };
  Before before_;
};

}  // namespace

AuditCheck CheckAuditLog(const ReadableFile& log, const std::function<void(const AuditedRun&)>& visit) {
  AuditCheck check;
  LineReader lines(log);
  ChainChecker chain;
  while (const auto line = lines.Next()) {
    check.lines = lines.number();
    auto record = Parse(*line);
    const auto problem = chain.Check(*line, lines.is_whole(), record ? &*record : nullptr);
    if (record) {
      record->run.line = lines.number();
      visit(record->run);
    }
    if (!problem) continue;
    ++check.problem_count;
    if (check.problems.size() < kMostAuditProblems) check.problems.push_back({lines.number(), *problem});
  }
  return check;
}

AuditCheck CheckAuditLog(const std::filesystem::path& log,
                         const std::function<void(const AuditedRun&)>& visit) {
  return CheckAuditLog(*MakePosixFileSystem()->OpenForReading(log), visit);
}

}  // namespace qi8
