#include "demo/users.h"

#include <string>

#include <fmt/format.h>

namespace sluice::demo {

Question BookingOf(std::size_t number) {
  const std::string user = fmt::format("user-{}", number);
  return {.method = wire::Method::kPost,
          .target = "/bookings",
          .body = fmt::format(R"({{"user":"{}"}})", user),
          .user = user};
}

Question SearchOf(std::size_t number) {
  return {.target = "/search?q=lisbon", .user = fmt::format("user-{}", number)};
}

}  // namespace sluice::demo
