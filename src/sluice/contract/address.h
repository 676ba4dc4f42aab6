// Where a stream ends: an IPv4 or IPv6 address with a port, or a path of a Unix socket.
//
// A value without system headers; `platform` turns it into a sockaddr. Names ("booking.local:80")
// are not addresses: a Resolver makes addresses of them.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/contract/result.h"

namespace sluice {

class Address {
 public:
  enum class Family : std::uint8_t { kIpv4, kIpv6, kUnix };

  // 0.0.0.0:0.
  Address() = default;

  // `bytes` in network order; an IPv4 address uses the first four.
  static Address Ipv4(std::array<std::uint8_t, 4> bytes, std::uint16_t port);
  static Address Ipv6(std::array<std::uint8_t, 16> bytes, std::uint16_t port);
  static Address Unix(std::string path);

  // Reads "127.0.0.1:80", "[::1]:80" or "unix:/path". Fails with kInvalidOption, and so for names.
  static Result<Address> Parse(std::string_view text);

  // Reads a bare "10.0.0.1" or "::1" and gives it port 0.
  static Result<Address> ParseIp(std::string_view text);

  [[nodiscard]] Family family() const { return family_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Address WithPort(std::uint16_t port) const;

  // What Parse() reads.
  [[nodiscard]] std::string ToString() const;

  // Appends the address without the port ("10.0.0.1", "::1", "unix"); allocates nothing while `out`
  // has capacity.
  void AppendHost(std::string& out) const;

  friend bool operator==(const Address&, const Address&) = default;
  friend auto operator<=>(const Address&, const Address&) = default;

 private:
  Family family_ = Family::kIpv4;
  std::uint16_t port_ = 0;
  std::array<std::uint8_t, 16> bytes_{};
  std::string path_;
};

// A block of addresses such as "10.0.0.0/8" or "::1/128"; a bare address is a block of one.
class AddressBlock {
 public:
  // Fails with kInvalidOption.
  static Result<AddressBlock> Parse(std::string_view text);

  // An IPv4-mapped IPv6 address is matched as IPv4. Unix addresses are in no block.
  [[nodiscard]] bool Contains(const Address& address) const;

 private:
  Address base_;
  int prefix_bits_ = 0;
};

}  // namespace sluice
