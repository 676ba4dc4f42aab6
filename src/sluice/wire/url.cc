#include "sluice/wire/url.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "sluice/wire/ascii.h"
#include "sluice/wire/authority.h"

namespace sluice::wire {
namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";
constexpr std::string_view kUnix = "unix:";

std::unexpected<Error> Complain(std::string_view text, std::string_view why) {
  return Fail(ErrorCode::kInvalidOption, std::string("not a URL such as http://host:port/path: ")
                                             .append(why)
                                             .append(", got ")
                                             .append(text));
}

bool StartsWithScheme(std::string_view text, std::string_view scheme) {
  return text.size() >= scheme.size() && EqualsIgnoringCase(text.substr(0, scheme.size()), scheme);
}

bool HasForbiddenByte(std::string_view text) {
  for (const char c : text) {
    if (c <= 0x20 || c >= 0x7f || c == '\\' || c == '#') return true;
  }
  return false;
}

}  // namespace

Result<HttpUrl> ParseHttpUrl(std::string_view text) {
  HttpUrl url;
  if (HasForbiddenByte(text)) return Complain(text, "there is a byte that must be escaped");
  std::string_view rest;
  if (StartsWithScheme(text, kHttp)) {
    rest = text.substr(kHttp.size());
  } else if (StartsWithScheme(text, kHttps)) {
    rest = text.substr(kHttps.size());
    url.is_https = true;
    url.port = 443;
  } else {
    return Complain(text, "it begins with neither http:// nor https://");
  }
  if (rest.starts_with(kUnix)) {
    url.unix_path = rest.substr(kUnix.size());
    if (url.unix_path.empty()) return Complain(text, "the path of the socket is empty");
    return url;
  }
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  url.authority = rest.substr(0, end);
  const Result<HostPort> split = SplitAuthority(url.authority);
  if (!split) return Complain(text, split.error().detail);
  url.host = split->host;
  if (url.host.starts_with('[')) url.host = url.host.substr(1, url.host.size() - 2);
  if (split->port) url.port = *split->port;

  const std::string_view path_and_query = rest.substr(end);
  const std::size_t mark = std::min(path_and_query.find('?'), path_and_query.size());
  if (mark > 0) url.path = path_and_query.substr(0, mark);
  if (mark < path_and_query.size()) url.query = path_and_query.substr(mark + 1);
  return url;
}

}  // namespace sluice::wire
