// The sample booking service: accepts connections on one loop and answers requests, one after the
// other on each connection.
//
// An example of the library in use: a loop, a stream, a head reader, a body decoder, a task group.
// Bounded: connections, heads, bodies and every wait. Belongs to one loop.

#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <string>

#include "booking/reply.h"

#include "sluice/contract/loop.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"

namespace booking {

class Session;

class Service {
 public:
  // `loop` must outlive the service.
  Service(sluice::Loop& loop, std::string instance_name);
  ~Service();

  // Serves what `listener` accepts; completes after Stop(), when every connection has ended. The
  // listener must live until then.
  sluice::Task<void> Run(sluice::Listener& listener);

  // Accepts no more, closes idle connections, lets requests in flight finish. Idempotent.
  void Stop();

 private:
  sluice::Task<void> Serve(std::unique_ptr<sluice::Stream> stream);

  sluice::Loop& loop_;
  Instance instance_;
  sluice::Listener* listener_ = nullptr;  // While Run() accepts.
  std::set<Session*> sessions_;
  sluice::TaskGroup tasks_;
  bool stopping_ = false;
};

}  // namespace booking
