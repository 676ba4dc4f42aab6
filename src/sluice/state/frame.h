// Frames: records in a file, each with its length and checksums, so that a reader knows a torn end
// from a damaged middle.
//
//   frame  = length crc-of-payload crc-of-header payload
//   length = u32, 1 .. kRecordBytesMax; the checksums are CRC-32C (RFC 3720 appendix B.4), of the
//            payload, and of the eight bytes before; all little-endian
//
// A torn end (the process or the machine stopped while writing) is dropped without harm: what was
// synced stands before it. Damage with more behind it is another matter: records that were safe
// are lost, so whoever reads must not go on as if they had never been.
//
// Pure; any thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/bytes.h"

namespace sluice::state {

inline constexpr Bytes kRecordBytesMax = 16 * kMiB;

[[nodiscard]] std::uint32_t Crc32c(ByteView bytes);

// Appends the frame of `record`, which has 1 .. kRecordBytesMax bytes.
void AppendFrame(ByteView record, std::string& out);

enum class FileEnd : std::uint8_t { kWhole, kTorn, kDamaged };

struct Frames {
  std::vector<std::string> records;  // In order, up to what cannot be read.
  Bytes good_bytes = 0;              // Of the file, up to there.
  FileEnd end = FileEnd::kWhole;
};
[[nodiscard]] Frames ReadFrames(ByteView file);

}  // namespace sluice::state
