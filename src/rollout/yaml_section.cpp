#include "rollout/yaml_section.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <sstream>
#include <string_view>

#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

enum class YamlKind { kScalar, kMap, kSequence, kAlias, kNull };

// A node with its place in the text. Aliases stay aliases, so no file can grow when it is read.
struct YamlNode {
  YamlKind kind = YamlKind::kNull;
  std::size_t offset = 0;
  int line = 0;
  std::string tag;  // "?" of a plain scalar, "!" of a quoted one, else one that the file names
  bool anchored = false;
  bool flow = false;  // {a: b} or [a, b]
  std::string value;
  std::vector<YamlNode> children;  // of a map: key, value, key, value ...
};

bool SameMeaning(const YamlNode& one, const YamlNode& other) {
  return one.kind == other.kind && one.tag == other.tag && one.anchored == other.anchored &&
         one.flow == other.flow && one.value == other.value &&
         std::ranges::equal(one.children, other.children, SameMeaning);
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    // At a comma between documents, the parser gives one empty document after the other, for ever.
    if (!documents_.empty() && mark.pos <= document_start_)
      throw YAML::ParserException(mark, "unexpected text");
    document_start_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(Node(YamlKind::kNull, mark, "", anchor));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node = Node(YamlKind::kAlias, mark, "", YAML::NullAnchor);
    node.value = std::to_string(anchor);
    Add(std::move(node));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = Node(YamlKind::kScalar, mark, tag, anchor);
    node.value = value;
    Add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    Open(YamlKind::kSequence, mark, tag, anchor, style);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    Open(YamlKind::kMap, mark, tag, anchor, style);
  }
  void OnMapEnd() override { Close(); }

  // The documents of the file, one after the other.
  [[nodiscard]] std::vector<YamlNode> Take() { return std::move(documents_); }

 private:
  static YamlNode Node(YamlKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    YamlNode node;
    node.kind = kind;
    node.offset = static_cast<std::size_t>(std::max(mark.pos, 0));
    node.line = mark.line + 1;
    node.tag = tag;
    node.anchored = anchor != YAML::NullAnchor;
    return node;
  }
  void Open(YamlKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YAML::EmitterStyle::value style) {
    open_.push_back(Node(kind, mark, tag, anchor));
    open_.back().flow = style == YAML::EmitterStyle::Flow;
  }
  void Close() {
    YamlNode node = std::move(open_.back());
    open_.pop_back();
    Add(std::move(node));
  }
  void Add(YamlNode node) { (open_.empty() ? documents_ : open_.back().children).push_back(std::move(node)); }

  std::vector<YamlNode> open_;
  std::vector<YamlNode> documents_;
  int document_start_ = 0;
};

std::vector<YamlNode> Parse(const std::string& text, const std::string& file) {
  std::istringstream input(text);
  TreeBuilder builder;
  try {
    YAML::Parser parser(input);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    throw Error(ErrorKind::kFailure, Quote(file) + ", line " + std::to_string(error.mark.line + 1) +
                                         ": this is not valid YAML: " + error.msg);
  }
  return builder.Take();
}

// A mapping and where it is.
struct Place {
  YamlNode* map = nullptr;
  std::string path;
  bool shared = false;  // something around it has an anchor, so that it may stand in other places too
};

// Calls `visit` with every mapping. No deeper than the parser goes, which has a limit.
void VisitMaps(YamlNode& node, const std::string& path, bool shared,
               const std::function<void(const Place&)>& visit) {
  shared = shared || node.anchored;
  const auto below = [&path](const std::string& name) { return path.empty() ? name : path + "." + name; };
  if (node.kind == YamlKind::kMap) {
    visit({&node, path, shared});
    for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
      VisitMaps(node.children[i + 1], below(node.children[i].value), shared, visit);
    }
  } else if (node.kind == YamlKind::kSequence) {
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      VisitMaps(node.children[i], below(std::to_string(i)), shared, visit);
    }
  }
}

bool IsNamed(const std::string& path, const std::string& section) {
  return path == section || path.ends_with("." + section);
}

[[noreturn]] void Refuse(const std::string& where, const std::string& why) {
  throw Error(ErrorKind::kFailure, where + ": " + why);
}

Place FindSection(std::vector<YamlNode>& documents, const std::string& file, const std::string& section) {
  std::vector<Place> found;
  for (YamlNode& document : documents) {
    VisitMaps(document, "", false, [&](const Place& place) {
      if (!place.path.empty() && IsNamed(place.path, section)) found.push_back(place);
    });
  }
  if (found.empty())
    Refuse(Quote(file), "there is no section " + Quote(section) + "; name it with --section");
  if (found.size() > 1) {
    Refuse(Quote(file), "there are several sections " + Quote(section) + ", as " + Quote(found[0].path) +
                            " in line " + std::to_string(found[0].map->line) + " and " +
                            Quote(found[1].path) + " in line " + std::to_string(found[1].map->line) +
                            "; name one in full with --section");
  }
  const Place& place = found.front();
  const std::string where = Quote(file) + ", line " + std::to_string(place.map->line);
  if (place.shared) {
    Refuse(where, "section " + Quote(place.path) +
                      " has an anchor, so that a change would show elsewhere too; change it by hand");
  }
  if (place.map->flow) {
    Refuse(where,
           "section " + Quote(place.path) + " is written in braces; write it as a block, one key a line");
  }
  return place;
}

bool HasKey(const Place& place, const std::string& key) {
  for (std::size_t i = 0; i + 1 < place.map->children.size(); i += 2) {
    const YamlNode& name = place.map->children[i];
    if (name.kind == YamlKind::kScalar && name.value == key) return true;
  }
  return false;
}

YamlNode& FindValue(const Place& place, const std::string& file, const std::string& key) {
  const auto where = [&](const YamlNode& node) {
    return Quote(file) + ", line " + std::to_string(node.line) + ": " + Quote(key) + " of section " +
           Quote(place.path);
  };
  YamlNode* found = nullptr;
  for (std::size_t i = 0; i + 1 < place.map->children.size(); i += 2) {
    const YamlNode& name = place.map->children[i];
    if (name.kind != YamlKind::kScalar || name.value != key) continue;
    if (found != nullptr) Refuse(where(name), "it is there twice; remove one");
    found = &place.map->children[i + 1];
  }
  if (found == nullptr) Refuse(where(*place.map), "it is missing; add '" + key + ":' with its current value");
  if (found->kind != YamlKind::kScalar || found->anchored || (found->tag != "?" && found->tag != "!")) {
    Refuse(where(*found),
           "this is not a plain value (an alias, anchor, tag or collection); change it by hand");
  }
  return *found;
}

bool IsQuoted(std::string_view source) { return source.starts_with('"') || source.starts_with('\''); }

// Where the quoted scalar that starts at `begin` ends; npos where it does not end on its line.
std::size_t EndOfQuoted(std::string_view text, std::size_t begin) {
  const char quote = text[begin];
  for (std::size_t i = begin + 1; i < text.size() && text[i] != '\n' && text[i] != '\r'; ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != quote) return i + 1;
      ++i;  // '' within single quotes
    }
  }
  return std::string_view::npos;
}

// The source of a scalar that stands on one line.
YamlValue ReadValue(const std::string& text, const YamlNode& node, const std::string& where) {
  const std::size_t begin = node.offset + (text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
  std::size_t end = std::string::npos;
  if (begin < text.size() && IsQuoted(std::string_view(text).substr(begin))) {
    end = EndOfQuoted(text, begin);
  } else if (text.compare(begin, node.value.size(), node.value) == 0 &&
             node.value.find('\n') == std::string::npos) {
    end = begin + node.value.size();
  }
  const bool ends_there =
      end != std::string::npos &&
      (end == text.size() || std::string_view(" \t\r\n").find(text[end]) != std::string_view::npos);
  if (!ends_there) Refuse(where, "this is written over several lines; write it on one");
  return {.value = node.value, .source = text.substr(begin, end - begin), .offset = begin};
}

std::string DoubleQuoted(const std::string& value) {
  constexpr std::array<char, 17> kHex = {"0123456789abcdef"};
  std::string source = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      source += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7f) {
      source += {'\\', 'x', kHex.at(byte / 16), kHex.at(byte % 16)};
    } else {
      source += c;
    }
  }
  return source + "\"";
}

std::string SingleQuoted(const std::string& value) {
  std::string source = "'";
  for (const char c : value) source += c == '\'' ? std::string("''") : std::string(1, c);
  return source + "'";
}

bool HasControlBytes(const std::string& value) {
  return std::ranges::any_of(value, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

bool IsNumber(const std::string& value) {
  return !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
}

// Whether any reader of YAML takes the bare word for this text, and not for a number, a truth value or
// syntax.
bool IsPlainText(const std::string& value) {
  constexpr std::string_view kOthers = "-_./+";
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_usual = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || kOthers.find(c) != std::string_view::npos;
  };
  constexpr std::size_t kLongestReservedWord = 5;  // null, true, false, yes, no, on, off, y, n
  return value.size() > kLongestReservedWord && (is_letter(value[0]) || value[0] == '/') &&
         std::ranges::all_of(value, is_usual);
}

}  // namespace

YamlSection::YamlSection(std::string text, std::string file, const std::string& section,
                         const std::vector<std::string>& required, const std::vector<std::string>& optional)
    : text_(std::move(text)), file_(std::move(file)) {
  std::vector<YamlNode> documents = Parse(text_, file_);
  const Place place = FindSection(documents, file_, section);
  path_ = place.path;
  std::vector<std::string> keys = required;
  std::ranges::copy_if(optional, std::back_inserter(keys),
                       [&place](const std::string& key) { return HasKey(place, key); });
  for (const std::string& key : keys) {
    const YamlNode& node = FindValue(place, file_, key);
    const std::string where = Quote(file_) + ", line " + std::to_string(node.line) + ": " + Quote(key);
    values_[key] = ReadValue(text_, node, where);
  }
}

std::string YamlSection::Replace(const std::map<std::string, YamlValue>& values) const {
  std::vector<YamlNode> expected = Parse(text_, file_);
  const Place place = FindSection(expected, file_, path_);
  std::map<std::size_t, std::string, std::greater<>> keys;  // the last first, so that offsets stay true
  for (const auto& [key, value] : values) {
    YamlNode& node = FindValue(place, file_, key);
    node.value = value.value;
    node.tag = IsQuoted(value.source) ? "!" : "?";
    keys[at(key).offset] = key;
  }
  std::string text = text_;
  for (const auto& [offset, key] : keys) text.replace(offset, at(key).source.size(), values.at(key).source);
  if (!std::ranges::equal(Parse(text, file_), expected, SameMeaning)) {
    throw Error(ErrorKind::kFailure,
                Quote(file_) + ": section " + Quote(path_) +
                    " cannot be changed without changing other parts of the file too; change it by hand");
  }
  return text;
}

YamlValue WriteLike(const YamlValue& like, const std::string& value) {
  YamlValue written{.value = value, .source = "", .offset = like.offset};
  if (like.source.starts_with('\'') && !HasControlBytes(value)) {
    written.source = SingleQuoted(value);
  } else if (!IsQuoted(like.source) && (IsPlainText(value) || (IsNumber(value) && IsNumber(like.value)))) {
    written.source = value;
  } else {
    written.source = DoubleQuoted(value);
  }
  return written;
}

}  // namespace qi8
