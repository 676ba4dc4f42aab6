#include "sluice/limit/key_hash.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

namespace sluice::limit {

namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they lie");

// The four words of SipHash's state and its two operations, named as in the paper.
struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void Round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void Compress(std::uint64_t word) {
    v3 ^= word;
    Round();
    v0 ^= word;
  }
};

constexpr std::size_t kWordBytes = 8;

void CompressPart(SipState& state, std::string_view part) {
  state.Compress(part.size());
  std::uint64_t word = 0;
  while (part.size() >= kWordBytes) {
    std::memcpy(&word, part.data(), kWordBytes);
    state.Compress(word);
    part.remove_prefix(kWordBytes);
  }
  if (part.empty()) return;
  word = 0;
  std::memcpy(&word, part.data(), part.size());
  state.Compress(word);
}

constexpr std::size_t FramedBytes(std::string_view part) {
  return kWordBytes + (part.size() + kWordBytes - 1) / kWordBytes * kWordBytes;
}

}  // namespace

std::uint64_t KeyHasher::Hash(std::span<const std::string_view> parts) const {
  SipState state{.v0 = secret0_ ^ 0x736f6d6570736575U,
                 .v1 = secret1_ ^ 0x646f72616e646f6dU,
                 .v2 = secret0_ ^ 0x6c7967656e657261U,
                 .v3 = secret1_ ^ 0x7465646279746573U};
  std::size_t bytes = 0;
  for (const std::string_view part : parts) {
    CompressPart(state, part);
    bytes += FramedBytes(part);
  }
  state.Compress(static_cast<std::uint64_t>(bytes) << 56U);
  state.v2 ^= 0xff;
  state.Round();
  state.Round();
  state.Round();
  const std::uint64_t hash = state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
  return std::max<std::uint64_t>(hash, 1);
}

}  // namespace sluice::limit
