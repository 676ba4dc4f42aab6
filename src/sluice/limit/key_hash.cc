#include "sluice/limit/key_hash.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "sluice/contract/sip_state.h"

namespace sluice::limit {

namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they lie");

constexpr std::size_t kWordBytes = 8;

template <typename Word>
std::uint64_t Load(const char* from) {
  Word word = 0;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// 1 .. 7 bytes, the others zero: from two loads that may overlap, for a copy of so few bytes is a
// call.
std::uint64_t LoadFew(const char* from, std::size_t size) {
  if (size >= 4) {
    const std::uint64_t high = Load<std::uint32_t>(from + size - 4);
    return Load<std::uint32_t>(from) | high << (8 * (size - 4));
  }
  std::uint64_t word = Load<std::uint8_t>(from);
  if (size >= 2) word |= Load<std::uint8_t>(from + 1) << 8U;
  if (size == 3) word |= Load<std::uint8_t>(from + 2) << 16U;
  return word;
}

void CompressPart(SipState& state, std::string_view part) {
  state.Compress<1>(part.size());
  while (part.size() >= kWordBytes) {
    state.Compress<1>(Load<std::uint64_t>(part.data()));
    part.remove_prefix(kWordBytes);
  }
  if (!part.empty()) state.Compress<1>(LoadFew(part.data(), part.size()));
}

constexpr std::size_t FramedBytes(std::string_view part) {
  return kWordBytes + (part.size() + kWordBytes - 1) / kWordBytes * kWordBytes;
}

}  // namespace

std::uint64_t KeyHasher::Hash(std::span<const std::string_view> parts) const {
  SipState state(secret0_, secret1_);
  std::size_t bytes = 0;
  for (const std::string_view part : parts) {
    CompressPart(state, part);
    bytes += FramedBytes(part);
  }
  state.Compress<1>(static_cast<std::uint64_t>(bytes) << 56U);
  const std::uint64_t hash = state.Finalize<3>();
  return std::max<std::uint64_t>(hash, 1);
}

}  // namespace sluice::limit
