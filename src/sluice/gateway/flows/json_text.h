// JSON as text: where a pointer leads, and what a string says, without building a tree.
//
// Values are handed on as the bytes they came as, so a number keeps every digit. All functions but
// IsJson() require text for which IsJson() held, or a part of it that FindJson() gave.
//
// Functions only; thread-safe.

#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::gateway::flows {

// One JSON text (RFC 8259) in UTF-8, white space around it allowed.
[[nodiscard]] bool IsJson(std::string_view text);

enum class JsonKind : std::uint8_t { kNull, kBoolean, kNumber, kString, kArray, kObject };
[[nodiscard]] JsonKind JsonKindOf(std::string_view json);

// RFC 6901, in the form that may stand in a URI (section 6): "/a%20b/0", with ~0 and ~1. Empty: the
// whole document.
class JsonPointer {
 public:
  // Fails with the rule that `text` breaks.
  static std::expected<JsonPointer, std::string> Parse(std::string_view text);

  [[nodiscard]] const std::vector<std::string>& tokens() const { return tokens_; }
  [[nodiscard]] bool empty() const { return tokens_.empty(); }

 private:
  std::vector<std::string> tokens_;
};

// What `pointer` leads to; nullopt where it leads nowhere. Of members with one name the last one
// counts.
[[nodiscard]] std::optional<std::string_view> FindJson(std::string_view json,
                                                       const JsonPointer& pointer);

// The elements of an array, each as its text. Requires kArray.
[[nodiscard]] std::vector<std::string_view> JsonElements(std::string_view json);

// Appends what a string says. Halves of surrogate pairs become U+FFFD. Requires kString.
void AppendJsonContent(std::string_view json, std::string& out);

// What the word means in a document: itself where it is a number, true, false or null; otherwise a
// string.
[[nodiscard]] std::string JsonOfWord(std::string_view word);

}  // namespace sluice::gateway::flows
