// TextTemplate: a text with places for values, and how they are escaped for where they stand.
//
//   template    = *( literal / placeholder )        ; a literal cannot have "{{"
//   placeholder = "{{" *SP reference *SP [ "??" *SP default *SP ] "}}"
//   default     = a JSON text that is no array or object, or [] or {}
//
// A value never becomes syntax: in a path it is percent-encoded, in a query form-encoded; in a
// header it is refused where it has control characters; in a JSON string it is escaped.
//
// Immutable; thread-safe.

#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/gateway/flows/reference.h"

namespace sluice::gateway::flows {

struct Placeholder {
  Reference reference;
  std::optional<std::string> fallback;  // JSON; counts where there is nothing.

  // The reference's value, or the default.
  [[nodiscard]] Value ValueIn(Scope& scope) const;
};

class TextTemplate {
 public:
  struct Part {
    std::string literal;
    std::optional<Placeholder> placeholder;  // Behind the literal.
  };

  TextTemplate() = default;
  // Fails with what is wrong, for people.
  static std::expected<TextTemplate, std::string> Parse(std::string_view text);

  [[nodiscard]] const std::vector<Part>& parts() const { return parts_; }
  // The placeholder, when there is nothing else; else null.
  [[nodiscard]] const Placeholder* lone() const;
  [[nodiscard]] bool has_placeholders() const;
  template <typename Visit>
  void ForEachPlaceholder(Visit visit) const {
    for (const Part& part : parts_) {
      if (part.placeholder) visit(*part.placeholder);
    }
  }

 private:
  std::vector<Part> parts_;
};

// The renderers append to `out`. They fail with kBadRequest (side kClient) when what the request
// said cannot stand here, with kBadResponse (side kUpstream) when it is what a node said.

// A path, and behind a '?' of a literal a query. Fails where a value is missing, is no scalar, has
// '/', '\' or NUL in the path, or a segment with a value becomes empty, "." or "..".
[[nodiscard]] Result<void> RenderPath(const TextTemplate& text, Scope& scope, std::string& out);

// A value of a query, form-encoded. False, and nothing appended, where the template is one
// placeholder without a value: then the entry is left out. Fails as above.
[[nodiscard]] Result<bool> RenderQueryValue(const TextTemplate& text,
                                            Scope& scope,
                                            std::string& out);

// A value of a header field; false as above. Fails on control characters, too.
[[nodiscard]] Result<bool> RenderHeader(const TextTemplate& text, Scope& scope, std::string& out);

// The inside of a JSON string. Fails where a value is missing or no scalar.
[[nodiscard]] Result<void> RenderInString(const TextTemplate& text, Scope& scope, std::string& out);

// Appends `text` form-encoded (names of a query's parameters).
void AppendFormEncoded(std::string_view text, std::string& out);

// "request.header.x: is missing" as an error of the side that said it.
[[nodiscard]] Error CannotStand(const Reference& reference, std::string_view why);

}  // namespace sluice::gateway::flows
