#include "sluice/gateway/stale_keeping.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/gateway/worker_context.h"
#include "sluice/wire/ascii.h"

namespace sluice::gateway {
namespace {

// Never kept: they belong to one connection, are written anew, or are for one client alone.
constexpr wire::HeaderSet kNotKept{
    wire::HeaderId::kConnection,
    wire::HeaderId::kKeepAlive,
    wire::HeaderId::kProxyConnection,
    wire::HeaderId::kProxyAuthenticate,
    wire::HeaderId::kTe,
    wire::HeaderId::kTrailer,
    wire::HeaderId::kTransferEncoding,
    wire::HeaderId::kUpgrade,
    wire::HeaderId::kContentLength,
    wire::HeaderId::kContentType,
    wire::HeaderId::kAge,
    wire::HeaderId::kSetCookie,
    wire::HeaderId::kXSluice,
    wire::HeaderId::kTraceparent,
};

// All values of a field, as one list (RFC 9110 section 5.3). The view is of the head, or of
// `joined` where there are several.
std::string_view ListOf(const wire::HeaderTable& headers,
                        std::string_view name,
                        std::string& joined) {
  const wire::HeaderField* first = nullptr;
  joined.clear();
  for (const wire::HeaderField& field : headers) {
    if (!wire::EqualsIgnoringCase(field.name, name)) continue;
    if (first == nullptr) {
      first = &field;
      continue;
    }
    if (joined.empty()) joined = first->value;
    joined += ", ";
    joined += field.value;
  }
  if (!joined.empty()) return joined;
  return first == nullptr ? std::string_view() : first->value;
}

class RequestFields final : public degrade::FieldSource {
 public:
  explicit RequestFields(const wire::RequestHead& head) : head_(head) {}
  [[nodiscard]] std::string_view ValueOf(std::string_view name) const override {
    return ListOf(head_.headers, name, joined_);
  }

 private:
  const wire::RequestHead& head_;
  mutable std::string joined_;
};

bool IsNamedByConnection(const wire::HeaderTable& headers, std::string_view name) {
  std::string joined;
  std::string_view list = ListOf(headers, "connection", joined);
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view option = list.substr(0, comma);
    while (option.starts_with(' '))
      option.remove_prefix(1);
    while (option.ends_with(' '))
      option.remove_suffix(1);
    if (wire::EqualsIgnoringCase(option, name)) return true;
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return false;
}

// Each part ends in a byte that it cannot hold, so that no two keys read alike.
degrade::CacheKey KeyOf(Exchange& exchange) {
  const wire::RequestHead& head = exchange.request();
  std::string& text = exchange.cache_key;
  text.assign(exchange.route->config->name);
  // After a reload the route may ask somebody else, or for something else.
  const config::RouteConfig& route = *exchange.route->config;
  const std::string_view rewrite =
      route.prefix_rewrite ? std::string_view(*route.prefix_rewrite) : std::string_view();
  for (const std::string_view part :
       {std::string_view(route.upstream), rewrite, head.authority, exchange.path, head.query}) {
    text += '\n';
    text += part;
  }
  text += head.has_query ? '?' : '\n';
  const RequestFields fields(head);
  for (const std::string& name : exchange.route->keeping->key_headers) {
    text += '\n';
    text += fields.ValueOf(name);
  }
  if (exchange.route->keeping->leniency.authorization) {
    text += '\n';
    text += fields.ValueOf("authorization");
  }
  return {.hash = exchange.worker.key_hasher.Hash(text), .text = text};
}

degrade::CacheRequest CacheRequestOf(const wire::RequestHead& head, std::string& joined) {
  return {.has_authorization = head.headers.Has(wire::HeaderId::kAuthorization),
          .has_cookie = head.headers.Has(wire::HeaderId::kCookie),
          .has_range = head.headers.Has(wire::HeaderId::kRange),
          .cache_control = ListOf(head.headers, "cache-control", joined)};
}

}  // namespace

void BeginKeeping(Exchange& exchange, const wire::ResponseHead& head) {
  const RoutePlan* const route = exchange.route;
  if (route == nullptr || route->kept == nullptr || exchange.is_substitute) return;
  const wire::RequestHead& request = exchange.request();
  // A GET with content is not told apart by its target alone (RFC 9110 section 9.3.1).
  if (request.method != wire::Method::kGet || request.framing != wire::BodyFraming::kNone) return;
  // Whether such a body is whole nobody can tell.
  if (head.framing == wire::BodyFraming::kUntilClose) return;
  std::string joined_request;
  std::string joined_control;
  std::string joined_vary;
  const std::string_view vary = ListOf(head.headers, "vary", joined_vary);
  const std::optional<degrade::Lifetime> lifetime =
      degrade::MayKeep(CacheRequestOf(request, joined_request),
                       {.status = head.status,
                        .cache_control = ListOf(head.headers, "cache-control", joined_control),
                        .vary = vary,
                        .age = head.headers.ValueOf(wire::HeaderId::kAge),
                        .has_set_cookie = head.headers.Has(wire::HeaderId::kSetCookie)},
                       route->keeping->leniency);
  if (!lifetime) return;
  const SteadyTime now = exchange.worker.loop.now();
  const RequestFields fields(request);
  auto answer = std::make_shared<degrade::KeptAnswer>();
  answer->status = head.status;
  answer->lifetime = *lifetime;
  std::optional<std::uint64_t> announced;
  if (head.framing == wire::BodyFraming::kLength) announced = head.content_length;
  if (head.framing == wire::BodyFraming::kNone) announced = 0;
  std::optional<degrade::StaleCache::Fill> fill =
      route->kept->Begin(KeyOf(exchange), answer, vary, fields, announced, now);
  if (!fill) return;
  // Copied only when it is known to be kept.
  answer->content_type = head.headers.ValueOf(wire::HeaderId::kContentType);
  for (const wire::HeaderField& field : head.headers) {
    if (kNotKept.Contains(field.id) || IsNamedByConnection(head.headers, field.name)) continue;
    answer->headers.push_back({.name = std::string(field.name), .value = std::string(field.value)});
  }
  exchange.keeping.emplace(std::move(*fill));
}

void FinishKeeping(Exchange& exchange) {
  if (!exchange.keeping) return;
  exchange.keeping->Finish(exchange.worker.loop.now());
  exchange.keeping.reset();
}

std::shared_ptr<const degrade::KeptAnswer> FindKept(Exchange& exchange) {
  const RoutePlan& route = *exchange.route;
  const wire::RequestHead& request = exchange.request();
  if (route.kept == nullptr || request.framing != wire::BodyFraming::kNone) return nullptr;
  const RequestFields fields(request);
  std::shared_ptr<const degrade::KeptAnswer> answer =
      route.kept->Find(KeyOf(exchange), fields, exchange.worker.loop.now());
  if (answer == nullptr) return nullptr;
  std::string joined;
  const bool may_serve = degrade::MayServe(CacheRequestOf(request, joined),
                                           answer->lifetime.is_public, route.keeping->leniency);
  return may_serve ? answer : nullptr;
}

}  // namespace sluice::gateway
