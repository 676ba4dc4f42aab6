#include "sluice/gateway/release_hooks.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sluice/contract/address.h"
#include "sluice/contract/resolver.h"
#include "sluice/traffic/connection.h"
#include "sluice/traffic/whole_exchange.h"
#include "sluice/wire/url.h"

namespace sluice::gateway {
namespace {

constexpr std::size_t kShownMax = 200;
// A connection under way cannot be given up: a stop waits for it.
constexpr Nanos kConnectMax = std::chrono::seconds(5);

std::string QuestionOf(const release::Machine& machine, release::HookMoment when) {
  const release::PlanState& state = machine.state();
  const release::PlanOptions& plan = machine.options();
  const nlohmann::ordered_json json = {{"release", plan.name},
                                       {"stable", plan.stable},
                                       {"candidate", plan.candidate},
                                       {"when", release::NameOf(when)},
                                       {"step", state.step + 1},
                                       {"steps", plan.steps.size()},
                                       {"weight_percent", plan.steps[state.step].weight_percent},
                                       {"generation", state.generation}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string RequestText(const wire::HttpUrl& url, const std::string& question) {
  const std::string_view host = url.authority.empty() ? "localhost" : url.authority;
  const std::string query = url.query.empty() ? std::string() : fmt::format("?{}", url.query);
  return fmt::format(
      "POST {}{} HTTP/1.1\r\nHost: {}\r\nUser-Agent: sluice-release\r\nContent-Type: "
      "application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
      url.path, query, host, question.size(), question);
}

// One line of it, for people.
std::string Shown(std::string_view body) {
  std::string line(body.substr(0, std::min(kShownMax, body.find_first_of("\r\n"))));
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"'; }, ' ');
  return line;
}

// Of `url`, whose host may have to be looked up.
Task<Result<Address>> AddressOf(Loop& loop, const wire::HttpUrl& url, SteadyTime deadline) {
  if (!url.unix_path.empty()) co_return Address::Unix(std::string(url.unix_path));
  std::string host(url.host);
  const Result<Resolution> found =
      co_await loop.resolver().Resolve(std::move(host), url.port, deadline);
  if (!found) co_return std::unexpected(found.error());
  co_return found->addresses.front();
}

}  // namespace

bool ReleaseHooks::IsStale(const Inquiry& inquiry, const release::Machine& machine) const {
  if (inquiry.generation != machine.state().generation) return true;
  if (inquiry.when != machine.due_hooks()) return true;
  return inquiry.when == release::HookMoment::kDuring && inquiry.is_told &&
         loop_.now() - inquiry.started >= kDuringInterval;
}

std::optional<release::HookAnswer> ReleaseHooks::Follow(const release::Machine& machine) {
  const std::string& name = machine.options().name;
  const std::optional<release::HookMoment> due = machine.due_hooks();
  const auto found = inquiries_.find(name);
  if (found != inquiries_.end()) {
    Inquiry& inquiry = *found->second;
    if (!IsStale(inquiry, machine)) {
      if (!inquiry.answer || inquiry.is_told) return std::nullopt;
      inquiry.is_told = true;
      return inquiry.answer;
    }
    inquiry.is_stopped = true;
    if (inquiry.stream != nullptr) inquiry.stream->Cancel();
    inquiries_.erase(found);
  }
  if (!due) return std::nullopt;
  auto inquiry = std::make_shared<Inquiry>();
  inquiry->when = *due;
  inquiry->generation = machine.state().generation;
  for (const release::HookOptions& hook : machine.options().steps[machine.state().step].hooks) {
    if (hook.when == *due) inquiry->hooks.push_back(hook);
  }
  inquiry->question = QuestionOf(machine, *due);
  inquiry->started = loop_.now();
  inquiries_[name] = inquiry;
  tasks_.Spawn(Run(inquiry));
  return std::nullopt;
}

Task<void> ReleaseHooks::Run(std::shared_ptr<Inquiry> inquiry) {
  release::HookAnswer answer{.when = inquiry->when, .agreed = true};
  for (const release::HookOptions& hook : inquiry->hooks) {
    const Result<void> agreed = co_await Ask(hook, *inquiry);
    if (inquiry->is_stopped) co_return;
    if (agreed) continue;
    answer.agreed = false;
    answer.on_failure = hook.on_failure;
    answer.sentence = fmt::format("the hook {} ({}) did not agree: {}", hook.url,
                                  release::NameOf(hook.when), agreed.error().detail);
    break;
  }
  inquiry->answer = std::move(answer);
}

Task<Result<void>> ReleaseHooks::Ask(const release::HookOptions& hook, Inquiry& inquiry) {
  const SteadyTime deadline = loop_.now() + hook.timeout;
  const Result<wire::HttpUrl> url = wire::ParseHttpUrl(hook.url);
  if (!url) co_return std::unexpected(url.error());
  const Result<Address> address = co_await AddressOf(loop_, *url, deadline);
  if (inquiry.is_stopped) co_return Fail(ErrorCode::kCancelled, {});
  if (!address) co_return Fail(address.error().code, "its host is not known");
  const SteadyTime connected_by = std::min(deadline, loop_.now() + kConnectMax);
  Result<std::unique_ptr<Stream>> stream = co_await loop_.Connect(*address, connected_by);
  if (!stream) co_return Fail(stream.error().code, "it does not accept a connection");
  if (inquiry.is_stopped) co_return Fail(ErrorCode::kCancelled, {});

  const traffic::ConnectionLimits limits;
  traffic::Connection connection(loop_, std::move(*stream), limits);
  connection.Begin();
  connection.output() = RequestText(*url, inquiry.question);
  inquiry.stream = &connection.stream();
  const Result<std::string> body =
      co_await traffic::ExchangeWhole(connection, wire::Method::kPost, deadline, kAnswerBytesMax);
  inquiry.stream = nullptr;
  if (!body) co_return Fail(body.error().code, fmt::format("{}", NameOf(body.error().code)));
  const int status = connection.head().status;
  if (status >= 200 && status < 300) co_return Result<void>{};
  co_return Fail(ErrorCode::kBadResponse, fmt::format("status {} {}", status, Shown(*body)));
}

void ReleaseHooks::RequestStop() {
  for (auto& [name, inquiry] : inquiries_) {
    inquiry->is_stopped = true;
    if (inquiry->stream != nullptr) inquiry->stream->Cancel();
  }
  inquiries_.clear();
}

Task<void> ReleaseHooks::Stopped() {
  co_await tasks_.Drained();
}

}  // namespace sluice::gateway
