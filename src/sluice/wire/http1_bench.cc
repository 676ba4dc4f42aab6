// Question: what do reading and rewriting cost a request on its way through?
// Budget: reading a head of 268 bytes and 6 fields and writing it anew, 800 ns on the reference
// machine (bench/README.md); a 64 KiB body with a length, 50 ns.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "sluice/wire/http1_body.h"
#include "sluice/wire/http1_head_reader.h"
#include "sluice/wire/http1_write.h"
#include "sluice/wire/json_escape.h"
#include "sluice/wire/path.h"

namespace sluice::wire {
namespace {

constexpr std::string_view kRequest =
    "GET /api/v1/flights/search?from=SHA&to=PEK&date=2026-08-01 HTTP/1.1\r\n"
    "Host: booking.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0\r\n"
    "Accept: application/json\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "X-User-Id: 4711-0815-424\r\n"
    "Connection: keep-alive\r\n"
    "\r\n";
static_assert(kRequest.size() == 268);

constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 128\r\n"
    "Date: Sat, 01 Aug 2026 10:00:00 GMT\r\n"
    "Server: booking/1.4\r\n"
    "\r\n";

void BM_ReadRequestHead(benchmark::State& state) {
  RequestHeadReader reader;
  for (auto _ : state) {
    reader.Reset();
    benchmark::DoNotOptimize(reader.Feed(kRequest));
  }
}
BENCHMARK(BM_ReadRequestHead);

void BM_ReadAndRewriteRequestHead(benchmark::State& state) {
  RequestHeadReader reader;
  std::string out;
  std::string scratch;
  const std::array extra{
      ExtraHeader{"x-forwarded-for", "203.0.113.7"},
      ExtraHeader{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}};
  for (auto _ : state) {
    reader.Reset();
    out.clear();
    benchmark::DoNotOptimize(reader.Feed(kRequest));
    const Result<std::string_view> path = NormalizePath(reader.head().path, scratch);
    benchmark::DoNotOptimize(AppendRequestHead(
        reader.head(), {.path = *path, .extra = extra, .drop = kIdentityHeaders}, out));
  }
}
BENCHMARK(BM_ReadAndRewriteRequestHead);

void BM_ReadAndRewriteResponseHead(benchmark::State& state) {
  ResponseHeadReader reader;
  std::string out;
  for (auto _ : state) {
    reader.Reset(Method::kGet);
    out.clear();
    benchmark::DoNotOptimize(reader.Feed(kResponse));
    benchmark::DoNotOptimize(AppendResponseHead(reader.head(), {}, out));
  }
}
BENCHMARK(BM_ReadAndRewriteResponseHead);

void BM_ReadLengthBody(benchmark::State& state) {
  const std::string body(static_cast<std::size_t>(state.range(0)), 'x');
  BodyDecoder decoder;
  for (auto _ : state) {
    decoder.Start(BodyFraming::kLength, body.size(), Side::kUpstream);
    benchmark::DoNotOptimize(decoder.Next(body));
  }
}
BENCHMARK(BM_ReadLengthBody)->ArgName("bytes")->Arg(65536);

void BM_ReadChunkedBody(benchmark::State& state) {
  std::string body;
  AppendChunkHeader(static_cast<std::uint64_t>(state.range(0)), body);
  body.append(static_cast<std::size_t>(state.range(0)), 'x').append(kChunkEnd);
  AppendLastChunk(body);
  BodyDecoder decoder;
  for (auto _ : state) {
    decoder.Start(BodyFraming::kChunked, 0, Side::kUpstream);
    for (std::string_view rest = body; !decoder.finished();) {
      rest.remove_prefix(decoder.Next(rest)->consumed);
    }
  }
}
BENCHMARK(BM_ReadChunkedBody)->ArgName("bytes")->Arg(1024)->Arg(65536);

void BM_EscapeJson(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    AppendJsonString("Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0", out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(BM_EscapeJson);

}  // namespace
}  // namespace sluice::wire
