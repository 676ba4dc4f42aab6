#include "sluice/platform/sim/name_table.h"

#include <utility>

#include <fmt/format.h>

namespace sluice::sim {
namespace {

std::unexpected<Error> NotResolved(std::string_view host, std::string_view why) {
  return std::unexpected(Error{.code = ErrorCode::kResolveFailed,
                               .side = Side::kUpstream,
                               .retry = RetryAdvice::kSafe,
                               .detail = fmt::format("{}: {}", host, why)});
}

}  // namespace

void NameTable::Set(std::string_view host, NameAnswer answer) {
  Entry& entry = entries_[std::string(host)];
  entry.state = State::kAnswers;
  entry.answer = std::move(answer);
}

void NameTable::Fail(std::string_view host, Nanos delay) {
  Entry& entry = entries_[std::string(host)];
  entry.state = State::kFails;
  entry.answer.delay = delay;
}

void NameTable::Silence(std::string_view host) {
  entries_[std::string(host)].state = State::kSilent;
}

void NameTable::Remove(std::string_view host) {
  entries_[std::string(host)].state = State::kAbsent;
}

NameTable::Reply NameTable::Ask(std::string_view host, std::uint16_t port) {
  if (const Result<Address> literal = Address::ParseIp(host)) {
    return {.delay = Nanos(0), .result = Resolution{.addresses = {literal->WithPort(port)}}};
  }
  Entry& entry = entries_[std::string(host)];
  ++entry.asked;
  switch (entry.state) {
    case State::kAbsent:
      return {.delay = std::chrono::milliseconds(1), .result = NotResolved(host, "no such name")};
    case State::kFails:
      return {.delay = entry.answer.delay, .result = NotResolved(host, "server failure")};
    case State::kSilent:
      return {.delay = Nanos::max(), .result = NotResolved(host, "no answer")};
    case State::kAnswers:
      break;
  }
  if (entry.answer.addresses.empty()) {
    return {.delay = entry.answer.delay, .result = NotResolved(host, "no such name")};
  }
  Resolution resolution{.addresses = {}, .time_to_live = entry.answer.time_to_live};
  for (const Address& address : entry.answer.addresses)
    resolution.addresses.push_back(address.WithPort(port));
  return {.delay = entry.answer.delay, .result = std::move(resolution)};
}

std::uint64_t NameTable::asked(std::string_view host) const {
  const auto found = entries_.find(host);
  return found == entries_.end() ? 0 : found->second.asked;
}

}  // namespace sluice::sim
