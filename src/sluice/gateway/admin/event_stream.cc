#include "sluice/gateway/admin/event_stream.h"

#include <array>
#include <string>

#include <fmt/format.h>

namespace sluice::gateway::admin {
namespace {

constexpr Nanos kLookInterval = std::chrono::milliseconds(200);
constexpr Nanos kSendMax = std::chrono::seconds(10);
// A line now and then, so that a client that has gone is noticed.
constexpr int kLooksPerComment = 75;
constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n"
    "connection: close\r\n\r\n";

}  // namespace

Task<void> StreamEvents(
    Loop& loop, Stream& stream, const EventFeed& feed, std::uint64_t after, const bool& stopping) {
  std::string output(kHead);
  int look = 0;
  while (!stopping) {
    for (const FeedEvent& event : feed.Since(after)) {
      output +=
          fmt::format("id: {}\nevent: {}\ndata: {}\n\n", event.number, event.kind, event.data);
      after = event.number;
    }
    if (output.empty() && look % kLooksPerComment == 0) output = ":\n\n";
    if (!output.empty()) {
      const std::array<ByteView, 1> segments = {ByteView(output)};
      const SteadyTime deadline = loop.now() + kSendMax;
      const Result<void> sent = co_await stream.Send(segments, deadline);
      if (!sent) co_return;
      output.clear();
    }
    ++look;
    co_await loop.SleepUntil(loop.now() + kLookInterval);
  }
}

}  // namespace sluice::gateway::admin
