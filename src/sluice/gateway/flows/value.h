// Value: what a reference stands for at one request.
//
// A view; it lives until the next value is asked of the same scope.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::gateway::flows {

struct Value {
  enum class Kind : std::uint8_t {
    kMissing,
    kText,    // Of a header, a query: any bytes.
    kNumber,  // A status, an index: its digits.
    kJson,    // A part of a body: JSON text.
  };

  Kind kind = Kind::kMissing;
  std::string_view text = {};

  // Missing, or a JSON null: then a default counts.
  [[nodiscard]] bool is_nothing() const;
};

// Appends a text, number or boolean as it reads. False, and nothing appended, for an array, an
// object, and nothing.
[[nodiscard]] bool AppendScalar(const Value& value, std::string& out);

// Appends the value as JSON: what is missing as null.
void AppendAsJson(const Value& value, std::string& out);

}  // namespace sluice::gateway::flows
