#include "sluice/gateway/host_index.h"

#include <algorithm>

namespace sluice::gateway {
namespace {

bool IsWildcard(std::string_view host) {
  return host.starts_with("*.");
}

// Whether who names `pattern` takes `host`, which may itself be the suffix of a wildcard.
bool Covers(std::string_view pattern, std::string_view host) {
  if (!IsWildcard(pattern)) return pattern == host;
  const std::string_view suffix = pattern.substr(1);
  return host.size() > suffix.size() && host.ends_with(suffix);
}

}  // namespace

HostIndex::HostIndex(const std::vector<std::string_view>& hosts) {
  for (const std::string_view host : hosts) {
    if (host.empty()) continue;
    if (IsWildcard(host)) {
      below_.try_emplace(std::string(host.substr(1)));
    } else {
      exact_.try_emplace(std::string(host));
    }
  }
  for (std::uint32_t route = 0; route < hosts.size(); ++route) {
    const std::string_view pattern = hosts[route];
    if (pattern.empty()) {
      any_.push_back(route);
      continue;
    }
    for (auto& [host, routes] : exact_) {
      if (Covers(pattern, host)) routes.push_back(route);
    }
    if (!IsWildcard(pattern)) continue;
    for (auto& [suffix, routes] : below_) {
      if (suffix.ends_with(pattern.substr(1))) routes.push_back(route);
    }
  }
}

const HostIndex::Routes* HostIndex::Naming(std::string_view host) const {
  if (const auto found = exact_.find(host); found != exact_.end()) return &found->second;
  if (below_.empty()) return nullptr;
  // The longest suffix first: its routes are all that any shorter one has, and its own.
  for (std::size_t dot = host.find('.', 1); dot != std::string_view::npos;
       dot = host.find('.', dot + 1)) {
    const auto found = below_.find(host.substr(dot));
    if (found != below_.end()) return &found->second;
  }
  return nullptr;
}

HostIndex::Candidates HostIndex::Find(std::string_view host) const {
  Candidates candidates;
  if (const Routes* const naming = Naming(host); naming != nullptr) candidates.naming_ = *naming;
  candidates.any_ = any_;
  return candidates;
}

std::optional<std::size_t> HostIndex::FindNaming(std::string_view host) const {
  const Routes* const naming = Naming(host);
  if (naming == nullptr) return std::nullopt;
  return naming->front();
}

std::optional<std::size_t> HostIndex::Candidates::Next() {
  if (naming_.empty() && any_.empty()) return std::nullopt;
  const bool takes_naming = any_.empty() || (!naming_.empty() && naming_.front() < any_.front());
  std::span<const std::uint32_t>& from = takes_naming ? naming_ : any_;
  const std::size_t route = from.front();
  from = from.subspan(1);
  return route;
}

}  // namespace sluice::gateway
