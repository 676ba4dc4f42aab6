// A simulated instance of a service, for the scenarios of this room.
//
// It answers every request after the delay and with the status that `answer` says for it; requests
// are counted from 1. `World` is sim::World: this header sees only the contract.

#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/contract/address.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"

namespace sluice::warmup {

struct ServiceAnswer {
  Nanos delay{0};
  int status = 200;
  std::string fields = {};  // Lines of the head.
};

template <typename World>
class SimulatedService {
 public:
  using Answer = std::function<ServiceAnswer(const std::string& head, std::uint64_t number)>;

  SimulatedService(World& world, const Address& address, Answer answer)
      : world_(world),
        loop_(world.AddLoop({.name = "service", .host = address.WithPort(0)})),
        answer_(std::move(answer)) {
    loop_.Enter([this, &address] {
      listener_ = std::move(loop_.Listen(address, {}).value());
      tasks_.Spawn(AcceptAll());
    });
  }
  ~SimulatedService() {
    loop_.Enter([this] {
      listener_->Cancel();
      for (Stream* stream : streams_)
        stream->Cancel();
    });
    EXPECT_TRUE(world_.RunUntil([this] { return tasks_.running() == 0; }, std::chrono::minutes(2)));
    loop_.Enter([this] { listener_.reset(); });
  }

  std::vector<std::string> heads;  // Of the requests, in the order of their coming.
  std::size_t connections = 0;
  std::size_t in_service = 0;
  std::size_t in_service_max = 0;

 private:
  Task<void> AcceptAll() {
    for (;;) {
      Result<std::unique_ptr<Stream>> stream = co_await listener_->Accept();
      if (!stream) co_return;
      ++connections;
      tasks_.Spawn(Serve(std::move(*stream)));
    }
  }

  static std::size_t BodyBytes(const std::string& head) {
    const std::size_t at = head.find("content-length: ");
    return at == std::string::npos ? 0 : static_cast<std::size_t>(std::stoul(head.substr(at + 16)));
  }

  Task<void> Serve(std::unique_ptr<Stream> stream) {
    streams_.push_back(stream.get());
    std::string received;
    bool goes_on = true;
    while (goes_on) {
      const Result<ByteView> got = co_await stream->Receive(kNever);
      if (!got || got->empty()) break;
      received += *got;
      for (;;) {
        const std::size_t end = received.find("\r\n\r\n");
        if (end == std::string::npos) break;
        std::string head = received.substr(0, end + 4);
        const std::size_t whole = head.size() + BodyBytes(head);
        if (received.size() < whole) break;
        received.erase(0, whole);
        heads.push_back(std::move(head));
        const ServiceAnswer answer = answer_(heads.back(), heads.size());
        in_service_max = std::max(in_service_max, ++in_service);
        co_await loop_.SleepUntil(loop_.now() + answer.delay);
        --in_service;
        const std::string reply = "HTTP/1.1 " + std::to_string(answer.status) + " Said\r\n" +
                                  answer.fields + "Content-Length: 2\r\n\r\nok";
        const std::array<ByteView, 1> segments = {reply};
        const std::span<const ByteView> list(segments);
        const Result<void> sent = co_await stream->Send(list, kNever);
        goes_on = sent.has_value();
      }
    }
    std::erase(streams_, stream.get());
  }

  World& world_;
  std::remove_reference_t<decltype(std::declval<World&>().AddLoop())>& loop_;
  Answer answer_;
  std::unique_ptr<Listener> listener_;
  std::vector<Stream*> streams_;
  TaskGroup tasks_;
};

}  // namespace sluice::warmup
