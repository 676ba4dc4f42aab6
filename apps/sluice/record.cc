#include "record.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "exit_codes.h"
#include "open_recording.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sluice/wire/recording/curl_command.h"
#include "sluice/wire/recording/date_time.h"
#include "sluice/wire/recording/har.h"
#include "sluice/wire/recording/masker.h"
#include "sluice/wire/recording/secret_shapes.h"

namespace sluice::app {
namespace {

using traffic::archive::RecordingEntry;
using traffic::archive::RecordingReader;
using wire::recording::Direction;
using wire::recording::Masker;
using wire::recording::MaskFinding;
using wire::recording::MaskKind;
using wire::recording::MaskOptions;
using wire::recording::Message;
using wire::recording::RecordedExchange;
using OrderedJson = nlohmann::ordered_json;

constexpr std::size_t kTargetShownMax = 60;

double InMillis(Nanos duration) {
  return static_cast<double>(duration.count()) / 1e6;
}

// What a terminal may be shown of what came over the wire.
std::string Printable(std::string_view text) {
  std::string shown(text);
  for (char& c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) c = '?';
  }
  return shown;
}

void PrintLine(std::int64_t id, const RecordedExchange& exchange) {
  std::string target = Printable(exchange.host + exchange.target);
  if (target.size() > kTargetShownMax) target.replace(kTargetShownMax, std::string::npos, "…");
  fmt::print("{:>8}  {}  {:<7} {:<7} {:>3} {:>9.1f} ms  {:<12} {}\n", id,
             wire::recording::FormatDateTime(exchange.started).substr(0, 23),
             NameOf(exchange.direction), exchange.method, exchange.status,
             InMillis(exchange.duration), exchange.route.empty() ? "-" : exchange.route, target);
}

OrderedJson IndexJson(std::int64_t id, const RecordedExchange& exchange) {
  return {{"id", id},
          {"started", wire::recording::FormatDateTime(exchange.started)},
          {"duration_seconds", InMillis(exchange.duration) / 1e3},
          {"upstream_seconds", InMillis(exchange.upstream_duration) / 1e3},
          {"direction", std::string(NameOf(exchange.direction))},
          {"method", exchange.method},
          {"host", exchange.host},
          {"target", exchange.target},
          {"status", exchange.status},
          {"reason", exchange.reason},
          {"listener", exchange.listener},
          {"route", exchange.route},
          {"upstream", exchange.upstream},
          {"endpoint", exchange.endpoint},
          {"version", exchange.version},
          {"trace_id", exchange.trace_id},
          {"span_id", exchange.span_id},
          {"parent_id", exchange.parent_id},
          {"connection", exchange.connection},
          {"attempts", exchange.attempts},
          {"request_bytes", exchange.request.body_bytes},
          {"response_bytes", exchange.response.body_bytes},
          {"masked", exchange.masked}};
}

void PrintMessage(std::string_view mark, const Message& message) {
  std::string_view rest = message.head;
  while (!rest.empty()) {
    const std::size_t end = rest.find("\r\n");
    fmt::print("{} {}\n", mark, Printable(rest.substr(0, end)));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
  }
  fmt::print("{}\n", mark);
  if (!message.body.empty()) fmt::print("{}\n", Printable(message.body));
  if (message.is_opaque) {
    fmt::print("[{} bytes, encoded: not kept, because they could not be masked]\n",
               message.body_bytes);
  } else if (message.is_truncated) {
    fmt::print("[the first of {} bytes]\n", message.body_bytes);
  }
}

// The rules of the recording's own, and everything that is on by default.
MaskOptions OwnMasking(RecordingReader& reader) {
  MaskOptions mask;
  mask.opaque_bodies = reader.NoteOf("masking.opaque_bodies") == "keep"
                           ? wire::recording::OpaqueBodies::kKeep
                           : wire::recording::OpaqueBodies::kDrop;
  const auto lines = [&reader](std::string_view key, std::vector<std::string>& out) {
    const std::string text = reader.NoteOf(key);
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      out.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
  };
  lines("masking.headers", mask.headers);
  lines("masking.fields", mask.fields);
  lines("masking.json_paths", mask.json_paths);
  return mask;
}

struct AuditCount {
  std::uint64_t values = 0;
  std::uint64_t exchanges = 0;
  std::int64_t first_id = 0;
};
using Audit = std::map<std::pair<std::string, std::string>, AuditCount>;

void Add(const std::vector<MaskFinding>& findings, std::int64_t id, Audit& audit) {
  for (const MaskFinding& finding : findings) {
    AuditCount& count = audit[{std::string(NameOf(finding.kind)), finding.place}];
    if (count.exchanges == 0) count.first_id = id;
    count.values += finding.count;
    ++count.exchanges;
  }
}

void PrintAudit(const RecordOptions& options, const Audit& audit, std::size_t read) {
  if (options.json) {
    OrderedJson findings = OrderedJson::array();
    for (const auto& [where, count] : audit) {
      findings.push_back({{"kind", where.first},
                          {"place", where.second},
                          {"values", count.values},
                          {"exchanges", count.exchanges},
                          {"first_exchange", count.first_id}});
    }
    const OrderedJson report{{"exchanges", read}, {"findings", std::move(findings)}};
    fmt::print("{}\n", report.dump(2, ' ', false, OrderedJson::error_handler_t::replace));
    return;
  }
  for (const auto& [where, count] : audit) {
    fmt::print("{:<12} {:<40} {} values in {} exchanges, first in {}\n", where.first,
               Printable(where.second), count.values, count.exchanges, count.first_id);
  }
  fmt::print("{}: {} exchanges, {}\n", options.file, read,
             audit.empty() ? "no secret found" : "secrets are not masked");
}

}  // namespace

int RecordList(const RecordOptions& options) {
  std::expected<OpenRecording, int> open = OpenAndList(options.file, options.filter);
  if (!open) return open.error();
  OrderedJson rows = OrderedJson::array();
  std::int64_t shown = 0;
  for (const RecordingEntry& entry : open->list.entries) {
    if (options.limit > 0 && shown == options.limit) break;
    const Result<RecordedExchange> exchange = open->reader->LoadIndex(entry.id);
    if (!exchange) {
      TellUnreadable(exchange.error());
      continue;
    }
    ++shown;
    if (options.json) {
      rows.push_back(IndexJson(entry.id, *exchange));
    } else {
      PrintLine(entry.id, *exchange);
    }
  }
  if (options.json)
    fmt::print("{}\n", rows.dump(2, ' ', false, OrderedJson::error_handler_t::replace));
  if (!options.json) fmt::print("{} of {} exchanges\n", shown, open->list.entries.size());
  return kSuccess;
}

int RecordShow(const RecordOptions& options) {
  Result<std::unique_ptr<RecordingReader>> reader = RecordingReader::Open(options.file);
  if (!reader) {
    fmt::print(stderr, "sluice: {}\n", reader.error().detail);
    return kUsage;
  }
  const Result<RecordedExchange> exchange = (*reader)->Load(options.id);
  if (!exchange) {
    fmt::print(stderr, "sluice: {}\n", exchange.error().detail);
    return kUsage;
  }
  if (options.as_curl) {
    fmt::print("{}\n", CurlCommand(*exchange));
  } else if (options.json) {
    std::string har;
    AppendHarEntry(*exchange, wire::recording::HarPlace::kFirst, har);
    fmt::print("{}\n", har);
  } else {
    PrintLine(options.id, *exchange);
    fmt::print("trace {} span {} upstream {} {} attempts {} reason {} masked {}\n\n",
               exchange->trace_id, exchange->span_id, exchange->upstream, exchange->endpoint,
               exchange->attempts, exchange->reason, exchange->masked);
    PrintMessage(">", exchange->request);
    fmt::print("\n");
    PrintMessage("<", exchange->response);
  }
  return kSuccess;
}

int RecordAudit(const RecordOptions& options) {
  std::expected<OpenRecording, int> open = OpenAndList(options.file, options.filter);
  if (!open) return open.error();
  const Result<Masker> masker = Masker::Create(OwnMasking(*open->reader), {});
  if (!masker) {
    fmt::print(stderr, "sluice: {}\n", masker.error().detail);
    return kUsage;
  }
  Audit audit;
  std::size_t read = 0;
  for (const RecordingEntry& entry : open->list.entries) {
    Result<RecordedExchange> exchange = open->reader->Load(entry.id);
    if (!exchange) {
      TellUnreadable(exchange.error());
      continue;
    }
    ++read;
    std::vector<MaskFinding> findings;
    FindSecretShapes(*exchange, findings);
    masker->Mask(*exchange, &findings);
    Add(findings, entry.id, audit);
  }
  if (read == 0 && !open->list.entries.empty()) return kUsage;
  PrintAudit(options, audit, read);
  return audit.empty() ? kSuccess : kCheckFailed;
}

}  // namespace sluice::app
