#include "sluice/contract/address.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::size_t kUnixPathBytesMax = 107;  // sun_path without its terminator.

std::optional<unsigned> ReadNumber(std::string_view text, int base, unsigned max) {
  unsigned value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (text.empty() || error != std::errc() || stop != end || value > max) return std::nullopt;
  return value;
}

std::optional<std::array<std::uint8_t, 4>> ReadIpv4(std::string_view text) {
  std::array<std::uint8_t, 4> bytes{};
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t dot = text.find('.');
    if ((i < 3) != (dot != std::string_view::npos)) return std::nullopt;
    const std::string_view part = text.substr(0, dot);
    if (part.size() > 1 && part.front() == '0') return std::nullopt;
    const std::optional<unsigned> value = ReadNumber(part, 10, 255);
    if (!value) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>(*value);
    text.remove_prefix(i < 3 ? dot + 1 : text.size());
  }
  return bytes;
}

// Reads colon-separated groups of hexadecimal digits into `groups`; the last may be an IPv4
// address.
bool ReadGroups(std::string_view text, std::array<std::uint16_t, 8>& groups, std::size_t& count) {
  count = 0;
  while (!text.empty()) {
    const std::size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    if (part.find('.') != std::string_view::npos && colon == std::string_view::npos) {
      const auto tail = ReadIpv4(part);
      if (!tail || count + 2 > groups.size()) return false;
      groups[count++] = static_cast<std::uint16_t>(((*tail)[0] << 8) | (*tail)[1]);
      groups[count++] = static_cast<std::uint16_t>(((*tail)[2] << 8) | (*tail)[3]);
      return true;
    }
    const std::optional<unsigned> value = ReadNumber(part, 16, 0xffff);
    if (!value || part.size() > 4 || count == groups.size()) return false;
    groups[count++] = static_cast<std::uint16_t>(*value);
    if (colon == std::string_view::npos) return true;
    text.remove_prefix(colon + 1);
    if (text.empty()) return false;  // A lone trailing colon.
  }
  return true;
}

std::optional<std::array<std::uint8_t, 16>> ReadIpv6(std::string_view text) {
  std::array<std::uint16_t, 8> head{};
  std::array<std::uint16_t, 8> tail{};
  std::size_t head_count = 0;
  std::size_t tail_count = 0;
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    if (!ReadGroups(text, head, head_count) || head_count != 8) return std::nullopt;
  } else {
    const std::string_view after = text.substr(gap + 2);
    if (after.find("::") != std::string_view::npos) return std::nullopt;
    if (!ReadGroups(text.substr(0, gap), head, head_count)) return std::nullopt;
    if (!ReadGroups(after, tail, tail_count)) return std::nullopt;
    if (head_count + tail_count > 7) return std::nullopt;
    std::copy_n(tail.begin(), tail_count, std::prev(head.end(), static_cast<int>(tail_count)));
  }
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[2 * i] = static_cast<std::uint8_t>(head[i] >> 8);
    bytes[2 * i + 1] = static_cast<std::uint8_t>(head[i] & 0xff);
  }
  return bytes;
}

void AppendIpv4(const std::array<std::uint8_t, 16>& bytes, std::string& out) {
  std::array<char, 15> text{};
  char* at = text.data();
  for (std::size_t i = 0; i < 4; ++i) {
    if (i != 0) *at++ = '.';
    at = std::to_chars(at, at + 3, bytes[i]).ptr;
  }
  out.append(text.data(), at);
}

void AppendIpv6(const std::array<std::uint8_t, 16>& bytes, std::string& out) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) {
    groups[i] = (static_cast<unsigned>(bytes[2 * i]) << 8U) | bytes[2 * i + 1];
  }
  // The longest run of at least two zero groups becomes "::" (RFC 5952 section 4.2).
  std::size_t gap_begin = 8;
  std::size_t gap_length = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t length = 0;
    while (i + length < 8 && groups[i + length] == 0)
      ++length;
    if (length > gap_length) {
      gap_begin = i;
      gap_length = length;
    }
  }
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == gap_begin) {
      out += "::";
      i += gap_length - 1;
      continue;
    }
    if (i != 0 && i != gap_begin + gap_length) out += ':';
    fmt::format_to(std::back_inserter(out), "{:x}", groups[i]);
  }
}

bool IsMapped(const std::array<std::uint8_t, 16>& bytes) {
  return std::all_of(bytes.begin(), bytes.begin() + 10, [](std::uint8_t b) { return b == 0; }) &&
         bytes[10] == 0xff && bytes[11] == 0xff;
}

}  // namespace

Address Address::Ipv4(std::array<std::uint8_t, 4> bytes, std::uint16_t port) {
  Address address;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  address.port_ = port;
  return address;
}

Address Address::Ipv6(std::array<std::uint8_t, 16> bytes, std::uint16_t port) {
  Address address;
  address.family_ = Family::kIpv6;
  address.bytes_ = bytes;
  address.port_ = port;
  return address;
}

Address Address::Unix(std::string path) {
  Address address;
  address.family_ = Family::kUnix;
  address.path_ = std::move(path);
  return address;
}

Address Address::WithPort(std::uint16_t port) const {
  Address copy = *this;
  copy.port_ = port;
  return copy;
}

Result<Address> Address::ParseIp(std::string_view text) {
  if (const auto ipv4 = ReadIpv4(text)) return Ipv4(*ipv4, 0);
  if (text.find(':') != std::string_view::npos) {
    if (const auto ipv6 = ReadIpv6(text)) return Ipv6(*ipv6, 0);
  }
  return Fail(ErrorCode::kInvalidOption, fmt::format("not an IP address: `{}`", text));
}

Result<Address> Address::Parse(std::string_view text) {
  if (text.starts_with(kUnixPrefix)) {
    const std::string_view path = text.substr(kUnixPrefix.size());
    if (path.empty() || path.size() > kUnixPathBytesMax) {
      return Fail(ErrorCode::kInvalidOption,
                  fmt::format("a unix path has 1..{} bytes, got `{}`", kUnixPathBytesMax, text));
    }
    return Unix(std::string(path));
  }
  const std::size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon == std::string_view::npos ? text.size() : colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const Result<Address> ip = ParseIp(host);
  const std::optional<unsigned> port = colon == std::string_view::npos
                                           ? std::nullopt
                                           : ReadNumber(text.substr(colon + 1), 10, 65535);
  if (!ip || !port || bracketed != (ip->family() == Family::kIpv6)) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("not an address: `{}`; write \"127.0.0.1:80\", \"[::1]:80\" or "
                            "\"unix:/path\"",
                            text));
  }
  return ip->WithPort(static_cast<std::uint16_t>(*port));
}

void Address::AppendHost(std::string& out) const {
  switch (family_) {
    case Family::kIpv4:
      AppendIpv4(bytes_, out);
      return;
    case Family::kIpv6:
      AppendIpv6(bytes_, out);
      return;
    case Family::kUnix:
      out += "unix";
      return;
  }
}

std::string Address::ToString() const {
  if (family_ == Family::kUnix) return fmt::format("{}{}", kUnixPrefix, path_);
  std::string host;
  AppendHost(host);
  return family_ == Family::kIpv6 ? fmt::format("[{}]:{}", host, port_)
                                  : fmt::format("{}:{}", host, port_);
}

Result<AddressBlock> AddressBlock::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const Result<Address> base = Address::ParseIp(text.substr(0, slash));
  if (!base) return std::unexpected(base.error());
  const unsigned bits_max = base->family() == Address::Family::kIpv4 ? 32 : 128;
  std::optional<unsigned> bits = bits_max;
  if (slash != std::string_view::npos) bits = ReadNumber(text.substr(slash + 1), 10, bits_max);
  if (!bits) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("the prefix of `{}` must be 0..{} bits", text, bits_max));
  }
  AddressBlock block;
  block.base_ = *base;
  block.prefix_bits_ = static_cast<int>(*bits);
  return block;
}

bool AddressBlock::Contains(const Address& address) const {
  if (address.family() == Address::Family::kUnix) return false;
  std::span<const std::uint8_t> bytes(address.bytes());
  Address::Family family = address.family();
  if (family == Address::Family::kIpv6 && base_.family() == Address::Family::kIpv4 &&
      IsMapped(address.bytes())) {
    bytes = bytes.subspan(12);
    family = Address::Family::kIpv4;
  }
  if (family != base_.family()) return false;
  const auto whole = static_cast<std::size_t>(prefix_bits_ / 8);
  const int rest = prefix_bits_ % 8;
  if (!std::equal(bytes.begin(), bytes.begin() + prefix_bits_ / 8, base_.bytes().begin())) {
    return false;
  }
  if (rest == 0) return true;
  const int mask = 0xff << (8 - rest);
  return (bytes[whole] & mask) == (base_.bytes()[whole] & mask);
}

}  // namespace sluice
