#include "sluice/wire/recording/sendable.h"

#include <algorithm>
#include <array>

#include "sluice/wire/ascii.h"

namespace sluice::wire::recording {
namespace {

constexpr std::array<std::string_view, 4> kMethodOverrides{
    "x-http-method-override", "x-http-method", "x-method-override", "x-original-method"};

bool IsWord(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return IsFieldValueByte(c) && !IsWhitespace(c); });
}

bool IsFieldValue(std::string_view text) {
  return std::ranges::all_of(text, IsFieldValueByte);
}

}  // namespace

bool IsSendable(const RecordedExchange& exchange) {
  if (!IsToken(exchange.method) || !IsWord(exchange.target) || !IsWord(exchange.host)) return false;
  if (!exchange.target.starts_with('/') && exchange.target != "*") return false;
  return std::ranges::all_of(FieldsOf(exchange.request.head), [](const HeaderLine& field) {
    return IsToken(field.name) && IsFieldValue(field.value);
  });
}

bool OverridesMethod(const RecordedExchange& exchange) {
  return std::ranges::any_of(kMethodOverrides, [&exchange](std::string_view name) {
    return !FieldOf(exchange.request.head, name).empty();
  });
}

}  // namespace sluice::wire::recording
