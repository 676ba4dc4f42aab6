// Rules for the texts of a configuration: names, paths, addresses, header fields.
//
// Each says which rule a text breaks, as the beginning of a sentence for people ("must begin with
// /"), or nothing. Context-free: what depends on other settings is in check.h.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::gateway::config {

struct TextRule {
  std::string_view type;     // "text", "path", "ip:port or unix:/path": for people.
  std::string_view pattern;  // For the JSON Schema; may be weaker than `check`. Empty: any text.
  std::optional<std::string> (*check)(std::string_view text);
};

// Names stand in metrics, headers and URLs.
extern const TextRule kNameRule;
// Any text without control characters.
extern const TextRule kPlainRule;
// Any text at all: a body.
extern const TextRule kBodyRule;
// A body with {{variables}}: the grammar is in degrade/body_template.h.
extern const TextRule kBodyTemplateRule;
// Not empty, no NUL: the path of a file.
extern const TextRule kFileRule;
// An address to listen on; the second may be "off", too.
extern const TextRule kListenRule;
extern const TextRule kListenOrOffRule;
extern const TextRule kAddressBlockRule;
extern const TextRule kEndpointRule;
// "shop.example.com" or "*.example.com", without a port.
extern const TextRule kHostRule;
// What a Host field may say.
extern const TextRule kAuthorityRule;
// A path in the normal form that requests are matched in (RFC 3986 section 6.2.2); a target may
// have a query behind it.
extern const TextRule kPathRule;
extern const TextRule kTargetRule;
// "/users/{id}/orders".
extern const TextRule kTemplateRule;
// A token (RFC 9110 section 5.6.2): methods, field names, cookie names, pseudonyms.
extern const TextRule kTokenRule;
extern const TextRule kMethodRule;
// A field value (RFC 9110 section 5.5).
extern const TextRule kFieldValueRule;
// A place in a JSON document; the grammar is in wire/recording/field_names.h.
extern const TextRule kJsonPathRule;
// RE2 syntax.
extern const TextRule kRegexRule;

[[nodiscard]] bool IsToken(std::string_view text);

// `text` as a message may show it: control characters escaped, cut after 60 bytes.
[[nodiscard]] std::string Shown(std::string_view text);

// `text` with its ASCII letters in lower case.
[[nodiscard]] std::string Lowered(std::string_view text);

}  // namespace sluice::gateway::config
