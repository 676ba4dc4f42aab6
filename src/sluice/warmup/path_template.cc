#include "sluice/warmup/path_template.h"

#include <algorithm>

#include "sluice/wire/ascii.h"
#include "sluice/wire/recording/masked_text.h"

namespace sluice::warmup {
namespace {

// Longer words than this are names that somebody generated.
constexpr std::size_t kWordMax = 40;
constexpr std::size_t kHexMin = 8;

bool NamesOneThing(std::string_view segment) {
  if (segment.empty()) return false;
  if (segment.size() > kWordMax || segment.find('%') != std::string_view::npos) return true;
  if (segment.find(wire::recording::kMaskedPrefix) != std::string_view::npos) return true;
  const auto digits = static_cast<std::size_t>(std::ranges::count_if(segment, wire::IsDigit));
  if (digits == 0) return false;
  const bool is_hex = std::ranges::all_of(
      segment, [](char c) { return wire::HexValue(c) >= 0 || c == '-' || c == '_'; });
  if (is_hex && segment.size() >= kHexMin) return true;
  // "v1" and "oauth2" are words; "4711", "B-10023" and "2026-11-24" are not.
  return digits * 2 >= segment.size() && (segment.size() > 2 || digits == segment.size());
}

}  // namespace

std::string PathTemplate(std::string_view target) {
  const std::string_view path = target.substr(0, target.find_first_of("?#"));
  std::string out;
  std::size_t at = 0;
  while (at < path.size()) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    out += NamesOneThing(segment) ? std::string_view("{}") : segment;
    if (end < path.size()) out += '/';
    at = end + 1;
  }
  return out;
}

}  // namespace sluice::warmup
