// HttpServer: accepts connections on one loop and answers requests, one after the other on each
// connection. Every process of the example is one; what it answers is its Handler's business.
//
// An example of the library in use: a loop, a stream, a head reader, a body decoder, a task group.
// Bounded: connections, heads, bodies and every wait. Belongs to one loop.

#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/loop.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/contract/time.h"
#include "sluice/wire/http_head.h"

namespace booking {

struct Header {
  std::string name;
  std::string value;
};

struct Reply {
  int status = 200;
  std::string_view content_type = "application/json";
  std::string body;
  std::vector<Header> headers = {};
  sluice::Nanos delay{0};  // Before the answer, or before each chunk of it.
  int chunks = 0;          // Not 0: the body is sent so often, each time as a chunk.
};

class Handler {
 public:
  virtual ~Handler() = default;
  // `head` and `body` live until the reply is there.
  virtual sluice::Task<Reply> Answer(const sluice::wire::RequestHead& head,
                                     std::string_view body) = 0;
};

class Session;

class HttpServer {
 public:
  // Answers carry `instance` as x-instance. `loop` and `handler` must outlive the server.
  HttpServer(sluice::Loop& loop, std::string instance, Handler& handler);
  ~HttpServer();

  // Serves what `listener` accepts; completes after Stop(), when every connection has ended. The
  // listener must live until then.
  sluice::Task<void> Run(sluice::Listener& listener);

  // Accepts no more, closes idle connections, lets requests in flight finish. Idempotent.
  void Stop();

 private:
  sluice::Task<void> Serve(std::unique_ptr<sluice::Stream> stream);

  sluice::Loop& loop_;
  std::string instance_;
  Handler& handler_;
  sluice::Listener* listener_ = nullptr;  // While Run() accepts.
  std::set<Session*> sessions_;
  sluice::TaskGroup tasks_;
  bool stopping_ = false;
};

}  // namespace booking
