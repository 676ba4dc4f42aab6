#include "sluice/platform/linux/resolver.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <mutex>
#include <string_view>
#include <utility>

#include <ares.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include "sluice/contract/assert.h"
#include "sluice/contract/timer.h"
#include "sluice/platform/linux/event_source.h"
#include "sluice/platform/linux/socket_address.h"

namespace sluice::platform {
namespace {

Error ResolveError(ErrorCode code, std::string_view host, std::string_view why) {
  return {.code = code,
          .side = Side::kUpstream,
          .retry = RetryAdvice::kSafe,
          .detail = fmt::format("resolve {}: {}", host, why)};
}

Result<Resolution> ReadAnswer(const ares_addrinfo& answer, std::uint16_t port) {
  Resolution resolution;
  int seconds = INT32_MAX;
  for (const ares_addrinfo_node* node = answer.nodes; node != nullptr; node = node->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, node->ai_addr,
                std::min<std::size_t>(node->ai_addrlen, sizeof(address.storage)));
    resolution.addresses.push_back(FromSocketAddress(address).WithPort(port));
    seconds = std::min(seconds, node->ai_ttl);
  }
  for (const ares_addrinfo_cname* name = answer.cnames; name != nullptr; name = name->next) {
    seconds = std::min(seconds, name->ttl);
  }
  std::ranges::sort(resolution.addresses);
  const auto repeated = std::ranges::unique(resolution.addresses);
  resolution.addresses.erase(repeated.begin(), repeated.end());
  resolution.time_to_live = std::chrono::seconds(std::max(seconds, 0));
  return resolution;
}

void InitializeLibrary() {
  static std::once_flag once;
  std::call_once(once, [] { SLUICE_ASSERT(::ares_library_init(ARES_LIB_INIT_ALL) == 0); });
}

}  // namespace

class AresResolver::Channel {
 public:
  explicit Channel(Reactor& reactor) : reactor_(reactor), timer_(&OnTimer, this) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() {
    if (channel_ != nullptr) ::ares_destroy(channel_);  // Ends the questions and closes sockets.
    reactor_.timers().Disarm(timer_);
    SLUICE_ASSERT(sockets_.empty());
  }

  Result<void> Open(const ResolverOptions& options) {
    ares_options settings{};
    settings.timeout = static_cast<int>(
        std::chrono::ceil<std::chrono::milliseconds>(options.attempt_timeout).count());
    settings.tries = options.attempts;
    settings.sock_state_cb = &OnSocketState;
    settings.sock_state_cb_data = this;
    std::array<char, 3> lookups{"fb"};  // The hosts file, then DNS.
    settings.lookups = lookups.data();
    const int mask =
        ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS;
    if (const int status = ::ares_init_options(&channel_, &settings, mask);
        status != ARES_SUCCESS) {
      channel_ = nullptr;
      return Fail(ErrorCode::kInvalidOption,
                  fmt::format("dns resolver: {}", ::ares_strerror(status)));
    }
    if (options.dns_servers.empty()) return {};
    const std::string servers = fmt::format("{}", fmt::join(options.dns_servers, ","));
    if (const int status = ::ares_set_servers_ports_csv(channel_, servers.c_str());
        status != ARES_SUCCESS) {
      return Fail(ErrorCode::kInvalidOption,
                  fmt::format("dns_servers `{}`: {}", servers, ::ares_strerror(status)));
    }
    return {};
  }

  void Ask(ResolveOperation& operation) {
    auto question = std::make_unique<Question>(*this, operation);
    ++asked_;
    if (operation.deadline != kNever) reactor_.timers().Arm(question->timer, operation.deadline);
    ares_addrinfo_hints hints{};
    hints.ai_flags = ARES_AI_NOSORT;  // Sorting would open a socket per address; we sort ourselves.
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    // May answer within the call; the question frees itself when it is answered.
    Question* asked = question.release();
    ::ares_getaddrinfo(channel_, asked->host.c_str(), nullptr, &hints, &OnAnswer, asked);
    RearmTimer();
  }

  void Complete(ResolveOperation& operation, Result<Resolution> result) {
    operation.result = std::move(result);
    reactor_.run_queue().Push(operation.waiter);
  }

  // Calls back for each question.
  void CancelAll() {
    ::ares_cancel(channel_);
    RearmTimer();
  }

  [[nodiscard]] std::size_t asked() const { return asked_; }

 private:
  // What c-ares is asked; it may outlive the operation, whose deadline c-ares does not know.
  struct Question {
    Question(Channel& its_channel, ResolveOperation& its_operation)
        : channel(its_channel),
          operation(&its_operation),
          host(its_operation.host),
          timer(&OnDeadline, this) {}
    Channel& channel;
    ResolveOperation* operation;
    std::string host;
    Timer timer;
  };

  // A socket of c-ares. Level-triggered, since c-ares reads a TCP answer piece by piece.
  struct Socket final : public EventSource {
    Socket(Channel& its_channel, int its_fd) : channel(its_channel), fd(its_fd) {}
    void OnReady(std::uint32_t events) override {
      Channel& owner = channel;  // Processing may close the socket and free this.
      const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
      const bool readable = broken || (events & EPOLLIN) != 0;
      const bool writable = broken || (events & EPOLLOUT) != 0;
      const int ready = fd;
      owner.Process(readable ? ready : ARES_SOCKET_BAD, writable ? ready : ARES_SOCKET_BAD);
    }
    Channel& channel;
    int fd;
    bool watched = false;
  };

  void Process(int readable, int writable) {
    ::ares_process_fd(channel_, readable, writable);
    RearmTimer();
  }

  void RearmTimer() {
    timeval wait{};
    if (::ares_timeout(channel_, nullptr, &wait) == nullptr) {
      reactor_.timers().Disarm(timer_);
      return;
    }
    const Nanos length =
        std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec);
    reactor_.timers().Arm(timer_, reactor_.now() + length);
  }

  static void OnTimer(Timer& timer, SteadyTime /*now*/) {
    static_cast<Channel*>(timer.owner)->Process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  }

  static void OnDeadline(Timer& timer, SteadyTime /*now*/) {
    auto& question = *static_cast<Question*>(timer.owner);
    ResolveOperation& operation = *std::exchange(question.operation, nullptr);
    question.channel.Complete(
        operation, std::unexpected(ResolveError(ErrorCode::kTimeout, question.host, "deadline")));
  }

  static void OnAnswer(void* argument, int status, int /*timeouts*/, ares_addrinfo* answer) {
    const std::unique_ptr<Question> question(static_cast<Question*>(argument));
    const std::unique_ptr<ares_addrinfo, decltype(&::ares_freeaddrinfo)> owned(
        answer, &::ares_freeaddrinfo);
    Channel& channel = question->channel;
    channel.reactor_.timers().Disarm(question->timer);
    --channel.asked_;
    if (question->operation == nullptr) return;  // Its deadline has passed.
    ResolveOperation& operation = *question->operation;
    channel.Complete(operation, ToResult(status, answer, operation));
  }

  static Result<Resolution> ToResult(int status,
                                     const ares_addrinfo* answer,
                                     const ResolveOperation& operation) {
    if (status == ARES_SUCCESS && answer != nullptr && answer->nodes != nullptr) {
      return ReadAnswer(*answer, operation.port);
    }
    if (status == ARES_ECANCELLED) {
      return std::unexpected(ResolveError(ErrorCode::kCancelled, operation.host, "cancelled"));
    }
    if (operation.host == "localhost") {  // RFC 6761 §6.3: also where no hosts file has it.
      return Resolution{.addresses = {Address::Ipv4({127, 0, 0, 1}, operation.port)}};
    }
    const ErrorCode code =
        status == ARES_ETIMEOUT ? ErrorCode::kTimeout : ErrorCode::kResolveFailed;
    return std::unexpected(ResolveError(
        code, operation.host, status == ARES_SUCCESS ? "no address" : ::ares_strerror(status)));
  }

  static void OnSocketState(void* argument, int fd, int readable, int writable) {
    static_cast<Channel*>(argument)->Watch(fd, readable != 0, writable != 0);
  }

  void Watch(int fd, bool readable, bool writable) {
    const auto at = std::ranges::find_if(
        sockets_, [fd](const std::unique_ptr<Socket>& socket) { return socket->fd == fd; });
    if (!readable && !writable) {
      if (at == sockets_.end()) return;
      reactor_.Unregister(**at);
      sockets_.erase(at);
      return;
    }
    const std::uint32_t events =
        (readable ? std::uint32_t{EPOLLIN} : 0U) | (writable ? std::uint32_t{EPOLLOUT} : 0U);
    if (at != sockets_.end()) {
      if ((*at)->watched) reactor_.Modify(fd, events, **at);
      return;
    }
    auto socket = std::make_unique<Socket>(*this, fd);
    // Out of epoll watches the question ends by its timeout.
    socket->watched = reactor_.Register(fd, events, *socket).has_value();
    sockets_.push_back(std::move(socket));
  }

  Reactor& reactor_;
  ares_channel channel_ = nullptr;
  Timer timer_;
  std::size_t asked_ = 0;
  std::vector<std::unique_ptr<Socket>> sockets_;
};

AresResolver::AresResolver(std::unique_ptr<Channel> channel) : channel_(std::move(channel)) {}
AresResolver::~AresResolver() = default;

Result<std::unique_ptr<AresResolver>> AresResolver::Create(Reactor& reactor,
                                                           const ResolverOptions& options) {
  if (options.attempts < 1 || options.attempts > 10 || options.attempt_timeout <= Nanos(0)) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("dns resolver: attempts must be 1..10 and their timeout positive, got "
                            "{} and {} ns",
                            options.attempts, options.attempt_timeout.count()));
  }
  InitializeLibrary();
  auto channel = std::make_unique<Channel>(reactor);
  if (const Result<void> opened = channel->Open(options); !opened) {
    return std::unexpected(opened.error());
  }
  return std::unique_ptr<AresResolver>(new AresResolver(std::move(channel)));
}

std::size_t AresResolver::pending() const {
  return channel_->asked();
}

void AresResolver::CancelAll() {
  channel_->CancelAll();
}

void AresResolver::Begin(ResolveOperation& operation) {
  if (const Result<Address> literal = Address::ParseIp(operation.host); literal) {
    channel_->Complete(operation, Resolution{.addresses = {literal->WithPort(operation.port)}});
    return;
  }
  channel_->Ask(operation);
}

}  // namespace sluice::platform
