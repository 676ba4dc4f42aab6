#include "sluice/wire/llhttp_check.h"

#include <cstddef>

#include <llhttp.h>

namespace sluice::wire {
namespace {

int CountField(llhttp_t* parser) {
  ++*static_cast<std::size_t*>(parser->data);
  return HPE_OK;
}

// Pausing keeps llhttp from going on to a body: what it knows of the head stays readable.
int PauseAfterHead(llhttp_t* /*parser*/) {
  return HPE_PAUSED;
}

constexpr llhttp_settings_t MakeSettings() {
  llhttp_settings_t settings{};
  settings.on_header_field_complete = &CountField;
  settings.on_headers_complete = &PauseAfterHead;
  return settings;
}
constexpr llhttp_settings_t kSettings = MakeSettings();

class Opinion {
 public:
  Opinion(llhttp_type_t type, ByteView head) {
    llhttp_init(&parser_, type, &kSettings);
    parser_.data = &fields_;
    error_ = llhttp_execute(&parser_, head.data(), head.size());
    const char* end = llhttp_get_error_pos(&parser_);
    // Paused at the last byte or behind it, depending on what follows: both are the whole head.
    took_all_ = end != nullptr && head.data() + head.size() - end <= 1;
  }
  Opinion(const Opinion&) = delete;
  Opinion& operator=(const Opinion&) = delete;

  [[nodiscard]] llhttp_errno_t error() const { return error_; }
  [[nodiscard]] const llhttp_t& parser() const { return parser_; }

  // The comparison that requests and responses share.
  [[nodiscard]] Refusal Compare(const HeadFacts& facts) const {
    if (error_ != HPE_PAUSED) return Refuse("llhttp refuses the head");
    if (!took_all_) return Refuse("llhttp ends the head elsewhere");
    if (parser_.http_major != 1 || parser_.http_minor != facts.minor_version) {
      return Refuse("llhttp reads another version");
    }
    if (fields_ != facts.fields) return Refuse("llhttp counts other header fields");
    const bool is_chunked = (parser_.flags & F_CHUNKED) != 0;
    const bool has_encoding = (parser_.flags & F_TRANSFER_ENCODING) != 0;
    const bool has_length = (parser_.flags & F_CONTENT_LENGTH) != 0;
    if (is_chunked != facts.is_chunked || has_encoding != facts.is_chunked ||
        has_length != facts.has_content_length) {
      return Refuse("llhttp reads another framing");
    }
    if (has_length && parser_.content_length != facts.content_length) {
      return Refuse("llhttp reads another length");
    }
    return kFine;
  }

 private:
  llhttp_t parser_;
  std::size_t fields_ = 0;
  llhttp_errno_t error_ = HPE_OK;
  bool took_all_ = false;
};

}  // namespace

Refusal CheckRequestWithLlhttp(ByteView head, std::string_view method, const HeadFacts& facts) {
  const Opinion opinion(HTTP_REQUEST, head);
  // The scan has seen a token and "HTTP/1.x", so a wrong constant can only be the method's.
  if (opinion.error() == HPE_INVALID_METHOD || opinion.error() == HPE_INVALID_CONSTANT) {
    return {.code = ErrorCode::kMethodNotAllowed, .rule = "the method is not a registered one"};
  }
  if (const Refusal refusal = opinion.Compare(facts)) return refusal;
  const llhttp_t& parser = opinion.parser();
  if (method != llhttp_method_name(static_cast<llhttp_method_t>(parser.method))) {
    return Refuse("llhttp reads another method");
  }
  const bool upgrades = facts.asks_upgrade() || parser.method == HTTP_CONNECT;
  if ((parser.upgrade != 0) != upgrades) return Refuse("llhttp reads another upgrade");
  return kFine;
}

Refusal CheckResponseWithLlhttp(ByteView head, int status, const HeadFacts& facts) {
  const Opinion opinion(HTTP_RESPONSE, head);
  if (const Refusal refusal = opinion.Compare(facts)) return refusal;
  const llhttp_t& parser = opinion.parser();
  if (parser.status_code != status) return Refuse("llhttp reads another status");
  const bool upgrades = status == 101 && facts.asks_upgrade();
  if ((parser.upgrade != 0) != upgrades) return Refuse("llhttp reads another upgrade");
  return kFine;
}

}  // namespace sluice::wire
