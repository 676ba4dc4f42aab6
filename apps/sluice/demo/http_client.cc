#include "demo/http_client.h"

#include <chrono>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/bytes.h"
#include "sluice/traffic/whole_exchange.h"

namespace sluice::demo {
namespace {

constexpr Bytes kAnswerBytesMax = kMiB;

void Write(const Question& question, std::string_view authority, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{} {} HTTP/1.1\r\nHost: {}\r\n",
                 wire::NameOf(question.method), question.target, authority);
  if (!question.user.empty()) {
    fmt::format_to(std::back_inserter(out), "x-user-id: {}\r\n", question.user);
  }
  if (question.method == wire::Method::kPost) {
    fmt::format_to(std::back_inserter(out),
                   "Content-Type: application/json\r\nContent-Length: {}\r\n",
                   question.body.size());
  }
  out += "\r\n";
  out += question.body;
}

std::string ValueOf(const wire::ResponseHead& head, std::string_view name) {
  const wire::HeaderField* field = head.headers.Find(name);
  return field == nullptr ? std::string() : std::string(field->value);
}

}  // namespace

Result<std::unique_ptr<HttpClient>> HttpClient::Create(Loop& loop, const Address& address) {
  traffic::UpstreamOptions options;
  options.name = "server";
  options.endpoints.push_back({.address = address, .authority = address.ToString()});
  Result<std::shared_ptr<traffic::Upstream>> upstream =
      traffic::Upstream::Create(std::move(options), /*workers=*/1);
  if (!upstream) return std::unexpected(upstream.error());
  return std::unique_ptr<HttpClient>(new HttpClient(loop, std::move(*upstream)));
}

HttpClient::HttpClient(Loop& loop, std::shared_ptr<traffic::Upstream> upstream)
    : loop_(loop),
      endpoint_(upstream->Endpoints()->members.front().endpoint),
      pool_(loop, std::move(upstream), /*worker=*/0) {}

Task<Answer> HttpClient::Ask(Question question, SteadyTime due, Nanos patience) {
  const SteadyTime deadline = due + patience;
  Answer answer;
  Result<traffic::Lease> lease = co_await pool_.Acquire(*endpoint_, deadline);
  if (!lease) {
    answer.failure = NameOf(lease.error().code);
    answer.latency = loop_.now() - due;
    co_return answer;
  }
  traffic::Connection& connection = **lease;
  Write(question, endpoint_->authority(), connection.output());
  Result<std::string> body =
      co_await traffic::ExchangeWhole(connection, question.method, deadline, kAnswerBytesMax);
  answer.latency = loop_.now() - due;
  if (!body) {
    answer.failure = NameOf(body.error().code);
    co_return answer;
  }
  const wire::ResponseHead& head = connection.head();
  answer.status = head.status;
  answer.reason = ValueOf(head, "x-sluice-reason");
  answer.degraded = ValueOf(head, "x-sluice-degraded");
  answer.retry_after = ValueOf(head, "retry-after");
  answer.server_timing = ValueOf(head, "server-timing");
  answer.instance = ValueOf(head, "x-instance");
  answer.body = std::move(*body);
  co_return answer;
}

}  // namespace sluice::demo
