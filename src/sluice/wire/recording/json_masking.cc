#include "sluice/wire/recording/json_masking.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/wire/ascii.h"
#include "sluice/wire/recording/masked_text.h"

namespace sluice::wire::recording {
namespace {

// Deeper documents are hostile: what lies deeper is masked whole.
constexpr std::size_t kMaskDepthMax = 256;
constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::array<std::string_view, 3> kScriptGuards{")]}'", "while(1);", "for(;;);"};
// Lines of an event stream begin so (HTML, "Server-sent events" §9.2.6).
constexpr std::array<std::string_view, 5> kEventFields{"data:", "event:", "id:", "retry:", ":"};

bool IsSpace(char c) {
  return kSpace.find(c) != std::string_view::npos;
}

// A path that has been followed up to its step `next`.
struct Followed {
  std::size_t path = 0;
  std::size_t next = 0;
};

// What is known of a value before it is read.
struct Fate {
  bool is_masked = false;
  std::vector<Followed> followed;
};

struct Frame {
  bool is_array = false;
  std::size_t index = 0;
  Fate fate;  // Of the container itself.
};

class JsonMasking {
 public:
  JsonMasking(std::string_view text, const FieldNames& fields, const KeyedHash& hash)
      : text_(text), fields_(fields), hash_(hash) {
    next_ = FateOfDocument();
  }

  // Returns how many values were replaced; then `out` is the new text.
  std::size_t Run(std::string& out) {
    while (at_ < text_.size())
      TakeToken();
    if (masked_ == 0) return 0;
    out_ += text_.substr(copied_);
    out = std::move(out_);
    return masked_;
  }

 private:
  void TakeToken() {
    const char c = text_[at_];
    if (c == '"') {
      TakeString();
    } else if (c == '{' || c == '[') {
      Open(c == '[');
    } else if (c == '}' || c == ']') {
      ++at_;
      if (!frames_.empty()) frames_.pop_back();
      // Behind a document another one may follow: of an event stream, or line by line.
      next_ = frames_.empty() ? FateOfDocument() : Fate();
    } else if (c == ',') {
      ++at_;
      if (!frames_.empty()) ++frames_.back().index;
      next_ = Fate();
    } else if (c == ':' || IsSpace(c)) {
      ++at_;
    } else {
      TakeBare();
    }
  }

  void Open(bool is_array) {
    ++at_;
    Fate fate = FateOfValue();
    if (frames_.size() >= kMaskDepthMax) fate.is_masked = true;
    // Beyond the bound frames are no longer told apart: all of it is masked.
    if (frames_.size() < 2 * kMaskDepthMax)
      frames_.push_back({.is_array = is_array, .index = 0, .fate = std::move(fate)});
    next_ = Fate();
  }

  void TakeString() {
    const std::size_t start = at_ + 1;
    std::size_t end = start;
    while (end < text_.size() && text_[end] != '"')
      end += text_[end] == '\\' ? 2 : 1;
    end = std::min(end, text_.size());
    std::size_t behind = end + 1;
    while (behind < text_.size() && IsSpace(text_[behind]))
      ++behind;
    const std::string_view content = text_.substr(start, end - start);
    at_ = std::min(end + 1, text_.size());
    if (behind < text_.size() && text_[behind] == ':') {
      next_ = Step(content);
      at_ = behind + 1;
      return;
    }
    if (FateOfValue().is_masked) Replace(start, content, /*needs_quotes=*/false);
  }

  void TakeBare() {
    const std::size_t start = at_;
    while (at_ < text_.size() && !IsSpace(text_[at_]) &&
           std::string_view("\",:{}[]").find(text_[at_]) == std::string_view::npos)
      ++at_;
    const std::string_view word = text_.substr(start, at_ - start);
    if (word == "true" || word == "false" || word == "null") return;
    if (FateOfValue().is_masked) Replace(start, word, /*needs_quotes=*/true);
  }

  void Replace(std::size_t start, std::string_view content, bool needs_quotes) {
    if (content.empty() || IsMasked(content)) return;
    out_ += text_.substr(copied_, start - copied_);
    if (needs_quotes) out_ += '"';
    AppendMasked(content, hash_, out_);
    if (needs_quotes) out_ += '"';
    copied_ = start + content.size();
    ++masked_;
  }

  [[nodiscard]] Fate FateOfDocument() const {
    Fate fate;
    for (std::size_t i = 0; i < fields_.paths().size(); ++i)
      fate.followed.push_back({.path = i, .next = 0});
    return fate;
  }

  // Of the value that begins here.
  Fate FateOfValue() {
    if (frames_.empty() || !frames_.back().is_array) return next_;
    const Frame& array = frames_.back();
    return StepInto(array.fate, {}, array.index);
  }

  // Of the member `name` of the innermost object.
  [[nodiscard]] Fate Step(std::string_view name) const {
    Fate fate;
    if (!frames_.empty()) fate = StepInto(frames_.back().fate, name, kNoIndex);
    if (fields_.HasName(name)) fate.is_masked = true;
    return fate;
  }

  static constexpr std::size_t kNoIndex = static_cast<std::size_t>(-1);

  [[nodiscard]] Fate StepInto(const Fate& parent, std::string_view name, std::size_t index) const {
    Fate fate{.is_masked = parent.is_masked, .followed = {}};
    for (const Followed& followed : parent.followed) {
      const FieldPath& path = fields_.paths()[followed.path];
      const PathStep& step = path[followed.next];
      if (step.is_deep) fate.followed.push_back(followed);
      const bool is_match = step.kind == PathStep::Kind::kAny ||
                            (step.kind == PathStep::Kind::kIndex && index == step.index) ||
                            (step.kind == PathStep::Kind::kName && index == kNoIndex &&
                             EqualsIgnoringCase(step.name, name));
      if (!is_match) continue;
      if (followed.next + 1 == path.size()) {
        fate.is_masked = true;
      } else {
        fate.followed.push_back({.path = followed.path, .next = followed.next + 1});
      }
    }
    return fate;
  }

  std::string_view text_;
  const FieldNames& fields_;
  const KeyedHash& hash_;
  std::size_t at_ = 0;
  std::size_t copied_ = 0;
  std::size_t masked_ = 0;
  std::string out_;
  std::vector<Frame> frames_;
  Fate next_;  // Of the value behind the member name read last; of the document at first.
};

}  // namespace

bool LooksLikeJson(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
    if (text.empty()) return false;
    if (text.front() == '{' || text.front() == '[') return true;
    const auto begins = [text](std::string_view word) { return text.starts_with(word); };
    const auto* const guard = std::ranges::find_if(kScriptGuards, begins);
    if (guard != kScriptGuards.end()) {
      text.remove_prefix(guard->size());
      if (text.starts_with(',')) text.remove_prefix(1);
    } else if (std::ranges::any_of(kEventFields, begins)) {
      const std::size_t first = text.find_first_not_of(kSpace, text.find(':') + 1);
      const bool is_data = first != std::string_view::npos && begins("data:");
      if (is_data && (text[first] == '{' || text[first] == '[')) return true;
      text.remove_prefix(std::min(text.find('\n'), text.size()));
    } else {
      return false;
    }
  }
}

std::size_t MaskJson(std::string& text, const FieldNames& fields, const KeyedHash& hash) {
  if (fields.empty()) return 0;
  return JsonMasking(text, fields, hash).Run(text);
}

}  // namespace sluice::wire::recording
