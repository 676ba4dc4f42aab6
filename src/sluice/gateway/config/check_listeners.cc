#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>

#include <fmt/format.h>

#include "sluice/contract/address.h"
#include "sluice/gateway/config/check.h"

namespace sluice::gateway::config {
namespace {

bool IsAnyHost(const Address& address) {
  return address.family() != Address::Family::kUnix &&
         address.bytes() == std::array<std::uint8_t, 16>{};
}

// Whether the kernel would let only one of the two listen. Port 0 is a free one each time.
bool Clash(const Address& a, const Address& b) {
  if (a.family() != b.family()) return false;
  if (a.family() == Address::Family::kUnix) return a == b;
  if (a.port() != b.port() || a.port() == 0) return false;
  return a == b || IsAnyHost(a) || IsAnyHost(b);
}

bool IsLocalOnly(const Address& address) {
  if (address.family() == Address::Family::kUnix) return true;
  constexpr std::array<std::uint8_t, 16> kIpv6Loopback{0, 0, 0, 0, 0, 0, 0, 0,
                                                       0, 0, 0, 0, 0, 0, 0, 1};
  if (address.family() == Address::Family::kIpv6) return address.bytes() == kIpv6Loopback;
  return address.bytes()[0] == 127;
}

void CheckAdmin(const AdminConfig& admin, Findings& findings) {
  const Result<Address> address = Address::Parse(admin.listen);
  if (!address || IsLocalOnly(*address) || !admin.token_file.empty()) return;
  findings.Complain("admin.listen",
                    fmt::format("needs `admin.token_file` beyond this machine, got \"{}\"; set it, "
                                "or listen on 127.0.0.1 or unix:/path",
                                admin.listen));
}

void CheckEgress(const Config& config,
                 const ListenerConfig& listener,
                 const std::string& path,
                 Findings& findings) {
  const EgressConfig& egress = listener.egress;
  if (listener.kind != ListenerKind::kEgress) {
    const EgressConfig defaults;
    const bool is_set = egress.unknown_hosts != defaults.unknown_hosts ||
                        egress.connect_ports != defaults.connect_ports || egress.local_addresses ||
                        egress.max_hosts != defaults.max_hosts ||
                        egress.timeout != defaults.timeout;
    if (is_set) {
      findings.Complain(path + ".egress",
                        "is only read with `kind: egress`; set that or remove it");
    }
    return;
  }
  const bool passes = egress.unknown_hosts == UnknownHosts::kPass;
  const Result<Address> address = Address::Parse(listener.listen);
  if (passes && address && !IsLocalOnly(*address)) {
    findings.Complain(path + ".egress.unknown_hosts",
                      fmt::format("must be refuse where other machines can connect, got \"{}\": "
                                  "anybody could call anything through this gateway; listen on "
                                  "127.0.0.1 or unix:/path",
                                  listener.listen));
  }
  const bool has_route = std::ranges::any_of(config.routes, [&listener](const RouteConfig& route) {
    return std::ranges::find(route.listeners, listener.name) != route.listeners.end();
  });
  if (!has_route && !passes) {
    findings.Warn(path,
                  "refuses every call, because no route names it and unknown hosts are refused");
  }
}

}  // namespace

void CheckListeners(const Config& config, Findings& findings) {
  CheckAdmin(config.admin, findings);
  std::set<std::string> names;
  std::map<std::string, Address> taken;
  if (const Result<Address> admin = Address::Parse(config.admin.listen)) {
    taken.emplace("admin.listen", *admin);
  }
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const ListenerConfig& listener = config.listeners[i];
    const std::string path = Child("listeners", i);
    if (!listener.name.empty() && !names.insert(listener.name).second) {
      findings.Complain(path + ".name",
                        fmt::format("must be unique, got \"{}\" twice", listener.name));
    }
    for (std::size_t j = 0; j < listener.trusted_proxies.size(); ++j) {
      if (!listener.trusted_proxies[j].ends_with("/0")) continue;
      findings.Warn(Child(path + ".trusted_proxies", j),
                    "believes everybody: any client can then choose its own address");
    }
    CheckEgress(config, listener, path, findings);
    const Result<Address> address = Address::Parse(listener.listen);
    if (!address) continue;
    for (const auto& [other, other_address] : taken) {
      if (!Clash(*address, other_address)) continue;
      findings.Complain(
          path + ".listen",
          fmt::format("clashes with {}, got \"{}\"; choose another port", other, listener.listen));
      break;
    }
    taken.emplace(path + ".listen", *address);
  }
}

void Check(const Config& config, Findings& findings) {
  CheckListeners(config, findings);
  CheckUpstreams(config, findings);
  CheckRoutes(config, findings);
  CheckLimits(config, findings);
  CheckOverload(config, findings);
  CheckRecord(config, findings);
  CheckDegrade(config, findings);
  CheckFlows(config, findings);
  CheckReleases(config, findings);
  CheckReachable(config, findings);
}

}  // namespace sluice::gateway::config
