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

void CompressPart(SipState& state, std::string_view part) {
  state.Compress<1>(part.size());
  std::uint64_t word = 0;
  while (part.size() >= kWordBytes) {
    std::memcpy(&word, part.data(), kWordBytes);
    state.Compress<1>(word);
    part.remove_prefix(kWordBytes);
  }
  if (part.empty()) return;
  word = 0;
  std::memcpy(&word, part.data(), part.size());
  state.Compress<1>(word);
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
