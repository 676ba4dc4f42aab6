// MessageReader: reads HTTP/1.1 messages, for simulated clients and upstreams.
//
// Written apart from src/sluice/wire on purpose: it checks what the gateway says, so it must not
// share the gateway's mistakes. Strict where the gateway has to be right (CRLF line ends, one
// Content-Length, chunk syntax of RFC 9112 section 7.1), and short.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/contract/bytes.h"

namespace sluice::scenario {

struct Message {
  std::string start_line;
  std::string method;  // Of a request.
  std::string target;
  int status = 0;  // Of a response.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::vector<std::pair<std::string, std::string>> trailers;

  // The first value of `name`, in any case.
  [[nodiscard]] std::optional<std::string_view> Find(std::string_view name) const;
  // True when one of the comma-separated values of `name` is `token`, in any case.
  [[nodiscard]] bool Lists(std::string_view name, std::string_view token) const;
};

[[nodiscard]] bool EqualsIgnoringCase(std::string_view left, std::string_view right);

class MessageReader {
 public:
  enum class Side : std::uint8_t { kRequests, kResponses };

  explicit MessageReader(Side side) : side_(side) {}

  // Begins the next message with what is left of the bytes. `method` is the request's, when a
  // response is awaited (HEAD and CONNECT change its body).
  void Begin(std::string_view method = {});

  void Feed(ByteView bytes);
  // The stream ended: completes a response that lasts until the end.
  void FeedEnd();

  [[nodiscard]] bool complete() const { return state_ == State::kComplete; }
  [[nodiscard]] bool head_complete() const { return state_ > State::kHead; }
  // True when not a byte of the message has come.
  [[nodiscard]] bool untouched() const { return state_ == State::kHead && buffer_.empty(); }
  // What is wrong with the message; empty while nothing is.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] const Message& message() const { return message_; }
  // Statuses of the 1xx responses that came before this one.
  [[nodiscard]] const std::vector<int>& interim() const { return interim_; }
  [[nodiscard]] Bytes left_over() const { return buffer_.size(); }

 private:
  enum class State : std::uint8_t {
    kHead,
    kBodyLength,
    kBodyToEnd,
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailers,
    kComplete,
    kBroken,
  };

  bool Advance();
  bool ReadHead();
  bool ReadStartLine(std::string_view line);
  bool ReadFields(std::string_view text, std::vector<std::pair<std::string, std::string>>& fields);
  bool ChooseBody();
  bool ReadChunkSize();
  bool ReadTrailers();
  bool TakeBody();
  bool Break(std::string problem);

  Side side_;
  State state_ = State::kHead;
  std::string buffer_;
  std::string method_;
  Message message_;
  Bytes body_left_ = 0;
  std::vector<int> interim_;
  std::string problem_;
};

}  // namespace sluice::scenario
