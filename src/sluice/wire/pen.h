// Pen: appends pieces to a string whose room is made beforehand: one memcpy a piece, no checks.
//
// For what is written once per request: heads, log lines, trace ids. The caller states an upper
// bound of what it will write; a pen that writes beyond it is undefined.

#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "sluice/wire/ascii.h"

namespace sluice::wire {

class Pen {
 public:
  static constexpr std::size_t kNumberRoom = 20;  // Digits of the largest number.

  // `room` is an upper bound of what will be written, in bytes.
  Pen(std::string& out, std::size_t room) : out_(out), start_(out.size()) {
    if (out.capacity() < start_ + room) out.reserve(std::max(start_ + room, out.capacity() * 2));
    out.resize_and_overwrite(start_ + room, [](char*, std::size_t size) { return size; });
    at_ = out.data() + start_;
  }
  Pen(const Pen&) = delete;
  Pen& operator=(const Pen&) = delete;
  ~Pen() {
    // Shrinks: nothing is filled.
    const auto size = static_cast<std::size_t>(at_ - out_.data());
    out_.resize_and_overwrite(size, [](char*, std::size_t kept) { return kept; });
  }

  Pen& operator<<(std::string_view text) {
    // An empty view may have no address, which memcpy must not be given.
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  Pen& operator<<(char c) {
    *at_++ = c;
    return *this;
  }
  Pen& operator<<(std::uint64_t number) {
    at_ = std::to_chars(at_, at_ + kNumberRoom, number).ptr;
    return *this;
  }
  // A number below 1000, with leading zeros.
  void ThreeDigits(std::uint64_t number) {
    *at_++ = static_cast<char>('0' + number / 100);
    *at_++ = static_cast<char>('0' + number / 10 % 10);
    *at_++ = static_cast<char>('0' + number % 10);
  }
  // Two lower-case digits a byte.
  void Hex(std::span<const std::uint8_t> bytes) {
    for (const std::uint8_t byte : bytes) {
      *at_++ = kHexLower[byte / 16U];
      *at_++ = kHexLower[byte % 16U];
    }
  }
  // A field line of a head or trailer.
  void Field(std::string_view name, std::string_view value) {
    *this << name << ": " << value << "\r\n";
  }
  // Forgets what this pen has written.
  void Discard() { at_ = out_.data() + start_; }

 private:
  std::string& out_;
  std::size_t start_;
  char* at_ = nullptr;
};

}  // namespace sluice::wire
