#include "sluice/wire/llhttp_chunks.h"

#include <string_view>

#include "sluice/contract/assert.h"

namespace sluice::wire {

const llhttp_settings_t& LlhttpChunks::Settings() {
  static constexpr llhttp_settings_t kChunkSettings = [] {
    llhttp_settings_t settings{};
    settings.on_body = &OnBody;
    settings.on_message_complete = &OnMessageComplete;
    return settings;
  }();
  return kChunkSettings;
}

LlhttpChunks::LlhttpChunks() {
  // Chunks are read alike in requests and responses, so one head stands for all.
  constexpr std::string_view kHead = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  llhttp_init(&at_body_, HTTP_REQUEST, &Settings());
  SLUICE_ASSERT(llhttp_execute(&at_body_, kHead.data(), kHead.size()) == HPE_OK);
}

void LlhttpChunks::Start() {
  seen_ = {};
  // A parser between two bytes holds no pointer but those to constants.
  parser_ = at_body_;
  parser_.data = &seen_;
}

Refusal LlhttpChunks::Compare(ByteView consumed, std::uint64_t content_bytes, bool finished) {
  if (llhttp_execute(&parser_, consumed.data(), consumed.size()) != HPE_OK) {
    return Refuse("llhttp refuses the chunks");
  }
  if (seen_.content_bytes != content_bytes)
    return Refuse("llhttp sees other content in the chunks");
  if (seen_.finished != finished) return Refuse("llhttp sees the end of the chunks elsewhere");
  return kFine;
}

int LlhttpChunks::OnBody(llhttp_t* parser, const char* /*at*/, std::size_t size) {
  static_cast<Seen*>(parser->data)->content_bytes += size;
  return HPE_OK;
}

int LlhttpChunks::OnMessageComplete(llhttp_t* parser) {
  static_cast<Seen*>(parser->data)->finished = true;
  return HPE_OK;
}

}  // namespace sluice::wire
