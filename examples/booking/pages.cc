#include "booking/pages.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string>

#include "booking/hotels.h"
#include <nlohmann/json.hpp>

namespace booking {
namespace {

using Json = nlohmann::ordered_json;
using sluice::wire::Method;
using sluice::wire::RequestHead;

constexpr int kDelayMsMax = 60'000;
constexpr int kChunksMax = 1'000;

std::string PageText(const Json& json) {
  // A query may hold any bytes; those that are not UTF-8 are replaced.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// The number of that name, or `otherwise` when there is none within min..max.
int QueryNumber(std::string_view query, std::string_view name, int min, int max, int otherwise) {
  const std::string_view text = Parameter(query, name);
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && number >= min && number <= max ? number : otherwise;
}

Reply Search(std::string_view query) {
  Json hotels = Json::array();
  for (const std::string_view id : kHotels) {
    hotels.push_back({{"id", id}, {"price_cents", NightPriceOf(id)}});
  }
  return {.body = PageText({{"query", Parameter(query, "q")}, {"hotels", hotels}})};
}

Reply Get(std::string_view path, std::string_view query) {
  if (path == "/healthz") return {.content_type = "text/plain", .body = "ok\n"};
  if (path == "/search") return Search(query);
  if (path.starts_with("/price/") && path.size() > 7) {
    const std::string_view id = path.substr(7);
    return {.body = PageText({{"id", id}, {"price_cents", NightPriceOf(id)}})};
  }
  if (path == "/slow") {
    const int delay_ms = QueryNumber(query, "ms", 0, kDelayMsMax, 1'000);
    return {.body = PageText({{"slept_ms", delay_ms}}),
            .delay = std::chrono::milliseconds(delay_ms)};
  }
  if (path == "/fail") {
    return Problem(QueryNumber(query, "status", 400, 599, 500), "as you asked");
  }
  if (path == "/stream") {
    const int delay_ms = QueryNumber(query, "ms", 0, kDelayMsMax, 100);
    return {.body = PageText({{"room", "free"}}),
            .delay = std::chrono::milliseconds(delay_ms),
            .chunks = QueryNumber(query, "chunks", 1, kChunksMax, 5)};
  }
  return Problem(404, "no such page");
}

}  // namespace

Reply Problem(int status, std::string_view text) {
  return {.status = status, .body = PageText({{"error", text}})};
}

std::string_view Parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
      return pair.substr(name.size() + 1);
    }
  }
  return {};
}

Reply PageOf(const RequestHead& head) {
  if (head.method != Method::kGet && head.method != Method::kHead) {
    return Problem(405, "use GET");
  }
  return Get(head.path, head.query);
}

}  // namespace booking
