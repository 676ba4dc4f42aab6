#include "booking/reply.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace booking {
namespace {

using Json = nlohmann::ordered_json;
using sluice::wire::Method;
using sluice::wire::RequestHead;

constexpr int kDelayMsMax = 60'000;
constexpr int kChunksMax = 1'000;

std::string Text(const Json& json) {
  // A query may hold any bytes; those that are not UTF-8 are replaced.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Reply Problem(int status, std::string_view text) {
  return {.status = status, .body = Text({{"error", text}})};
}

// The raw value of `name` in "a=1&b=2"; empty when it is not there.
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

// The number of that name, or `otherwise` when there is none within min..max.
int Number(std::string_view query, std::string_view name, int min, int max, int otherwise) {
  const std::string_view text = Parameter(query, name);
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && number >= min && number <= max ? number : otherwise;
}

// In cents; the same id always costs the same.
int PriceOf(std::string_view id) {
  unsigned sum = 0;
  for (const char letter : id)
    sum = sum * 31 + static_cast<unsigned char>(letter);
  return static_cast<int>(5'000 + sum % 20'000);
}

Reply Search(std::string_view query) {
  Json hotels = Json::array();
  for (const std::string_view id : {"alfama", "belem", "chiado"}) {
    hotels.push_back({{"id", id}, {"price_cents", PriceOf(id)}});
  }
  return {.body = Text({{"query", Parameter(query, "q")}, {"hotels", hotels}})};
}

Reply Book(std::string_view body, Instance& instance) {
  const Json wish = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (wish.is_discarded()) return Problem(400, "the body must be JSON");
  const std::string id = fmt::format("{}-{}", instance.name, ++instance.bookings_made);
  return {.status = 201, .body = Text({{"id", id}, {"booking", wish}})};
}

Reply Get(std::string_view path, std::string_view query) {
  if (path == "/healthz") return {.content_type = "text/plain", .body = "ok\n"};
  if (path == "/search") return Search(query);
  if (path.starts_with("/price/") && path.size() > 7) {
    const std::string_view id = path.substr(7);
    return {.body = Text({{"id", id}, {"price_cents", PriceOf(id)}})};
  }
  if (path == "/slow") {
    const int delay_ms = Number(query, "ms", 0, kDelayMsMax, 1'000);
    return {.body = Text({{"slept_ms", delay_ms}}), .delay = std::chrono::milliseconds(delay_ms)};
  }
  if (path == "/fail") {
    return Problem(Number(query, "status", 400, 599, 500), "as you asked");
  }
  if (path == "/stream") {
    const int delay_ms = Number(query, "ms", 0, kDelayMsMax, 100);
    return {.body = Text({{"room", "free"}}),
            .delay = std::chrono::milliseconds(delay_ms),
            .chunks = Number(query, "chunks", 1, kChunksMax, 5)};
  }
  return Problem(404, "no such page");
}

}  // namespace

Reply ReplyTo(const RequestHead& head, std::string_view body, Instance& instance) {
  const bool books = head.path == "/bookings";
  if (books && head.method == Method::kPost) return Book(body, instance);
  if (books || (head.method != Method::kGet && head.method != Method::kHead)) {
    return Problem(405, books ? "use POST" : "use GET");
  }
  return Get(head.path, head.query);
}

}  // namespace booking
