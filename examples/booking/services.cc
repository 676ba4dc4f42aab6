#include "booking/services.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace booking {

using namespace std::chrono_literals;
using sluice::ErrorCode;
using sluice::Fail;
using sluice::Result;
using sluice::Task;
using sluice::wire::Method;

namespace {

using Json = nlohmann::ordered_json;

constexpr int kScoreMax = 90;      // Above it a booking is refused.
constexpr int kReviewedFrom = 60;  // From it on a person looks at it later.

// Reads the fields of an answer; what is missing or of another type is told at the end.
class Fields {
 public:
  Fields(Role role, const CallAnswer& answer)
      : role_(role), json_(Json::parse(answer.body, nullptr, /*allow_exceptions=*/false)) {}

  std::string Text(const char* name) {
    const Json* field = Find(name);
    if (field != nullptr && field->is_string()) return field->get<std::string>();
    Miss(name);
    return {};
  }
  int Number(const char* name) {
    const Json* field = Find(name);
    if (field != nullptr && field->is_number_integer()) return field->get<int>();
    Miss(name);
    return 0;
  }
  // `value` when all fields were there.
  template <typename T>
  [[nodiscard]] Result<T> Or(T value) const {
    if (missing_.empty()) return value;
    return Fail(ErrorCode::kBadResponse,
                fmt::format("{} answered without `{}`", NameOf(role_), missing_));
  }

 private:
  [[nodiscard]] const Json* Find(const char* name) const {
    const auto found = json_.is_object() ? json_.find(name) : json_.end();
    return found == json_.end() ? nullptr : &*found;
  }
  void Miss(const char* name) {
    if (missing_.empty()) missing_ = name;
  }

  Role role_;
  Json json_;
  std::string missing_;
};

sluice::breaker::BreakerOptions BreakerOf(Role role) {
  sluice::breaker::BreakerOptions options;
  options.name = std::string(NameOf(role));
  options.consecutive_failures = 5;
  options.wait_duration_in_open_state = 1s;
  options.wait_backoff.max = 1500ms;
  options.recovery_ramp.length = 500ms;
  return options;
}

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

}  // namespace

Result<Addresses> ParseAddresses(std::string_view text) {
  Addresses addresses;
  std::array<bool, kRoles> told{};
  while (!text.empty()) {
    const std::string_view line = Trim(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.size(), text.find('\n') == std::string_view::npos
                                                 ? text.size()
                                                 : text.find('\n') + 1));
    if (line.empty() || line.starts_with('#')) continue;
    const std::string_view name = line.substr(0, line.find(' '));
    const std::optional<Role> role = RoleOf(name);
    if (!role) return Fail(ErrorCode::kInvalidOption, fmt::format("no such service: {}", name));
    const Result<sluice::Address> address = sluice::Address::Parse(Trim(line.substr(name.size())));
    if (!address) return std::unexpected(address.error());
    addresses[static_cast<std::size_t>(*role)] = *address;
    told[static_cast<std::size_t>(*role)] = true;
  }
  for (std::size_t i = 0; i < kRoles; ++i) {
    if (told[i]) continue;
    return Fail(ErrorCode::kInvalidOption, fmt::format("no address of {}", kRoleFacts[i].name));
  }
  return addresses;
}

Result<std::unique_ptr<Services>> Services::Create(sluice::Loop& loop, const Addresses& addresses) {
  std::unique_ptr<Services> services(new Services());
  for (std::size_t i = 0; i < kRoles; ++i) {
    auto dependency = Dependency::Create(loop, kRoleFacts[i].name, addresses[i]);
    if (!dependency) return std::unexpected(dependency.error());
    services->dependencies_[i] = std::move(*dependency);
    auto breaker = sluice::breaker::Breaker::Create(BreakerOf(static_cast<Role>(i)),
                                                    loop.random().Next(), loop.now());
    if (!breaker) return std::unexpected(breaker.error());
    services->breakers_[i] = std::move(*breaker);
  }
  return services;
}

void Services::Drain() {
  for (const std::unique_ptr<Dependency>& dependency : dependencies_)
    dependency->Drain();
}

// 2xx, or an error that names the service.
Task<Result<CallAnswer>> Services::Ask(Role role, CallRequest request, CallOptions options) {
  Dependency& dependency = *dependencies_[IndexOf(role)];
  Result<CallAnswer> answer = co_await dependency.Call(std::move(request), std::move(options));
  if (!answer) co_return answer;
  if (answer->status < 200 || answer->status > 299) {
    co_return Fail(ErrorCode::kBadResponse,
                   fmt::format("{} answered {}", NameOf(role), answer->status));
  }
  co_return answer;
}

Task<Result<User>> Services::FindUser(const Order& order, CallOptions options) {
  CallRequest request{.path = "/users/" + order.user};
  const Result<CallAnswer> answer =
      co_await Ask(Role::kUser, std::move(request), std::move(options));
  if (!answer) co_return std::unexpected(answer.error());
  Fields fields(Role::kUser, *answer);
  User user{.name = fields.Text("name"), .tier = fields.Text("tier")};
  co_return fields.Or(std::move(user));
}

Task<Result<Cart>> Services::FindCart(const Order& order, CallOptions options) {
  CallRequest request{
      .path = fmt::format("/carts/{}?hotel={}&room={}", order.user, order.hotel, order.room)};
  const Result<CallAnswer> answer =
      co_await Ask(Role::kCart, std::move(request), std::move(options));
  if (!answer) co_return std::unexpected(answer.error());
  Fields fields(Role::kCart, *answer);
  Cart cart{.hotel = fields.Text("hotel"),
            .room = fields.Text("room"),
            .nights = fields.Number("nights")};
  co_return fields.Or(std::move(cart));
}

Task<Result<Reservation>> Services::Reserve(const Cart& cart, CallOptions options) {
  const Json wish = {{"hotel", cart.hotel}, {"room", cart.room}, {"nights", cart.nights}};
  CallRequest request{.method = Method::kPost, .path = "/reservations", .body = wish.dump()};
  const Result<CallAnswer> answer =
      co_await Ask(Role::kInventory, std::move(request), std::move(options));
  if (!answer) co_return std::unexpected(answer.error());
  Fields fields(Role::kInventory, *answer);
  Reservation reservation{.id = fields.Text("reservation")};
  co_return fields.Or(std::move(reservation));
}

Task<Result<Quote>> Services::FindPrice(const Cart& cart,
                                        const std::optional<Coupon>& coupon,
                                        CallOptions options) {
  CallRequest request{.path = fmt::format("/quotes/{}/{}?percent={}", cart.hotel, cart.nights,
                                          coupon ? coupon->percent : 0)};
  const Result<CallAnswer> answer =
      co_await Ask(Role::kPrice, std::move(request), std::move(options));
  if (!answer) co_return std::unexpected(answer.error());
  Fields fields(Role::kPrice, *answer);
  const Quote quote{.amount_cents = fields.Number("amount_cents")};
  co_return fields.Or(quote);
}

Task<Result<Coupon>> Services::FindCoupon(const User& user, CallOptions options) {
  CallRequest request{.path = "/coupons/" + user.name};
  const Result<CallAnswer> answer =
      co_await Ask(Role::kCoupons, std::move(request), std::move(options));
  if (!answer) co_return std::unexpected(answer.error());
  Fields fields(Role::kCoupons, *answer);
  const Coupon coupon{.percent = fields.Number("percent")};
  co_return fields.Or(coupon);
}

Task<Result<Risk>> Services::Score(const User& user, CallOptions options) {
  CallRequest request{.path = "/scores/" + user.name};
  const Result<CallAnswer> answer =
      co_await Ask(Role::kRisk, std::move(request), std::move(options));
  if (!answer) co_return std::unexpected(answer.error());
  Fields fields(Role::kRisk, *answer);
  const Risk risk{.score = fields.Number("score")};
  co_return fields.Or(risk);
}

Task<Result<Charge>> Services::Pay(const User& user,
                                   const Quote& quote,
                                   const Reservation& reservation,
                                   CallOptions options) {
  const Json wish = {
      {"user", user.name}, {"amount_cents", quote.amount_cents}, {"reservation", reservation.id}};
  CallRequest request{.method = Method::kPost, .path = "/charges", .body = wish.dump()};
  Dependency& payment = *dependencies_[IndexOf(Role::kPayment)];
  const Result<CallAnswer> answer = co_await payment.Call(std::move(request), std::move(options));
  if (!answer) co_return std::unexpected(answer.error());
  if (answer->status == 402) co_return Charge{.is_declined = true};
  if (answer->status != 201) {
    co_return Fail(ErrorCode::kBadResponse, fmt::format("payment answered {}", answer->status));
  }
  Fields fields(Role::kPayment, *answer);
  Charge charge{.id = fields.Text("charge")};
  co_return fields.Or(std::move(charge));
}

Task<Result<void>> Services::Notify(const Booking& booking, CallOptions options) {
  const Json wish = {{"user", booking.user.name}, {"text", "Booked: " + booking.id}};
  CallRequest request{.method = Method::kPost, .path = "/messages", .body = wish.dump()};
  const Result<CallAnswer> answer =
      co_await Ask(Role::kNotification, std::move(request), std::move(options));
  if (!answer) co_return std::unexpected(answer.error());
  co_return Result<void>();
}

Result<Approval> Approve(const Risk& risk) {
  if (!risk.is_known) return Approval{.needs_review = true};
  if (risk.score > kScoreMax) {
    return Fail(ErrorCode::kPermissionDenied, "this booking is too much of a risk");
  }
  return Approval{.needs_review = risk.score >= kReviewedFrom};
}

Result<Booking> Confirm(Booking booking, const Charge& charge) {
  if (charge.is_declined) return Fail(ErrorCode::kPermissionDenied, "the bank declined");
  booking.charge = charge.id;
  return booking;
}

}  // namespace booking
