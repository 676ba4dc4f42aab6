// Moves the bytes of messages over non-blocking sockets; used by client and upstream alike.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace sluice::load {

enum class ReadState : std::uint8_t {
  kData,     // `data` holds bytes.
  kDrained,  // Nothing more for now.
  kEnded,    // The peer closed its side.
  kReset,    // The connection broke.
};

struct ReadResult {
  ReadState state = ReadState::kDrained;
  std::string_view data;  // A part of the buffer.
};

// One recv().
[[nodiscard]] ReadResult ReadSome(int fd, std::span<char> buffer);

// One message on its way out: a head that it owns and a body that it borrows.
class Outbox {
 public:
  enum class Flush : std::uint8_t { kDone, kBlocked, kFailed };

  // Replaces what was there. `body` outlives the sending.
  void Put(std::string_view head, std::string_view body);

  // Sends as much as the kernel takes.
  [[nodiscard]] Flush Send(int fd);

  [[nodiscard]] bool empty() const { return sent_ == head_.size() + body_.size(); }
  [[nodiscard]] bool untouched() const { return sent_ == 0; }
  void Clear();

 private:
  std::string head_;
  std::string_view body_;
  std::size_t sent_ = 0;
};

// Collects a head that arrives in pieces. Almost always it arrives whole and nothing is copied.
class HeadText {
 public:
  // What is known of the head so far, `data` included; valid until the next call.
  [[nodiscard]] std::string_view With(std::string_view data);

  // Keeps what With() returned for the next piece.
  void Keep(std::string_view seen);

  // Forgets the head. `head_bytes` of what With() returned were the head: returns how many of
  // them came from `data`.
  [[nodiscard]] std::size_t TakeHead(std::size_t head_bytes);

  [[nodiscard]] bool empty() const { return kept_.empty(); }
  void Clear();

 private:
  std::string kept_;
  std::size_t kept_before_ = 0;
};

}  // namespace sluice::load
