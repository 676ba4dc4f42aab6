#include "booking/role_reply.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "booking/hotels.h"
#include "booking/pages.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace booking {
namespace {

using Json = nlohmann::ordered_json;
using sluice::wire::Method;
using sluice::wire::RequestHead;

constexpr int kNightsMax = 30;

Reply Answer(int status, const Json& json) {
  return {.status = status,
          .body = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

// The whole text as a number within min..max.
std::optional<int> Number(std::string_view text, int min, int max) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || number < min || number > max) return std::nullopt;
  return number;
}

// What follows `folder` in the path; nothing for another path or an empty rest.
std::optional<std::string_view> Below(std::string_view path, std::string_view folder) {
  if (!path.starts_with(folder) || path.size() == folder.size()) return std::nullopt;
  return path.substr(folder.size());
}

// "HOTEL/NIGHTS".
Reply QuoteOf(std::string_view wish, std::string_view query) {
  const std::string_view hotel = wish.substr(0, wish.find('/'));
  const std::string_view nights_text = wish.substr(std::min(wish.size(), hotel.size() + 1));
  const std::optional<int> nights = Number(nights_text, 1, kNightsMax);
  if (!nights) return Problem(400, "1 to 30 nights");
  const std::string_view percent_text = Parameter(query, "percent");
  const std::optional<int> percent = percent_text.empty() ? 0 : Number(percent_text, 0, 100);
  if (!percent) return Problem(400, "0 to 100 percent");
  const int full = NightPriceOf(hotel) * *nights;
  return Answer(200, {{"amount_cents", full - full * *percent / 100}});
}

Reply CartOf(std::string_view user, std::string_view query) {
  const std::uint32_t number = NumberOf(user);
  const std::string_view hotel = Parameter(query, "hotel");
  const std::string_view room = Parameter(query, "room");
  return Answer(200, {{"hotel", hotel.empty() ? kHotels[number % kHotels.size()] : hotel},
                      {"room", room.empty() ? "double" : room},
                      {"nights", 1 + number % 7}});
}

Reply Look(Role role, const RequestHead& head) {
  const std::string_view path = head.path;
  if (const auto name = Below(path, "/users/"); name && role == Role::kUser) {
    return Answer(200, {{"name", *name}, {"tier", NumberOf(*name) % 3 == 0 ? "gold" : "standard"}});
  }
  if (const auto name = Below(path, "/carts/"); name && role == Role::kCart) {
    return CartOf(*name, head.query);
  }
  if (const auto name = Below(path, "/coupons/"); name && role == Role::kCoupons) {
    return Answer(200, {{"percent", 5 + NumberOf(*name) % 3 * 5}});
  }
  if (const auto name = Below(path, "/scores/"); name && role == Role::kRisk) {
    return Answer(200, {{"score", *name == "mallory" ? 95 : NumberOf(*name) % 50}});
  }
  if (const auto quote = Below(path, "/quotes/"); quote && role == Role::kPrice) {
    return QuoteOf(*quote, head.query);
  }
  return Problem(404, "no such page");
}

Reply Do(Role role, const RequestHead& head, std::string_view body, RoleState& state) {
  const bool known = (role == Role::kInventory && head.path == "/reservations") ||
                     (role == Role::kPayment && head.path == "/charges") ||
                     (role == Role::kNotification && head.path == "/messages");
  if (!known) return Problem(404, "no such page");
  const Json wish = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!wish.is_object()) return Problem(400, "the body must be a JSON object");
  if (role == Role::kPayment && wish.contains("user") && wish["user"] == "pauper") {
    return Problem(402, "the bank declined");
  }
  const sluice::wire::HeaderField* key = head.headers.Find("idempotency-key");
  const std::string_view name = key == nullptr ? std::string_view() : key->value;
  if (state.keys.Remember(name)) ++state.done;
  const std::string id = name.empty() ? fmt::to_string(state.done) : std::string(name);
  if (role == Role::kInventory) return Answer(201, {{"reservation", "r-" + id}});
  if (role == Role::kPayment) return Answer(201, {{"charge", "c-" + id}});
  return Answer(202, {{"queued", true}});
}

}  // namespace

bool KeyMemory::Remember(std::string_view key) {
  if (key.empty()) return true;
  if (!keys_.emplace(key).second) return false;
  order_.emplace_back(key);
  if (order_.size() > kKeysMax) {
    keys_.erase(order_.front());
    order_.pop_front();
  }
  return true;
}

bool IsAboutItself(const RequestHead& head) {
  return head.path == "/healthz" || head.path == "/stats";
}

Reply ReplyOf(Role role, const RequestHead& head, std::string_view body, RoleState& state) {
  const bool reads = head.method == Method::kGet || head.method == Method::kHead;
  if (IsAboutItself(head)) {
    if (!reads) return Problem(405, "use GET");
    if (head.path == "/healthz") return {.content_type = "text/plain", .body = "ok\n"};
    return Answer(200, {{"requests", state.requests}, {"done", state.done}});
  }
  ++state.requests;
  if (reads) return Look(role, head);
  if (head.method == Method::kPost) return Do(role, head, body, state);
  return Problem(405, "use GET or POST");
}

}  // namespace booking
