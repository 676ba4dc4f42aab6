#include "sluice/release/lane_order.h"

#include <charconv>
#include <chrono>
#include <cstdint>

#include <fmt/format.h>

#include "sluice/release/digest.h"

namespace sluice::release {
namespace {

std::string Signed(std::string_view release, std::string_view lane, std::string_view seconds) {
  return fmt::format("{}\n{}\n{}", release, lane, seconds);
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  return text;
}

// Takes the text up to the next ';' off `rest`.
std::string_view NextPart(std::string_view& rest) {
  const std::size_t end = rest.find(';');
  const std::string_view part = Trimmed(rest.substr(0, end));
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

std::string_view ValueOf(std::string_view part, std::string_view key) {
  return part.starts_with(key) ? part.substr(key.size()) : std::string_view();
}

bool IsOver(std::string_view seconds, WallTime now) {
  std::int64_t expires = 0;
  const auto [end, error] =
      std::from_chars(seconds.data(), seconds.data() + seconds.size(), expires);
  if (error != std::errc() || end != seconds.data() + seconds.size()) return true;
  const auto since = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
  return since >= expires;
}

}  // namespace

std::optional<Arm> ArmOfLane(std::string_view lane) {
  if (lane == "candidate" || lane == "canary") return Arm::kCandidate;
  if (lane == "stable") return Arm::kStable;
  return std::nullopt;
}

std::string SignLaneOrder(std::string_view release,
                          std::string_view lane,
                          WallTime expires,
                          std::string_view secret) {
  const auto since = std::chrono::floor<std::chrono::seconds>(expires.time_since_epoch());
  const std::string seconds = fmt::format("{}", since.count());
  const Digest digest = HmacSha256(secret, Signed(release, lane, seconds));
  return fmt::format("{}; exp={}; sig={}", lane, seconds, Hex(digest));
}

std::optional<Arm> ReadLaneOrder(std::string_view order, const OrderRules& rules, WallTime now) {
  std::string_view rest = order;
  const std::string_view lane = NextPart(rest);
  const std::optional<Arm> arm = ArmOfLane(lane);
  if (!arm) return std::nullopt;
  if (rest.empty()) return rules.is_trusted ? arm : std::nullopt;
  const std::string_view seconds = ValueOf(NextPart(rest), "exp=");
  const std::string_view signature = ValueOf(NextPart(rest), "sig=");
  if (rules.secret.empty() || !Trimmed(rest).empty() || IsOver(seconds, now)) return std::nullopt;
  const Digest right = HmacSha256(rules.secret, Signed(rules.release, lane, seconds));
  return SameInConstantTime(Hex(right), signature) ? arm : std::nullopt;
}

}  // namespace sluice::release
