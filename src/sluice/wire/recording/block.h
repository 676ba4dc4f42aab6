// Blocks: the bytes of some exchanges, compressed together. docs/formats/recording.md has the whole
// schema; this is its binary part.
//
//   block  = one zstd frame (RFC 8878) that tells the size of its content
//   content = *record
//   record = sizes request-head request-body response-head response-body
//   sizes  = 4 times u32, little-endian, of the four parts in their order
//
// About 64 exchanges make a block: enough for the compressor to find what requests have in common,
// little enough to read one exchange without reading much.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sluice/contract/bytes.h"
#include "sluice/contract/result.h"
#include "sluice/wire/recording/recorded_exchange.h"

namespace sluice::wire::recording {

inline constexpr std::size_t kBlockExchanges = 64;
// A block ends with the record that takes it over this size.
inline constexpr Bytes kBlockBytes = 4 * kMiB;
// A larger one is refused by readers: no writer makes it.
inline constexpr Bytes kBlockBytesMax = 64 * kMiB;

struct RecordPlace {
  std::uint64_t offset = 0;  // In the content of the block.
  std::uint64_t size = 0;
};

// Appends the record of an exchange to the content of a block.
RecordPlace AppendRecord(const RecordedExchange& exchange, std::string& content);

// Sets the heads and bodies of `exchange` from its record; body_bytes is left alone. Fails with
// kInvalidOption where the place is not within `content` or the sizes do not fit.
[[nodiscard]] Result<void> ReadRecord(std::string_view content,
                                      const RecordPlace& place,
                                      RecordedExchange& exchange);

// Compresses blocks; keeps its working memory from one to the next.
class BlockPacker {
 public:
  BlockPacker();
  ~BlockPacker();
  BlockPacker(const BlockPacker&) = delete;
  BlockPacker& operator=(const BlockPacker&) = delete;

  // Replaces `out`. Fails with kInputOutput when memory is short.
  [[nodiscard]] Result<void> Pack(std::string_view content, std::string& out);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// Replaces `out` by the content. Fails with kInvalidOption where `block` is no such block.
[[nodiscard]] Result<void> UnpackBlock(std::string_view block, std::string& out);

}  // namespace sluice::wire::recording
