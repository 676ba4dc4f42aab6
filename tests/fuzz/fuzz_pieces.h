// What the harnesses share: exact copies of the input, so that reading one byte too far is seen by
// AddressSanitizer, and several ways to cut it.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace sluice::fuzz {

// A copy on the heap of just that size.
class ExactCopy {
 public:
  explicit ExactCopy(std::string_view bytes)
      : bytes_(std::make_unique_for_overwrite<char[]>(bytes.size())), size_(bytes.size()) {
    if (!bytes.empty()) std::memcpy(bytes_.get(), bytes.data(), bytes.size());
  }
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

// How the input arrives: whole, byte by byte, or in pieces whose sizes follow from the bytes.
enum class Cut : std::uint8_t { kWhole, kBytes, kPieces };
inline constexpr std::array kCuts{Cut::kWhole, Cut::kBytes, Cut::kPieces};

// The size of the next piece of `rest`; at least 1 where there is something left.
inline std::size_t PieceSize(std::string_view rest, Cut cut) {
  if (rest.empty() || cut == Cut::kWhole) return rest.size();
  if (cut == Cut::kBytes) return 1;
  const std::size_t wish = 1 + (static_cast<unsigned char>(rest.front()) * 7U + rest.size()) % 23U;
  return std::min(wish, rest.size());
}

inline std::string_view AsText(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace sluice::fuzz
