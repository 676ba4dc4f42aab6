#include "sluice/degrade/cache_policy.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string>

namespace sluice::degrade {

namespace {

// RFC 9111 section 1.2.2: more counts as this.
constexpr std::int64_t kSecondsMax = 2'147'483'648;

std::string_view Trimmed(std::string_view text) {
  const auto is_space = [](char byte) { return byte == ' ' || byte == '\t'; };
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

bool SameWord(std::string_view text, std::string_view lower_case) {
  return std::ranges::equal(text, lower_case, [](char left, char right) {
    return (left >= 'A' && left <= 'Z' ? left - 'A' + 'a' : left) == right;
  });
}

std::optional<Nanos> ParseSeconds(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  if (text.empty() || text.front() == '-') return std::nullopt;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) seconds = kSecondsMax;
  return std::chrono::seconds(std::min(seconds, kSecondsMax));
}

// The next element of a comma-separated list whose quoted parts may have commas.
std::string_view TakeElement(std::string_view& list) {
  bool is_quoted = false;
  std::size_t at = 0;
  for (; at < list.size(); ++at) {
    if (list[at] == '\\' && is_quoted) {
      ++at;
    } else if (list[at] == '"') {
      is_quoted = !is_quoted;
    } else if (list[at] == ',' && !is_quoted) {
      break;
    }
  }
  const std::size_t end = std::min(at, list.size());
  const std::string_view element = list.substr(0, end);
  list.remove_prefix(std::min(end + 1, list.size()));
  return Trimmed(element);
}

void TakeSmaller(std::optional<Nanos>& value, std::string_view text) {
  const Nanos parsed = ParseSeconds(text).value_or(Nanos(0));
  value = value ? std::min(*value, parsed) : parsed;
}

// "*" among the members of Vary: no later request can be known to be alike (RFC 9111 section 4.1).
bool VariesByAnything(std::string_view vary) {
  while (!vary.empty()) {
    if (TakeElement(vary) == "*") return true;
  }
  return false;
}

bool IsKeptStatus(int status) {
  // Whole answers that last. Errors are what the kept ones stand in for.
  return status == 200 || status == 203 || status == 301 || status == 308;
}

}  // namespace

CacheControl CacheControl::Parse(std::string_view text) {
  CacheControl parsed;
  while (!text.empty()) {
    const std::string_view element = TakeElement(text);
    const std::size_t equals = element.find('=');
    const std::string_view name = Trimmed(element.substr(0, equals));
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : Trimmed(element.substr(equals + 1));
    if (SameWord(name, "no-store")) {
      parsed.no_store = true;
    } else if (SameWord(name, "no-cache")) {
      parsed.no_cache = true;
    } else if (SameWord(name, "private")) {
      parsed.is_private = true;
    } else if (SameWord(name, "public")) {
      parsed.is_public = true;
    } else if (SameWord(name, "must-revalidate") || SameWord(name, "proxy-revalidate")) {
      parsed.must_revalidate = true;
    } else if (SameWord(name, "max-age")) {
      TakeSmaller(parsed.max_age, value);
    } else if (SameWord(name, "s-maxage")) {
      TakeSmaller(parsed.shared_max_age, value);
    } else if (SameWord(name, "stale-if-error")) {
      TakeSmaller(parsed.stale_if_error, value);
    }
  }
  return parsed;
}

std::optional<Lifetime> MayKeep(const CacheRequest& request,
                                const CacheResponse& response,
                                const CacheLeniency& leniency) {
  if (!IsKeptStatus(response.status) || request.has_range) return std::nullopt;
  if (VariesByAnything(response.vary)) return std::nullopt;
  if (response.has_set_cookie && !leniency.set_cookie) return std::nullopt;
  if (CacheControl::Parse(request.cache_control).no_store && !leniency.cache_control) {
    return std::nullopt;
  }
  const CacheControl control = CacheControl::Parse(response.cache_control);
  if (!leniency.cache_control && (control.no_store || control.no_cache || control.is_private)) {
    return std::nullopt;
  }
  // RFC 9111 section 3.5: with Authorization only what says it is for all.
  const bool is_shared = control.is_public || control.shared_max_age.has_value();
  if (request.has_authorization && !leniency.authorization && !is_shared) return std::nullopt;
  if (request.has_cookie && !leniency.cookie && !is_shared) return std::nullopt;

  Lifetime lifetime;
  lifetime.age = ParseSeconds(Trimmed(response.age)).value_or(Nanos(0));
  lifetime.fresh_for = control.shared_max_age.value_or(control.max_age.value_or(Nanos(0)));
  lifetime.stale_for = control.stale_if_error;
  lifetime.is_public = is_shared;
  // RFC 9111 section 4.2.4: these forbid any use once stale, and s-maxage does as well.
  if (!leniency.cache_control && (control.must_revalidate || control.shared_max_age)) {
    lifetime.stale_for = Nanos(0);
    if (lifetime.fresh_for <= lifetime.age) return std::nullopt;
  }
  return lifetime;
}

bool MayServe(const CacheRequest& request, bool is_public, const CacheLeniency& leniency) {
  if (request.has_range) return false;
  if (is_public) return true;
  return (!request.has_authorization || leniency.authorization) &&
         (!request.has_cookie || leniency.cookie);
}

}  // namespace sluice::degrade
