// Recorded exchanges, for the tests of this room.

#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/warmup/corpus.h"
#include "sluice/wire/recording/recorded_exchange.h"

namespace sluice::warmup {

// The second `number` of a recording; `fields` are whole lines of the request's head.
inline wire::recording::RecordedExchange Recorded(std::string_view method,
                                                  std::string_view target,
                                                  int status = 200,
                                                  std::string_view fields = {}) {
  wire::recording::RecordedExchange exchange;
  exchange.started = WallTime(std::chrono::seconds(1'767'225'600));
  exchange.duration = std::chrono::milliseconds(6);
  exchange.upstream_duration = std::chrono::milliseconds(5);
  exchange.route = "all";
  exchange.upstream = "booking";
  exchange.endpoint = "10.0.0.2:80";
  exchange.request.head = std::string(method) + " " + std::string(target) +
                          " HTTP/1.1\r\nHost: booking.test\r\n" + std::string(fields);
  exchange.response.head = "HTTP/1.1 " + std::to_string(status) + " Said\r\n";
  FillFromHeads(exchange);
  return exchange;
}

// `count` exchanges like `one`, `apart` from each other.
inline void AddMany(std::vector<wire::recording::RecordedExchange>& list,
                    const wire::recording::RecordedExchange& one,
                    std::size_t count,
                    Nanos apart = std::chrono::milliseconds(10)) {
  for (std::size_t i = 0; i < count; ++i) {
    list.push_back(one);
    list.back().started += apart * static_cast<Nanos::rep>(i);
  }
}

inline Corpus CorpusOf(const std::vector<wire::recording::RecordedExchange>& list,
                       const CorpusOptions& options = {},
                       const std::vector<traffic::archive::ClassCount>& counts = {}) {
  CorpusBuilder builder(options, counts);
  for (const wire::recording::RecordedExchange& exchange : list)
    builder.Add(exchange);
  return builder.Finish();
}

}  // namespace sluice::warmup
