// NameTable: the DNS of a simulated world. Every loop's resolver asks it.
//
// Changes count for questions asked after them. Belongs to one world, and to its thread.

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/resolver.h"
#include "sluice/contract/result.h"
#include "sluice/contract/time.h"

namespace sluice::sim {

struct NameAnswer {
  std::vector<Address> addresses;  // Ports are ignored: the asker says the port.
  Nanos time_to_live = std::chrono::seconds(30);
  Nanos delay = std::chrono::milliseconds(1);  // From question to answer.
};

class NameTable {
 public:
  // `host` is answered so from now on. No addresses: "no such name", after the delay.
  void Set(std::string_view host, NameAnswer answer);
  // Questions for `host` fail after `delay` (a server failure).
  void Fail(std::string_view host, Nanos delay = std::chrono::milliseconds(1));
  // Questions for `host` are never answered: they run into their deadlines.
  void Silence(std::string_view host);
  void Remove(std::string_view host);

  struct Reply {
    Nanos delay{0};  // Nanos::max(): never.
    Result<Resolution> result{};
  };
  // What a question asked now will be told, and when. IP addresses answer for themselves; names not
  // in the table fail with kResolveFailed.
  [[nodiscard]] Reply Ask(std::string_view host, std::uint16_t port);

  // How often `host` was asked for.
  [[nodiscard]] std::uint64_t asked(std::string_view host) const;

 private:
  enum class State : std::uint8_t { kAbsent, kAnswers, kFails, kSilent };
  struct Entry {
    State state = State::kAbsent;
    NameAnswer answer;
    std::uint64_t asked = 0;
  };
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace sluice::sim
