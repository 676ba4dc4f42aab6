// HostIndex: which routes can take a host, without asking all of them.
//
// A route is for one host ("pay.example"), for all below one ("*.example"), or for any. A look-up
// takes one hash of the host and, where no route names it, one of each of its parents; it allocates
// nothing. The order of the configuration stays: the first route that fits wins.
//
// Immutable once made; any thread may ask.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::gateway {

class HostIndex {
 public:
  HostIndex() = default;
  // `hosts` are those of the routes in their order; empty: any.
  explicit HostIndex(const std::vector<std::string_view>& hosts);

  // Routes that can take one host, in their order.
  class Candidates {
   public:
    // The next route's index; nothing after the last.
    [[nodiscard]] std::optional<std::size_t> Next();

   private:
    friend class HostIndex;
    std::span<const std::uint32_t> naming_;
    std::span<const std::uint32_t> any_;
  };
  // `host` is lower-case and without a port.
  [[nodiscard]] Candidates Find(std::string_view host) const;

  // The first route that is for certain hosts, and this is one of them.
  [[nodiscard]] std::optional<std::size_t> FindNaming(std::string_view host) const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  using Routes = std::vector<std::uint32_t>;
  using ByText = std::unordered_map<std::string, Routes, TextHash, std::equal_to<>>;

  [[nodiscard]] const Routes* Naming(std::string_view host) const;

  // What a route names, with all routes that name it or a parent of it by a wildcard.
  ByText exact_;
  ByText below_;  // By ".example".
  Routes any_;
};

}  // namespace sluice::gateway
