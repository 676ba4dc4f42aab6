#include "sluice/wire/http1_target.h"

#include <algorithm>
#include <cstddef>

#include "sluice/contract/result.h"
#include "sluice/wire/ascii.h"
#include "sluice/wire/authority.h"

namespace sluice::wire {
namespace {

Refusal CheckBytes(std::string_view target) {
  if (!IsVisible(target)) {
    const bool is_ascii =
        std::ranges::all_of(target, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    return is_ascii ? Refuse("a control character or white space in the target")
                    : Refuse("a byte that is not ASCII in the target");
  }
  if (target.find('\\') != std::string_view::npos) return Refuse("a backslash in the target");
  if (target.find('#') != std::string_view::npos) return Refuse("a fragment in the target");
  return kFine;
}

void SplitQuery(std::string_view path_and_query, RequestHead& head) {
  const std::size_t mark = path_and_query.find('?');
  head.path = path_and_query.substr(0, mark);
  head.has_query = mark != std::string_view::npos;
  if (head.has_query) head.query = path_and_query.substr(mark + 1);
}

Refusal SplitConnect(RequestHead& head) {
  const Result<HostPort> authority = SplitAuthority(head.target);
  if (!authority || !authority->port) return Refuse("the target of CONNECT is not host:port");
  head.authority = head.target;
  head.path = {};
  return kFine;
}

Refusal SplitAbsolute(RequestHead& head) {
  const std::string_view target = head.target;
  const std::size_t colon = target.find("://");
  if (colon == std::string_view::npos) return Refuse("the target is in none of the four forms");
  const std::string_view scheme = target.substr(0, colon);
  if (EqualsIgnoringCase(scheme, "http")) {
    head.scheme = "http";
  } else if (EqualsIgnoringCase(scheme, "https")) {
    head.scheme = "https";
  } else {
    return Refuse("the scheme of the target is neither http nor https");
  }
  const std::string_view rest = target.substr(colon + 3);
  const std::size_t end = rest.find_first_of("/?");
  head.authority = rest.substr(0, end);
  if (!SplitAuthority(head.authority))
    return Refuse("the authority of the target is not host:port");

  const bool has_path = end != std::string_view::npos && rest[end] == '/';
  if (end != std::string_view::npos) SplitQuery(rest.substr(end), head);
  // "OPTIONS http://host" asks about the server as "*" does (RFC 9112 §3.2.4).
  const bool asks_server = head.method == Method::kOptions && !head.has_query;
  if (!has_path) head.path = asks_server ? "*" : "/";
  return kFine;
}

}  // namespace

Refusal SplitTarget(RequestHead& head) {
  if (head.target.empty()) return Refuse("the target is empty");
  if (const Refusal refusal = CheckBytes(head.target)) return refusal;
  if (head.method == Method::kConnect) return SplitConnect(head);
  if (head.target.front() == '/') {
    SplitQuery(head.target, head);
    return kFine;
  }
  if (head.target == "*") {
    if (head.method != Method::kOptions)
      return Refuse("the target is `*` but the method not OPTIONS");
    head.path = "*";
    return kFine;
  }
  return SplitAbsolute(head);
}

}  // namespace sluice::wire
