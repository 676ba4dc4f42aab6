#include "sluice/wire/recording/block.h"

#include <array>

#include <fmt/format.h>
#include <zstd.h>

namespace sluice::wire::recording {
namespace {

// Level 1 costs half of the default and packs JSON nearly as well.
constexpr int kLevel = 1;
constexpr std::size_t kParts = 4;
constexpr std::size_t kSizesBytes = 4 * kParts;

void AppendSize(std::size_t size, std::string& out) {
  for (unsigned shift = 0; shift < 32; shift += 8)
    out += static_cast<char>((size >> shift) & 0xffU);
}

std::size_t ReadSize(std::string_view bytes) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < 4; ++i)
    size |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return size;
}

std::unexpected<Error> Broken(std::string detail) {
  return Fail(ErrorCode::kInvalidOption, std::move(detail));
}

}  // namespace

RecordPlace AppendRecord(const RecordedExchange& exchange, std::string& content) {
  const std::array<const std::string*, kParts> parts{&exchange.request.head, &exchange.request.body,
                                                     &exchange.response.head,
                                                     &exchange.response.body};
  RecordPlace place{.offset = content.size(), .size = 0};
  for (const std::string* part : parts)
    AppendSize(part->size(), content);
  for (const std::string* part : parts)
    content += *part;
  place.size = content.size() - place.offset;
  return place;
}

Result<void> ReadRecord(std::string_view content,
                        const RecordPlace& place,
                        RecordedExchange& exchange) {
  if (place.offset > content.size() || place.size > content.size() - place.offset ||
      place.size < kSizesBytes) {
    return Broken(fmt::format("a record of {} bytes at {} is not within its block of {}",
                              place.size, place.offset, content.size()));
  }
  const std::string_view record = content.substr(place.offset, place.size);
  std::string_view rest = record.substr(kSizesBytes);
  const std::array<std::string*, kParts> parts{&exchange.request.head, &exchange.request.body,
                                               &exchange.response.head, &exchange.response.body};
  for (std::size_t i = 0; i < kParts; ++i) {
    const std::size_t size = ReadSize(record.substr(4 * i));
    if (size > rest.size()) return Broken("a part of a record is longer than the record");
    parts[i]->assign(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  if (!rest.empty()) return Broken("a record is longer than its parts");
  return {};
}

struct BlockPacker::Context {
  ZSTD_CCtx* zstd = ZSTD_createCCtx();
};

BlockPacker::BlockPacker() : context_(std::make_unique<Context>()) {}

BlockPacker::~BlockPacker() {
  ZSTD_freeCCtx(context_->zstd);
}

Result<void> BlockPacker::Pack(std::string_view content, std::string& out) {
  out.resize(ZSTD_compressBound(content.size()));
  const std::size_t size = ZSTD_compressCCtx(context_->zstd, out.data(), out.size(), content.data(),
                                             content.size(), kLevel);
  if (ZSTD_isError(size) != 0) {
    return Fail(ErrorCode::kInputOutput,
                fmt::format("a block could not be packed: {}", ZSTD_getErrorName(size)));
  }
  out.resize(size);
  return {};
}

Result<void> UnpackBlock(std::string_view block, std::string& out) {
  const unsigned long long size = ZSTD_getFrameContentSize(block.data(), block.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
    return Broken("a block is no zstd frame that tells its size");
  if (size > kBlockBytesMax)
    return Broken(fmt::format("a block of {} bytes, at most {}", size, kBlockBytesMax));
  out.resize(size);
  const std::size_t got = ZSTD_decompress(out.data(), out.size(), block.data(), block.size());
  if (ZSTD_isError(got) != 0 || got != size) {
    return Broken(fmt::format("a block cannot be unpacked: {}",
                              ZSTD_isError(got) != 0 ? ZSTD_getErrorName(got) : "wrong size"));
  }
  return {};
}

}  // namespace sluice::wire::recording
