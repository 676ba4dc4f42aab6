#include "sluice/warmup/warmup_request.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>

#include "sluice/wire/ascii.h"
#include "sluice/wire/http_head.h"
#include "sluice/wire/traceparent.h"

namespace sluice::warmup {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view Trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

bool IsFieldValue(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) return false;
  }
  return !text.empty();
}

// The lines of `fields` but those that a credential replaces.
void AppendFieldsWithout(std::string_view fields, const Credential& credential, std::string& out) {
  while (!fields.empty()) {
    const std::size_t end = fields.find("\r\n") + 2;
    const std::string_view line = fields.substr(0, end);
    fields.remove_prefix(end);
    const std::string_view name = line.substr(0, line.find(':'));
    const bool is_replaced = std::ranges::any_of(credential.fields, [&](const auto& field) {
      return wire::EqualsIgnoringCase(field.first, name);
    });
    if (!is_replaced) out += line;
  }
}

std::unexpected<Error> NoCredential() {
  // What was printed is a secret, perhaps: it is not told.
  return Fail(ErrorCode::kInvalidOption,
              "credentials must be lines \"name: value\", or one bearer token");
}

}  // namespace

Result<Credential> ParseCredential(std::string_view text) {
  Credential credential;
  std::string_view word;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      if (!word.empty()) return NoCredential();
      word = line;
      continue;
    }
    const std::string_view value = Trimmed(line.substr(colon + 1));
    if (!wire::IsToken(line.substr(0, colon)) || !IsFieldValue(value)) return NoCredential();
    credential.fields.emplace_back(line.substr(0, colon), value);
  }
  if (!word.empty()) {
    if (!credential.fields.empty() || word.find(' ') != std::string_view::npos ||
        !IsFieldValue(word))
      return NoCredential();
    credential.fields.emplace_back("authorization", fmt::format("Bearer {}", word));
  }
  if (credential.fields.empty()) return NoCredential();
  return credential;
}

void WriteRequest(const SampleRequest& sample,
                  std::string_view host,
                  const Credential& credential,
                  Random& random,
                  std::string& out) {
  out.clear();
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{} {} HTTP/1.1\r\nhost: {}\r\n", sample.method_text, sample.target,
                 host.empty() ? std::string_view(sample.host) : host);
  AppendFieldsWithout(sample.fields, credential, out);
  for (const auto& [name, value] : credential.fields)
    fmt::format_to(to, "{}: {}\r\n", name, value);
  out += "x-sluice-purpose: warmup\r\nbaggage: sluice.purpose=warmup\r\ntraceparent: ";
  wire::AppendTraceParent(wire::NewTraceParent(random), out);
  const std::uint64_t high = random.Next();
  fmt::format_to(to, "\r\nidempotency-key: wu-{:016x}{:016x}\r\n", high, random.Next());
  if (!sample.body.empty() || !wire::IsSafe(sample.method))
    fmt::format_to(to, "content-length: {}\r\n", sample.body.size());
  out += "\r\n";
  out += sample.body;
}

}  // namespace sluice::warmup
