// HeadLines: gathers the bytes of one head and gives them to a reader line by line.
//
// Lines end in CRLF and nothing else. A line is looked at when it is complete; only its length and
// the very first byte are judged before. So what is found depends on the bytes alone, not on how
// they were cut, and yet a bad line is refused at once instead of at the end of the head.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "sluice/contract/bytes.h"
#include "sluice/wire/ascii.h"
#include "sluice/wire/refusal.h"

namespace sluice::wire {

class HeadLines {
 public:
  HeadLines(Bytes start_line_max, Bytes block_max)
      : start_line_max_(start_line_max), block_max_(block_max) {}

  // Takes from `bytes` what belongs to the head, and counts it in `consumed`. `Reader` has
  //   Refusal TakeFirstByte(char), TakeStartLine(line), TakeField(line), Finish();
  //   ErrorCode start_line_too_long();
  //   void MoveViews(const char* from, const char* to, Bytes size);
  // with lines that are views of this buffer, without their CRLF.
  template <typename Reader>
  Refusal Feed(ByteView bytes, Bytes& consumed, Reader& reader);

  [[nodiscard]] bool complete() const { return stage_ == Stage::kComplete; }
  [[nodiscard]] ByteView bytes() const { return {buffer_.get(), size_}; }
  // Lowers the case of a view of bytes(), in place. An empty view may be of anything.
  void LowerCase(std::string_view view) {
    if (view.empty()) return;
    char* at = buffer_.get() + (view.data() - buffer_.get());
    for (std::size_t i = 0; i < view.size(); ++i)
      at[i] = ToLower(at[i]);
  }

  // Forgets the head and keeps the memory.
  void Clear() {
    size_ = line_start_ = section_start_ = 0;
    stage_ = Stage::kStartLine;
  }

 private:
  enum class Stage : std::uint8_t { kStartLine, kFields, kComplete, kFailed };
  static constexpr Bytes kCapacityMin = kKiB;

  template <typename Reader>
  Refusal Take(ByteView part, Reader& reader);
  template <typename Reader>
  Refusal TakeLine(Reader& reader);
  template <typename Reader>
  void Append(ByteView part, Reader& reader);

  Bytes start_line_max_;
  Bytes block_max_;
  std::unique_ptr<char[]> buffer_;
  Bytes capacity_ = 0;
  Bytes size_ = 0;
  Bytes line_start_ = 0;
  Bytes section_start_ = 0;  // Of the start line or of the header block: what a limit counts from.
  Stage stage_ = Stage::kStartLine;
};

template <typename Reader>
Refusal HeadLines::Feed(ByteView bytes, Bytes& consumed, Reader& reader) {
  if (stage_ == Stage::kFailed || stage_ == Stage::kComplete) {
    return Refuse("bytes after the end of a head that was not reset");
  }
  Refusal refusal = kFine;
  if (size_ == 0 && !bytes.empty()) refusal = reader.TakeFirstByte(bytes.front());
  while (!refusal && stage_ != Stage::kComplete && consumed < bytes.size()) {
    const char* from = bytes.data() + consumed;
    const Bytes left = bytes.size() - consumed;
    const auto* lf = static_cast<const char*>(std::memchr(from, '\n', left));
    const Bytes taken = lf == nullptr ? left : static_cast<Bytes>(lf - from) + 1;
    refusal = Take({from, taken}, reader);
    if (!refusal && lf != nullptr) refusal = TakeLine(reader);
    consumed += taken;
  }
  if (refusal) stage_ = Stage::kFailed;
  return refusal;
}

template <typename Reader>
Refusal HeadLines::Take(ByteView part, Reader& reader) {
  const Bytes section = size_ - section_start_ + part.size();
  if (stage_ == Stage::kStartLine && section > start_line_max_) {
    return {.code = reader.start_line_too_long(), .rule = "the start line is too long"};
  }
  if (stage_ == Stage::kFields && section > block_max_) {
    return {.code = ErrorCode::kHeadTooLarge, .rule = "the header block is too large"};
  }
  Append(part, reader);
  return kFine;
}

template <typename Reader>
Refusal HeadLines::TakeLine(Reader& reader) {
  std::string_view line(buffer_.get() + line_start_, size_ - line_start_);
  if (line.size() < 2 || line[line.size() - 2] != '\r') return Refuse("a line ends in a bare LF");
  line.remove_suffix(2);
  line_start_ = size_;
  if (stage_ == Stage::kStartLine) {
    stage_ = Stage::kFields;
    section_start_ = size_;
    return reader.TakeStartLine(line);
  }
  if (!line.empty()) return reader.TakeField(line);
  stage_ = Stage::kComplete;
  return reader.Finish();
}

template <typename Reader>
void HeadLines::Append(ByteView part, Reader& reader) {
  if (size_ + part.size() > capacity_) {
    const Bytes grown = std::max({capacity_ * 2, size_ + part.size(), kCapacityMin});
    const Bytes capacity = std::min(grown, start_line_max_ + block_max_);
    auto buffer = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(buffer.get(), buffer_.get(), size_);
    reader.MoveViews(buffer_.get(), buffer.get(), size_);
    buffer_ = std::move(buffer);
    capacity_ = capacity;
  }
  std::memcpy(buffer_.get() + size_, part.data(), part.size());
  size_ += part.size();
}

}  // namespace sluice::wire
