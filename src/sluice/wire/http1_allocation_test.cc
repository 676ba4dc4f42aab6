// Promise: after the first messages of a connection, reading a head, a body and its trailers, and
// writing both heads anew, allocates nothing. Counted by replacing operator new, so this file is an
// executable of its own.

#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "sluice/contract/allocation_count.h"
#include "sluice/contract/random.h"
#include "sluice/wire/http1_body.h"
#include "sluice/wire/http1_head_reader.h"
#include "sluice/wire/http1_write.h"
#include "sluice/wire/path.h"
#include "sluice/wire/traceparent.h"

namespace sluice::wire {
namespace {

// One exchange as the gateway does it, with everything it reuses.
class Exchange {
 public:
  void Run(std::string_view request, std::string_view response) {
    requests_.Reset();
    out_.clear();
    const Result<HeadProgress> request_head = requests_.Feed(request);
    ASSERT_TRUE(request_head && request_head->complete);
    const RequestHead& head = requests_.head();
    trace_.clear();
    AppendTraceParent(NewTraceParent(random_), trace_);
    const Result<std::string_view> path = NormalizePath(head.path, path_);
    const std::array extra{ExtraHeader{"traceparent", trace_}};
    ASSERT_TRUE(
        AppendRequestHead(head, {.path = *path, .extra = extra, .drop = kIdentityHeaders}, out_));
    Drain(request.substr(request_head->consumed), head.framing, head.content_length);

    responses_.Reset(head.method);
    out_.clear();
    const Result<HeadProgress> response_head = responses_.Feed(response);
    ASSERT_TRUE(response_head && response_head->complete);
    ASSERT_TRUE(AppendResponseHead(responses_.head(), {.request_method = head.method}, out_));
    Drain(response.substr(response_head->consumed), responses_.head().framing,
          responses_.head().content_length);
  }

 private:
  void Drain(std::string_view body, BodyFraming framing, std::uint64_t content_length) {
    body_.Start(framing, content_length, Side::kClient);
    while (!body.empty() && !body_.finished()) {
      const Result<BodyPiece> piece = body_.Next(body);
      ASSERT_TRUE(piece.has_value());
      if (!piece->data.empty()) AppendChunkHeader(piece->data.size(), out_);
      body.remove_prefix(piece->consumed);
    }
    ASSERT_TRUE(body_.finished());
    if (framing == BodyFraming::kChunked) AppendLastChunk(body_.trailers(), out_);
  }

  Random random_{1};
  RequestHeadReader requests_;
  ResponseHeadReader responses_;
  BodyDecoder body_;
  std::string out_;
  std::string path_;
  std::string trace_;
};

TEST(Http1Allocation, AnExchangeInSteadyStateAllocatesNothing) {
  std::string request = "POST /%61/../search?q=1 HTTP/1.1\r\nHost: booking.local:8080\r\n";
  for (int i = 0; i < 60; ++i)
    request += "x-header-" + std::to_string(i) + ": some value here\r\n";
  request +=
      "Transfer-Encoding: chunked\r\nConnection: keep-alive, x-header-1\r\n\r\n"
      "5;x=y\r\nhello\r\n0\r\nx-checksum: 0123456789abcdef\r\n\r\n";
  const std::string response =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello";
  Exchange exchange;
  exchange.Run(request, response);
  exchange.Run(request, response);
  const std::uint64_t before = AllocationCount();
  for (int i = 0; i < 100; ++i)
    exchange.Run(request, response);
  EXPECT_EQ(AllocationCount() - before, 0U);
}

}  // namespace
}  // namespace sluice::wire
