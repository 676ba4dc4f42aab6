// BodyTemplate: a small text with places for what the request said.
//
//   text     = *( literal / "{{" variable "}}" )
//   variable = "method" / "path" / "host" / "reason" / "rule" / "retry_after_seconds"
//            / "header." name / "query." name / "capture." name
//
// What is put in comes from the client, so it is escaped for the body's type: for JSON as the
// inside of a string, for HTML and XML as text, otherwise without control characters; and cut at
// kValueBytesMax. A literal cannot have "{{".
//
// Immutable; thread-safe.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/bytes.h"
#include "sluice/contract/result.h"

namespace sluice::degrade {

enum class Escaping : std::uint8_t { kPlain, kJson, kMarkup };

// By what the type's name contains: "json", "html" or "xml".
[[nodiscard]] Escaping EscapingFor(std::string_view content_type);

class BodyTemplate {
 public:
  enum class Source : std::uint8_t {
    kMethod,
    kPath,
    kHost,
    kReason,
    kRule,
    kRetryAfterSeconds,
    kHeader,
    kQuery,
    kCapture,
  };
  struct Variable {
    Source source = Source::kPath;
    std::string name;  // Of a header (lower-case), query parameter or capture.
  };

  // What variables stand for at one request.
  class Values {
   public:
    // Empty where there is none. The view lives until the next call.
    [[nodiscard]] virtual std::string_view ValueOf(const Variable& variable) = 0;

   protected:
    ~Values() = default;
  };

  static constexpr Bytes kValueBytesMax = 1 * kKiB;

  BodyTemplate() = default;
  // Fails with kInvalidOption: a variable that is none, or "{{" without "}}".
  static Result<BodyTemplate> Parse(std::string_view text);

  // Appends the text with every variable's value, escaped.
  void Render(Values& values, Escaping escaping, std::string& out) const;

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::vector<std::string> captures() const;  // Names that the text refers to.
  friend bool operator==(const BodyTemplate& a, const BodyTemplate& b) {
    return a.text_ == b.text_;
  }

 private:
  struct Part {
    std::string literal;  // Before the variable.
    Variable variable;
    bool has_variable = false;
  };

  std::string text_;
  std::vector<Part> parts_;
};

}  // namespace sluice::degrade
