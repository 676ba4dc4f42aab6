#include "sluice/wire/head_facts.h"

#include "sluice/wire/ascii.h"

namespace sluice::wire {
namespace {

// Lengths are signed in most programs behind us: 2^63-1 is the largest all of them can hold.
constexpr std::uint64_t kContentLengthMax = INT64_MAX;

}  // namespace

Refusal HeadFacts::Take(const FieldLine& line) {
  const HeaderField& field = line.field;
  switch (field.id) {
    case HeaderId::kContentLength:
      return TakeContentLength(line);
    case HeaderId::kTransferEncoding:
      return TakeTransferEncoding(line);
    case HeaderId::kConnection:
      return TakeConnection(field.value);
    case HeaderId::kHost:
      if (has_host) return Refuse("more than one Host");
      has_host = true;
      return kFine;
    case HeaderId::kUpgrade:
      if (!has_upgrade) upgrade_protocol = field.value;
      has_upgrade = true;
      return kFine;
    case HeaderId::kExpect:
      TakeExpect(field.value);
      return kFine;
    default:
      return kFine;
  }
}

Refusal HeadFacts::TakeContentLength(const FieldLine& line) {
  if (has_content_length) return Refuse("more than one Content-Length");
  if (is_chunked) return Refuse("Content-Length together with Transfer-Encoding");
  if (line.has_space_behind) return Refuse("white space behind Content-Length");
  if (line.field.value.empty()) return Refuse("Content-Length is empty");
  std::uint64_t length = 0;
  for (const char c : line.field.value) {
    if (!IsDigit(c)) return Refuse("Content-Length is not a decimal number");
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (length > (kContentLengthMax - digit) / 10) return Refuse("Content-Length is over 2^63-1");
    length = length * 10 + digit;
  }
  has_content_length = true;
  content_length = length;
  return kFine;
}

Refusal HeadFacts::TakeTransferEncoding(const FieldLine& line) {
  if (is_chunked) return Refuse("more than one Transfer-Encoding");
  if (has_content_length) return Refuse("Content-Length together with Transfer-Encoding");
  if (minor_version == 0) return Refuse("Transfer-Encoding in HTTP/1.0");
  if (line.has_space_behind || !EqualsIgnoringCase(line.field.value, "chunked")) {
    return Refuse("Transfer-Encoding is not exactly `chunked`");
  }
  is_chunked = true;
  return kFine;
}

Refusal HeadFacts::TakeConnection(std::string_view value) {
  for (std::string_view rest = value; !rest.empty();) {
    const std::string_view option = TakeListElement(rest);
    if (option.empty()) continue;
    if (!IsToken(option)) return Refuse("a Connection option is not a token");
    connection_close |= EqualsIgnoringCase(option, "close");
    connection_keep_alive |= EqualsIgnoringCase(option, "keep-alive");
    connection_upgrade |= EqualsIgnoringCase(option, "upgrade");
  }
  return kFine;
}

void HeadFacts::TakeExpect(std::string_view value) {
  if (EqualsIgnoringCase(value, "100-continue")) {
    expects_continue = true;
  } else {
    has_unknown_expectation = true;
  }
}

}  // namespace sluice::wire
