// The second opinion on chunked bodies: llhttp reads every byte that our scanner has accepted.

#pragma once

#include <cstdint>

#include <llhttp.h>

#include "sluice/contract/bytes.h"
#include "sluice/wire/refusal.h"

namespace sluice::wire {

class LlhttpChunks {
 public:
  LlhttpChunks();
  LlhttpChunks(const LlhttpChunks&) = delete;
  LlhttpChunks& operator=(const LlhttpChunks&) = delete;

  // Begins a new body.
  void Start();

  // Gives it the bytes our scanner took, with what it has found up to there. Refuses where llhttp
  // refuses, has seen another amount of content, or sees the end elsewhere.
  Refusal Compare(ByteView consumed, std::uint64_t content_bytes, bool finished);

 private:
  struct Seen {
    std::uint64_t content_bytes = 0;
    bool finished = false;
  };
  static const llhttp_settings_t& Settings();
  static int OnBody(llhttp_t* parser, const char* at, std::size_t size);
  static int OnMessageComplete(llhttp_t* parser);

  llhttp_t at_body_{};  // As it is behind the head of a chunked message; copied for each body.
  llhttp_t parser_{};
  Seen seen_;
};

}  // namespace sluice::wire
