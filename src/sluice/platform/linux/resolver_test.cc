#include "sluice/platform/linux/resolver.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "sluice/platform/linux/loop_fixture.h"
#include "sluice/platform/linux/socket_address.h"

namespace sluice::platform {
namespace {

using testing::ElementsAre;

constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypeCname = 5;
constexpr std::uint16_t kTypeAaaa = 28;

void Append16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8U);
  out += static_cast<char>(value & 0xffU);
}

// A DNS server for names of one question each (RFC 1035 §4), on a port of the kernel's choice.
class DnsServer final : public EventSource {
 public:
  struct Record {
    std::uint16_t type = 0;
    std::uint16_t time_to_live_seconds = 0;
    std::string data;
  };

  explicit DnsServer(Reactor& reactor)
      : reactor_(reactor), fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    const SocketAddress any = *ToSocketAddress(*Address::Parse("127.0.0.1:0"));
    EXPECT_EQ(::bind(fd_.get(), any.get(), any.length), 0);
    EXPECT_TRUE(reactor_.Register(fd_.get(), EPOLLIN | EPOLLET, *this).has_value());
  }
  ~DnsServer() override { reactor_.Unregister(*this); }

  [[nodiscard]] std::string address() const { return LocalAddressOf(fd_.get()).ToString(); }

  void OnReady(std::uint32_t /*events*/) override {
    std::array<char, 512> buffer{};
    while (true) {
      SocketAddress from;
      const ssize_t got =
          ::recvfrom(fd_.get(), buffer.data(), buffer.size(), 0, from.get(), &from.length);
      if (got < 0) return;
      ++questions;
      if (silent) continue;
      const std::string answer = Answer({buffer.data(), static_cast<std::size_t>(got)});
      ::sendto(fd_.get(), answer.data(), answer.size(), 0, from.get(), from.length);
    }
  }

  std::map<std::string, std::vector<Record>> zone;  // By name: "booking.test".
  int questions = 0;
  bool silent = false;

 private:
  std::string Answer(std::string_view question) const {
    std::string name;
    std::size_t at = 12;
    while (question[at] != 0) {
      const auto length = static_cast<std::size_t>(question[at]);
      name += (name.empty() ? "" : ".") + std::string(question.substr(at + 1, length));
      at += length + 1;
    }
    const auto type = static_cast<std::uint16_t>(static_cast<unsigned char>(question[at + 2]));
    const std::string_view asked = question.substr(12, at + 5 - 12);
    std::string records;
    unsigned count = 0;
    const auto found = zone.find(name);
    if (found != zone.end()) {
      for (const Record& record : found->second) {
        if (record.type != type && record.type != kTypeCname) continue;
        Append16(records,
                 count > 0 && found->second[0].type == kTypeCname ? alias_pointer(asked) : 0xc00c);
        Append16(records, record.type);
        Append16(records, 1);
        Append16(records, 0);
        Append16(records, record.time_to_live_seconds);
        Append16(records, static_cast<unsigned>(record.data.size()));
        records += record.data;
        ++count;
      }
    }
    std::string answer(question.substr(0, 2));
    Append16(answer, found == zone.end() ? 0x8183 : 0x8180);  // NXDOMAIN, or no error.
    Append16(answer, 1);
    Append16(answer, count);
    Append16(answer, 0);
    Append16(answer, 0);
    answer += asked;
    return answer + records;
  }

  // Where the name inside the first record (a CNAME) begins: behind the question and its own head.
  static unsigned alias_pointer(std::string_view asked) {
    return 0xc000U | static_cast<unsigned>(12 + asked.size() + 12);
  }

  Reactor& reactor_;
  OwnedFd fd_;
};

struct Resolved {
  bool done = false;
  Result<Resolution> result{};
};

Task<void> ResolveInto(Resolver& resolver, std::string host, SteadyTime deadline, Resolved& out) {
  out.result = co_await resolver.Resolve(std::move(host), 8080, deadline);
  out.done = true;
}

std::vector<std::string> TextsOf(const Resolution& resolution) {
  std::vector<std::string> texts;
  for (const Address& address : resolution.addresses) {
    texts.push_back(address.ToString());
  }
  return texts;
}

class ResolverTest : public LoopTest {
 protected:
  ResolverTest() : server_(loop_->reactor()) {}

  std::unique_ptr<AresResolver> Create(Nanos attempt_timeout = 2s, int attempts = 2) {
    return *AresResolver::Create(loop_->reactor(), {.dns_servers = {server_.address()},
                                                    .attempt_timeout = attempt_timeout,
                                                    .attempts = attempts});
  }

  Result<Resolution> Resolve(Resolver& resolver, std::string host, Nanos time = 5s) {
    Resolved resolved;
    Spawn(ResolveInto(resolver, std::move(host), In(time), resolved));
    EXPECT_TRUE(Until([&] { return resolved.done; }));
    return std::move(resolved.result);
  }

  DnsServer server_;
};

TEST_F(ResolverTest, GivesBothFamiliesInAStableOrderWithTheShortestTimeToLive) {
  std::string ipv6(16, '\0');
  ipv6[0] = 0x20;
  ipv6[1] = 0x01;
  ipv6[15] = 7;
  server_.zone["booking.test"] = {{kTypeA, 60, std::string("\x0a\x00\x00\x02", 4)},
                                  {kTypeA, 30, std::string("\x0a\x00\x00\x01", 4)},
                                  {kTypeAaaa, 90, ipv6}};
  const auto resolver = Create();
  const Result<Resolution> resolution = Resolve(*resolver, "booking.test");
  ASSERT_TRUE(resolution.has_value()) << resolution.error().detail;
  EXPECT_THAT(TextsOf(*resolution),
              ElementsAre("10.0.0.1:8080", "10.0.0.2:8080", "[2001::7]:8080"));
  EXPECT_EQ(resolution->time_to_live, 30s);
  EXPECT_EQ(server_.questions, 2);
  EXPECT_EQ(resolver->pending(), 0U);
}

TEST_F(ResolverTest, TheTimeToLiveOfAnAliasCounts) {
  server_.zone["alias.test"] = {{kTypeCname, 5, std::string("\x04real\x04test\x00", 11)},
                                {kTypeA, 60, std::string("\x0a\x00\x00\x09", 4)}};
  const auto resolver = Create();
  const Result<Resolution> resolution = Resolve(*resolver, "alias.test");
  ASSERT_TRUE(resolution.has_value()) << resolution.error().detail;
  EXPECT_THAT(TextsOf(*resolution), ElementsAre("10.0.0.9:8080"));
  EXPECT_EQ(resolution->time_to_live, 5s);
}

TEST_F(ResolverTest, ANameThatDoesNotExistFails) {
  const auto resolver = Create();
  const Result<Resolution> resolution = Resolve(*resolver, "nobody.test.");
  ASSERT_FALSE(resolution.has_value());
  EXPECT_EQ(resolution.error().code, ErrorCode::kResolveFailed);
  EXPECT_EQ(resolution.error().retry, RetryAdvice::kSafe);
}

TEST_F(ResolverTest, ANameWithoutAddressesFails) {
  server_.zone["empty.test"] = {};
  const auto resolver = Create();
  const Result<Resolution> resolution = Resolve(*resolver, "empty.test");
  ASSERT_FALSE(resolution.has_value());
  EXPECT_EQ(resolution.error().code, ErrorCode::kResolveFailed);
}

TEST_F(ResolverTest, AnIpAddressIsItsOwnAnswerThroughTheRunQueue) {
  const auto resolver = Create();
  Resolved resolved;
  Spawn(ResolveInto(*resolver, "10.1.2.3", kNever, resolved));
  ASSERT_TRUE(resolved.done);
  EXPECT_THAT(TextsOf(*resolved.result), ElementsAre("10.1.2.3:8080"));
  EXPECT_THAT(TextsOf(*Resolve(*resolver, "::1")), ElementsAre("[::1]:8080"));
  EXPECT_EQ(server_.questions, 0);
}

TEST_F(ResolverTest, LocalhostNeedsNoQuestion) {
  const auto resolver = Create();
  const Result<Resolution> resolution = Resolve(*resolver, "localhost");
  ASSERT_TRUE(resolution.has_value()) << resolution.error().detail;
  EXPECT_EQ(TextsOf(*resolution)[0], "127.0.0.1:8080");
  EXPECT_EQ(server_.questions, 0);
}

TEST_F(ResolverTest, ASilentServerIsATimeoutAtTheDeadline) {
  server_.silent = true;
  const auto resolver = Create();
  const SteadyTime began = ReadSteadyClock();
  const Result<Resolution> resolution = Resolve(*resolver, "booking.test", 20ms);
  ASSERT_FALSE(resolution.has_value());
  EXPECT_EQ(resolution.error().code, ErrorCode::kTimeout);
  EXPECT_GE(ReadSteadyClock() - began, Nanos(20ms));
  EXPECT_EQ(resolver->pending(), 1U);  // c-ares still waits; destroying the resolver ends that.
}

TEST_F(ResolverTest, ASilentServerIsATimeoutAfterAllAttempts) {
  server_.silent = true;
  const auto resolver = Create(/*attempt_timeout=*/5ms, /*attempts=*/2);
  const Result<Resolution> resolution = Resolve(*resolver, "booking.test");
  ASSERT_FALSE(resolution.has_value());
  EXPECT_EQ(resolution.error().code, ErrorCode::kTimeout);
  EXPECT_EQ(server_.questions, 4);  // A and AAAA, twice.
  EXPECT_EQ(resolver->pending(), 0U);
}

TEST_F(ResolverTest, AnAnswerAfterTheDeadlineIsIgnored) {
  server_.silent = true;
  server_.zone["booking.test"] = {{kTypeA, 60, std::string("\x0a\x00\x00\x02", 4)}};
  const auto resolver = Create(/*attempt_timeout=*/30ms, /*attempts=*/5);
  EXPECT_FALSE(Resolve(*resolver, "booking.test", 5ms).has_value());
  server_.silent = false;  // The next attempt is answered.
  EXPECT_TRUE(Until([&] { return resolver->pending() == 0; }));
}

TEST_F(ResolverTest, ManyQuestionsAreAskedAtOnce) {
  server_.zone["one.test"] = {{kTypeA, 60, std::string("\x0a\x00\x00\x01", 4)}};
  server_.zone["two.test"] = {{kTypeA, 60, std::string("\x0a\x00\x00\x02", 4)}};
  const auto resolver = Create();
  std::array<Resolved, 2> resolved;
  Spawn(ResolveInto(*resolver, "one.test", In(5s), resolved[0]));
  Spawn(ResolveInto(*resolver, "two.test", In(5s), resolved[1]));
  EXPECT_EQ(resolver->pending(), 2U);
  ASSERT_TRUE(Until([&] { return resolved[0].done && resolved[1].done; }));
  EXPECT_THAT(TextsOf(*resolved[0].result), ElementsAre("10.0.0.1:8080"));
  EXPECT_THAT(TextsOf(*resolved[1].result), ElementsAre("10.0.0.2:8080"));
}

TEST_F(ResolverTest, CancelledAQuestionFailsAtOnce) {
  server_.silent = true;
  const auto resolver = Create();
  Resolved resolved;
  Spawn(ResolveInto(*resolver, "booking.test", In(5s), resolved));
  EXPECT_EQ(resolver->pending(), 1U);
  const auto cancel = [&resolver] { resolver->CancelAll(); };
  loop_->Enter(cancel);
  EXPECT_EQ(resolver->pending(), 0U);
  ASSERT_TRUE(Until([&] { return resolved.done; }));
  EXPECT_EQ(resolved.result.error().code, ErrorCode::kCancelled);
}

TEST_F(ResolverTest, BadOptionsAreRefused) {
  Reactor& reactor = loop_->reactor();
  for (const ResolverOptions& options :
       {ResolverOptions{.attempts = 0}, ResolverOptions{.attempts = 11},
        ResolverOptions{.attempt_timeout = Nanos(0)},
        ResolverOptions{.dns_servers = {"not an address"}}}) {
    const auto resolver = AresResolver::Create(reactor, options);
    ASSERT_FALSE(resolver.has_value());
    EXPECT_EQ(resolver.error().code, ErrorCode::kInvalidOption);
  }
}

TEST_F(ResolverTest, ALoopBringsItsOwnResolver) {
  server_.zone["booking.test"] = {{kTypeA, 60, std::string("\x0a\x00\x00\x02", 4)}};
  EpollLoopOptions options;
  options.resolver.dns_servers = {server_.address()};
  const auto loop = *EpollLoop::Create(options);
  TaskGroup group;
  Resolved resolved;
  loop->Enter(
      [&] { group.Spawn(ResolveInto(loop->resolver(), "booking.test", In(5s), resolved)); });
  for (int i = 0; i < 500 && !resolved.done; ++i) {
    loop_->RunOnce(1ms);  // The server's.
    loop->RunOnce(1ms);
  }
  ASSERT_TRUE(resolved.done);
  EXPECT_THAT(TextsOf(*resolved.result), ElementsAre("10.0.0.2:8080"));
}

}  // namespace
}  // namespace sluice::platform
