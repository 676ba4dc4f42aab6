#include "sluice/state/frame.h"

#include <algorithm>
#include <array>

#include "sluice/contract/assert.h"

namespace sluice::state {
namespace {

constexpr Bytes kHeaderBytes = 12;

constexpr std::array<std::uint32_t, 256> MakeTable() {
  constexpr std::uint32_t kPolynomial = 0x82f63b78U;  // Castagnoli's, bits reversed.
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value >> 1U) ^ ((value & 1U) != 0 ? kPolynomial : 0);
    table[i] = value;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kTable = MakeTable();

void AppendWord(std::uint32_t word, std::string& out) {
  for (int i = 0; i < 4; ++i) {
    out += static_cast<char>(word & 0xffU);
    word >>= 8U;
  }
}

std::uint32_t WordAt(ByteView bytes, Bytes offset) {
  std::uint32_t word = 0;
  for (Bytes i = 4; i > 0; --i)
    word = (word << 8U) | static_cast<unsigned char>(bytes[offset + i - 1]);
  return word;
}

bool IsZeros(ByteView bytes) {
  return std::ranges::all_of(bytes, [](char byte) { return byte == 0; });
}

}  // namespace

std::uint32_t Crc32c(ByteView bytes) {
  std::uint32_t value = ~0U;
  for (const char byte : bytes)
    value = kTable[(value ^ static_cast<unsigned char>(byte)) & 0xffU] ^ (value >> 8U);
  return ~value;
}

void AppendFrame(ByteView record, std::string& out) {
  SLUICE_ASSERT(!record.empty() && record.size() <= kRecordBytesMax);
  const Bytes begin = out.size();
  AppendWord(static_cast<std::uint32_t>(record.size()), out);
  AppendWord(Crc32c(record), out);
  AppendWord(Crc32c(ByteView(out).substr(begin)), out);
  out += record;
}

Frames ReadFrames(ByteView file) {
  Frames frames;
  ByteView rest = file;
  while (!rest.empty()) {
    frames.good_bytes = file.size() - rest.size();
    // Blocks that a stopped machine never wrote read as zeros.
    if (rest.size() < kHeaderBytes || IsZeros(rest)) {
      frames.end = FileEnd::kTorn;
      return frames;
    }
    const std::uint32_t length = WordAt(rest, 0);
    const bool has_header =
        WordAt(rest, 8) == Crc32c(rest.substr(0, 8)) && length >= 1 && length <= kRecordBytesMax;
    if (!has_header) {
      frames.end = FileEnd::kDamaged;
      return frames;
    }
    const ByteView payload = rest.substr(kHeaderBytes, length);
    const bool is_last = rest.size() <= kHeaderBytes + length;
    if (payload.size() < length || Crc32c(payload) != WordAt(rest, 4)) {
      frames.end = is_last ? FileEnd::kTorn : FileEnd::kDamaged;
      return frames;
    }
    frames.records.emplace_back(payload);
    rest.remove_prefix(kHeaderBytes + length);
  }
  frames.good_bytes = file.size();
  return frames;
}

}  // namespace sluice::state
