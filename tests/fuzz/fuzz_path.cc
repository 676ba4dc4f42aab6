// Paths, queries and authorities: one normal form, and it stays normal.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_pieces.h"

#include "sluice/contract/assert.h"
#include "sluice/wire/authority.h"
#include "sluice/wire/json_escape.h"
#include "sluice/wire/path.h"
#include "sluice/wire/traceparent.h"
#include "sluice/wire/url.h"

namespace sluice::fuzz {
namespace {

bool HasDotSegment(std::string_view path) {
  for (std::size_t slash = 0; slash < path.size();) {
    const std::size_t next = std::min(path.find('/', slash + 1), path.size());
    const std::string_view segment = path.substr(slash + 1, next - slash - 1);
    if (segment == "." || segment == "..") return true;
    slash = next;
  }
  return false;
}

void CheckPath(std::string_view path) {
  std::string scratch;
  const Result<std::string_view> normal = wire::NormalizePath(path, scratch);
  if (!normal) return;
  SLUICE_ASSERT(*normal == "*" || normal->starts_with('/'));
  SLUICE_ASSERT(normal->size() <= path.size());
  SLUICE_ASSERT(!HasDotSegment(*normal));
  for (const std::string_view part : {"%2F", "%2f", "%5C", "%5c", "%00", "%2E", "%2e", "%41"}) {
    SLUICE_ASSERT(normal->find(part) == std::string_view::npos);
  }
  const std::string once(*normal);
  std::string again;
  const Result<std::string_view> twice = wire::NormalizePath(once, again);
  SLUICE_ASSERT(twice.has_value());
  SLUICE_ASSERT(*twice == once);
  SLUICE_ASSERT(twice->data() == once.data());
}

void CheckAuthority(std::string_view text) {
  const Result<wire::HostPort> split = wire::SplitAuthority(text);
  if (!split) return;
  std::string canonical;
  wire::AppendCanonicalAuthority(*split, "http", canonical);
  const Result<wire::HostPort> again = wire::SplitAuthority(canonical);
  SLUICE_ASSERT(again.has_value());
  SLUICE_ASSERT(wire::SameAuthority(*split, *again, "http"));
}

void CheckTraceParent(std::string_view text) {
  const std::optional<wire::TraceParent> trace = wire::ParseTraceParent(text);
  if (!trace) return;
  std::string out;
  wire::AppendTraceParent(*trace, out);
  SLUICE_ASSERT(wire::ParseTraceParent(out) == trace);
}

void CheckJson(std::string_view text) {
  std::string once;
  wire::AppendJsonString(text, once);
  SLUICE_ASSERT(once.size() >= text.size() + 2 || text.find_first_of("\x80\xff") != text.npos ||
                once.find("\xef\xbf\xbd") != std::string::npos);
  for (const char c : once)
    SLUICE_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::fuzz;
  const ExactCopy copy(AsText(data, size));
  const std::string_view text = copy.view();
  CheckPath(text);
  CheckAuthority(text);
  CheckTraceParent(text);
  CheckJson(text);
  std::string scratch;
  (void)sluice::wire::FindQueryParameter(text, "a", scratch);
  (void)sluice::wire::FindBaggageMember(text, "a");
  (void)sluice::wire::ParseHttpUrl(text);
  std::string without;
  sluice::wire::AppendBaggageWithout(text, "a", without);
  SLUICE_ASSERT(!sluice::wire::FindBaggageMember(without, "a").has_value());
  return 0;
}
