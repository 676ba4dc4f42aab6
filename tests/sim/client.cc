#include "tests/sim/client.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"

namespace sluice::scenario {
namespace {

// As real clients do: a server that never says 100 gets the body anyway (RFC 9110 section 10.1.1).
constexpr Nanos kContinueWait = std::chrono::seconds(1);
// Longer than a server lingers after its last word.
constexpr Nanos kCloseWait = std::chrono::seconds(5);

std::string Chunked(std::string_view body) {
  if (body.empty()) return "0\r\n\r\n";
  return fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", body.size(), body);
}

bool Has(const std::vector<Header>& headers, std::string_view name) {
  const auto is_it = [name](const Header& header) {
    return EqualsIgnoringCase(header.first, name);
  };
  return std::ranges::any_of(headers, is_it);
}

std::string Numbered(std::string text, std::size_t number) {
  constexpr std::string_view kMark = "{n}";
  const std::size_t at = text.find(kMark);
  return at == std::string::npos ? text : text.replace(at, kMark.size(), fmt::format("{}", number));
}

}  // namespace

ExchangePlan MakePlan(const SendRequests& send,
                      const Address& to,
                      Nanos patience,
                      std::size_t number) {
  ExchangePlan plan{.to = to, .method = send.method};
  plan.wants_answer = !send.raw || send.expectation.has_value();
  plan.watches_close = send.expectation && send.expectation->closes.has_value();
  plan.keeps = !send.client.empty();
  plan.piece_bytes = send.piece_bytes;
  plan.piece_every = send.piece_every;
  plan.read_bytes = send.read_bytes;
  plan.read_every = send.read_every;
  plan.patience = patience;
  plan.hang_up_after = send.hang_up_after;
  if (send.raw) {
    plan.is_raw = true;
    plan.method = send.raw->substr(0, send.raw->find(' '));
    plan.bytes = *send.raw;
    return plan;
  }
  plan.bytes = fmt::format("{} {} HTTP/1.1\r\n", send.method, send.target);
  if (!Has(send.headers, "host")) plan.bytes += "Host: gateway.test\r\n";
  for (const auto& [name, value] : send.headers)
    plan.bytes += fmt::format("{}: {}\r\n", name, Numbered(value, number));
  if (send.chunked) {
    plan.bytes += "Transfer-Encoding: chunked\r\n";
  } else if (!send.body.empty() || send.method == "POST" || send.method == "PUT") {
    plan.bytes += fmt::format("Content-Length: {}\r\n", send.body.size());
  }
  plan.bytes += "\r\n";
  plan.head_bytes = plan.bytes.size();
  plan.awaits_continue = Has(send.headers, "expect");
  plan.bytes += send.chunked ? Chunked(send.body) : send.body;
  return plan;
}

Task<void> ClientConnection::Run(ExchangePlan plan, Answer& answer) {
  SLUICE_ASSERT(!busy_);
  busy_ = true;
  gave_up_ = false;
  stops_sending_ = false;
  const SteadyTime start = loop_.now();
  answer.ending = co_await Exchange(plan, start, answer);

  stops_sending_ = true;
  may_go_on_.Set();
  if (sender_.running() > 0 && stream_ != nullptr) stream_->Cancel();
  co_await sender_.Drained();
  const bool ended = answer.closes || reader_.message().Lists("connection", "close");
  const bool keeps = plan.keeps && answer.ending == Ending::kAnswered && !ended;
  if (!keeps) stream_.reset();
  busy_ = false;
}

Task<Ending> ClientConnection::Exchange(const ExchangePlan& plan,
                                        SteadyTime start,
                                        Answer& answer) {
  const SteadyTime deadline = start + plan.patience;
  if (stream_ != nullptr && !MayReuse(plan)) stream_.reset();
  if (stream_ == nullptr) {
    reader_ = MessageReader(MessageReader::Side::kResponses);
    const Ending connected = co_await Connect(plan.to, deadline);
    if (connected != Ending::kAnswered) {
      answer.took = loop_.now() - start;
      co_return connected;
    }
  }
  (void)co_await may_go_on_.Wait(loop_.now());  // Forgets an earlier exchange's.
  reader_.Begin(plan.method);
  sender_.Spawn(SendAll(plan, deadline));
  if (!plan.wants_answer) {
    co_await sender_.Drained();
    co_return gave_up_ ? Ending::kGaveUp : Ending::kAnswered;
  }
  const Ending ending = co_await ReadAnswer(plan, start);
  answer.took = loop_.now() - start;
  answer.message = reader_.message();
  answer.problem = reader_.problem();
  if (ending == Ending::kAnswered && plan.watches_close) answer.closes = co_await WatchClose();
  co_return ending;
}

// A kept connection that the server has ended in between is not to be used again; raw bytes may be
// the rest of a request that the server has answered already.
bool ClientConnection::MayReuse(const ExchangePlan& plan) const {
  return plan.is_raw || !stream_->MaybeReadable();
}

Task<Ending> ClientConnection::Connect(Address to, SteadyTime deadline) {
  Result<std::unique_ptr<Stream>> connected = co_await loop_.Connect(std::move(to), deadline);
  if (!connected) {
    co_return connected.error().code == ErrorCode::kTimeout ? Ending::kNoAnswer : Ending::kRefused;
  }
  stream_ = std::move(*connected);
  co_return gave_up_ ? Ending::kGaveUp : Ending::kAnswered;
}

// `plan` lives in Run(), which waits for the sender.
Task<void> ClientConnection::SendAll(const ExchangePlan& plan, SteadyTime deadline) {
  const std::string_view bytes = plan.bytes;
  Bytes at = 0;
  while (at < bytes.size() && !stops_sending_) {
    Bytes piece_bytes = plan.piece_bytes == 0 ? bytes.size() : plan.piece_bytes;
    const bool in_head = plan.awaits_continue && at < plan.head_bytes;
    if (in_head) piece_bytes = std::min(piece_bytes, plan.head_bytes - at);
    const std::array<ByteView, 1> piece{bytes.substr(at, piece_bytes)};
    const Result<void> sent = co_await stream_->Send(piece, deadline);
    if (!sent) co_return;  // The reader will see why.
    at += piece.front().size();
    if (in_head && at == plan.head_bytes) {
      (void)co_await may_go_on_.Wait(loop_.now() + kContinueWait);
    } else if (at < bytes.size()) {
      co_await loop_.SleepUntil(loop_.now() + plan.piece_every);
    }
  }
}

Task<Ending> ClientConnection::ReadAnswer(const ExchangePlan& plan, SteadyTime start) {
  const SteadyTime hang_up_at = plan.hang_up_after ? start + *plan.hang_up_after : kNever;
  const SteadyTime deadline = std::min(start + plan.patience, hang_up_at);
  const Bytes bytes_max = plan.read_bytes == 0 ? Stream::kHotBufferBytes : plan.read_bytes;
  while (!reader_.complete() && reader_.problem().empty()) {
    const Result<ByteView> received = co_await stream_->Receive(deadline, bytes_max);
    if (gave_up_) co_return Ending::kGaveUp;
    if (!received && received.error().code == ErrorCode::kTimeout) {
      co_return deadline == hang_up_at ? Ending::kGaveUp : Ending::kNoAnswer;
    }
    if (!received) co_return Ending::kReset;
    if (received->empty()) {
      reader_.FeedEnd();
      if (!reader_.complete()) co_return Ending::kClosed;
    }
    reader_.Feed(*received);
    if (reader_.head_complete()) stops_sending_ = plan.awaits_continue;
    if (!reader_.interim().empty() || reader_.head_complete()) may_go_on_.Set();
    if (plan.read_bytes > 0) co_await loop_.SleepUntil(loop_.now() + plan.read_every);
  }
  co_return reader_.complete() ? Ending::kAnswered : Ending::kMalformed;
}

Task<bool> ClientConnection::WatchClose() {
  const Result<ByteView> received = co_await stream_->Receive(loop_.now() + kCloseWait);
  if (!received) co_return received.error().code != ErrorCode::kTimeout;
  co_return received->empty();
}

void ClientConnection::HangUp(bool reset) {
  gave_up_ = true;
  if (stream_ == nullptr) return;
  if (reset) stream_->ResetOnClose();
  if (busy_) {
    stream_->Cancel();
  } else {
    stream_.reset();
  }
}

void ClientConnection::EndSending() {
  if (stream_ != nullptr) stream_->ShutdownSend();
}

}  // namespace sluice::scenario
