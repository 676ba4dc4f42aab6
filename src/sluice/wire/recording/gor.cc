#include "sluice/wire/recording/gor.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "sluice/wire/ascii.h"
#include "sluice/wire/http1_body.h"

namespace sluice::wire::recording {
namespace {

// Three monkeys: U+1F435 U+1F648 U+1F649.
constexpr std::string_view kSeparator = "\n\xf0\x9f\x90\xb5\xf0\x9f\x99\x88\xf0\x9f\x99\x89\n";

struct PieceHeader {
  char type = '1';
  std::string_view id;
  std::int64_t at_ns = 0;
  std::int64_t latency_ns = 0;
};

std::string_view TakeWord(std::string_view& rest) {
  const std::size_t end = rest.find(' ');
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return word;
}

bool ReadNumber(std::string_view text, std::int64_t& out) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

std::optional<PieceHeader> ReadPieceHeader(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::string_view type = TakeWord(line);
  PieceHeader header;
  header.id = TakeWord(line);
  const bool is_known = type == "1" || type == "2" || type == "3";
  if (!is_known || header.id.empty() || !ReadNumber(TakeWord(line), header.at_ns))
    return std::nullopt;
  header.type = type.front();
  const std::string_view latency = TakeWord(line);
  if (!latency.empty() && !ReadNumber(latency, header.latency_ns)) return std::nullopt;
  return header;
}

// The content of a chunked body; nothing where it is not well-formed. What is missing at the end of
// a body that was cut off is no reason to lose the rest.
std::optional<std::string> Unchunked(std::string_view bytes) {
  BodyDecoder decoder;
  decoder.Start(BodyFraming::kChunked, 0, Side::kClient);
  std::string content;
  while (!bytes.empty() && !decoder.finished()) {
    const Result<BodyPiece> piece = decoder.Next(bytes);
    if (!piece) return std::nullopt;
    content += piece->data;
    bytes.remove_prefix(piece->consumed);
  }
  return content;
}

// Cuts a message into head and content. False where it is none.
bool ReadMessage(std::string_view payload, Message& message) {
  constexpr std::string_view kHeadEnd = "\r\n\r\n";
  const std::size_t end = payload.find(kHeadEnd);
  if (end == std::string_view::npos) return false;
  const std::string_view head = payload.substr(0, end + 2);
  const std::string_view body = payload.substr(end + kHeadEnd.size());
  if (StartLineOf(head).find("HTTP/1.") == std::string_view::npos) return false;
  // A lone end of line would be written where others expect a field.
  for (std::size_t i = 0; i < head.size(); ++i) {
    const bool is_pair = head[i] == '\r' && i + 1 < head.size() && head[i + 1] == '\n';
    if (is_pair) {
      ++i;
    } else if (head[i] == '\r' || head[i] == '\n' || head[i] == '\0') {
      return false;
    }
  }
  message.head = head;
  if (EqualsIgnoringCase(FieldOf(head, "transfer-encoding"), "chunked")) {
    std::optional<std::string> content = Unchunked(body);
    if (!content) return false;
    message.body = std::move(*content);
  } else {
    message.body = body;
  }
  message.body_bytes = message.body.size();
  return true;
}

// Three digits (RFC 9112 section 4).
bool HasStatus(std::string_view head) {
  const std::string_view line = StartLineOf(head);
  const std::string_view status = line.substr(std::min(line.find(' ') + 1, line.size()), 3);
  return line.starts_with("HTTP/1.") && status.size() == 3 && status.front() != '0' &&
         std::ranges::all_of(status, &IsDigit);
}

class Reading {
 public:
  void TakePiece(std::string_view piece, std::uint64_t number) {
    const std::size_t line_end = piece.find('\n');
    const std::optional<PieceHeader> header = ReadPieceHeader(piece.substr(0, line_end));
    if (!header || line_end == std::string_view::npos) {
      outcome.Complain(fmt::format("piece {}: no header of type, id and time", number));
      return;
    }
    if (header->type == '3') return;
    const std::string_view payload = piece.substr(line_end + 1);
    if (header->type == '1') {
      TakeRequest(*header, payload, number);
    } else {
      TakeResponse(*header, payload, number);
    }
  }

  Imported outcome;

 private:
  void TakeRequest(const PieceHeader& header, std::string_view payload, std::uint64_t number) {
    RecordedExchange exchange;
    if (!ReadMessage(payload, exchange.request)) {
      outcome.Complain(fmt::format("piece {}: no HTTP/1 request", number));
      return;
    }
    exchange.started = WallTime(Nanos(header.at_ns));
    exchange.sequence = outcome.exchanges.size() + 1;
    FillFromHeads(exchange);
    open_[std::string(header.id)] = outcome.exchanges.size();
    outcome.exchanges.push_back(std::move(exchange));
  }

  void TakeResponse(const PieceHeader& header, std::string_view payload, std::uint64_t number) {
    const auto request = open_.find(std::string(header.id));
    if (request == open_.end()) {
      outcome.Complain(fmt::format("piece {}: a response without its request", number));
      return;
    }
    RecordedExchange& exchange = outcome.exchanges[request->second];
    Message response;
    if (!ReadMessage(payload, response) || !HasStatus(response.head)) {
      outcome.Complain(fmt::format("piece {}: no HTTP/1 response", number));
      return;
    }
    exchange.response = std::move(response);
    const Nanos since = WallTime(Nanos(header.at_ns)) - exchange.started;
    exchange.duration =
        header.latency_ns > 0 ? Nanos(header.latency_ns) : std::max(since, Nanos(0));
    exchange.upstream_duration = exchange.duration;
    FillFromHeads(exchange);
    open_.erase(request);
  }

  std::unordered_map<std::string, std::size_t> open_;
};

}  // namespace

Imported ReadGor(std::string_view file) {
  Reading reading;
  std::uint64_t number = 0;
  while (!file.empty()) {
    const std::size_t end = file.find(kSeparator);
    const std::string_view piece = file.substr(0, end);
    file.remove_prefix(end == std::string_view::npos ? file.size() : end + kSeparator.size());
    ++number;
    if (!piece.empty()) reading.TakePiece(piece, number);
  }
  SortByBeginning(reading.outcome.exchanges);
  return std::move(reading.outcome);
}

}  // namespace sluice::wire::recording
