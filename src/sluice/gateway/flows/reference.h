// Reference: what a template or a condition asks for.
//
//   reference = "request.method" / "request.path"
//             / "request.header." name / "request.query." name / "request.capture." name
//             / "request.body" pointer
//             / node ".status" / node ".header." name / node ".body" pointer
//             / "item" pointer / "index"
//   pointer   = *( "/" token )     ; see json_text.h
//
// Plain data; immutable once parsed.

#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "sluice/gateway/flows/json_text.h"
#include "sluice/gateway/flows/value.h"

namespace sluice::gateway::flows {

struct Reference {
  enum class Source : std::uint8_t {
    kMethod,
    kPath,
    kRequestHeader,
    kQuery,
    kCapture,
    kRequestBody,
    kStatus,
    kHeader,
    kBody,
    kItem,
    kIndex,
  };

  Source source = Source::kMethod;
  std::string node;     // Of kStatus, kHeader and kBody.
  std::string name;     // Of a header (lower-case), parameter or capture.
  JsonPointer pointer;  // Into a body or an item.
  std::string text;     // As written.

  // Fails with what is wrong, for people.
  static std::expected<Reference, std::string> Parse(std::string_view text);

  [[nodiscard]] bool is_of_request() const { return source <= Source::kRequestBody; }
  [[nodiscard]] bool is_of_item() const { return source >= Source::kItem; }
  [[nodiscard]] bool is_of_node() const { return !node.empty(); }
  // Always a text where it is there at all.
  [[nodiscard]] bool is_text() const {
    return source <= Source::kCapture || source == Source::kHeader;
  }
  // Always a number.
  [[nodiscard]] bool is_number() const {
    return source == Source::kStatus || source == Source::kIndex;
  }
};

// Letters, digits, '_' and '-'; none of the words that references begin with.
[[nodiscard]] bool IsNodeName(std::string_view name);

// What references stand for at one moment of one run.
class Scope {
 public:
  // The view lives until the next call.
  [[nodiscard]] virtual Value ValueOf(const Reference& reference) = 0;

 protected:
  ~Scope() = default;
};

}  // namespace sluice::gateway::flows
