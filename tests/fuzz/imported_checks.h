// What holds of every imported exchange: heads are lines and nothing hides in them, and a HAR of it
// is read as the same exchange.

#pragma once

#include <string>
#include <string_view>

#include "sluice/contract/assert.h"
#include "sluice/wire/recording/curl_command.h"
#include "sluice/wire/recording/har.h"
#include "sluice/wire/recording/imported.h"

namespace sluice::fuzz {

inline void CheckHead(std::string_view head) {
  if (head.empty()) return;
  SLUICE_ASSERT(head.ends_with("\r\n"));
  SLUICE_ASSERT(head.find("\r\n\r\n") == std::string_view::npos);
}

inline void CheckImported(const wire::recording::Imported& imported) {
  SLUICE_ASSERT(imported.problems.size() <= wire::recording::Imported::kProblemsMax);
  SLUICE_ASSERT(imported.problems.size() <= imported.unreadable);
  for (const wire::recording::RecordedExchange& exchange : imported.exchanges) {
    CheckHead(exchange.request.head);
    CheckHead(exchange.response.head);
    SLUICE_ASSERT(CurlCommand(exchange).find("curl") != std::string::npos);
    std::string har;
    wire::recording::AppendHarBegin("fuzz", har);
    AppendHarEntry(exchange, wire::recording::HarPlace::kFirst, har);
    wire::recording::AppendHarEnd(har);
    const wire::recording::Imported again = wire::recording::ReadHar(har);
    SLUICE_ASSERT(again.exchanges.size() + again.unreadable == 1);
    if (again.exchanges.empty()) continue;
    SLUICE_ASSERT(again.exchanges[0].request.body == exchange.request.body);
    SLUICE_ASSERT(again.exchanges[0].response.body == exchange.response.body);
  }
}

}  // namespace sluice::fuzz
