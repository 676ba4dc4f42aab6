#include "booking/role_service.h"

#include <chrono>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/contract/task_group.h"
#include "sluice/platform/sim/loop.h"
#include "sluice/platform/sim/world.h"

namespace booking {
namespace {

using namespace std::chrono_literals;
using sluice::Nanos;
using sluice::Task;
using testing::ElementsAre;

class RoleServiceTest : public testing::Test {
 protected:
  // Asks so often at once, and tells when each had its answer.
  std::vector<Nanos> AskAtOnce(RoleService& service, int times, std::string_view path) {
    std::vector<Nanos> ends;
    loop_.Enter([&] {
      for (int i = 0; i < times; ++i)
        tasks_.Spawn(Ask(service, path, ends));
    });
    world_.RunFor(10s);
    EXPECT_EQ(tasks_.running(), 0U);
    return ends;
  }

  sluice::sim::World world_{/*seed=*/1};
  sluice::sim::Loop& loop_ = world_.AddLoop({.name = "role"});

 private:
  Task<void> Ask(RoleService& service, std::string_view path, std::vector<Nanos>& ends) {
    const sluice::SteadyTime begun = loop_.now();
    sluice::wire::RequestHead head;
    head.path = path;
    const Reply reply = co_await service.Answer(head, "");
    EXPECT_EQ(reply.status, 200);
    ends.push_back(loop_.now() - begun);
  }

  sluice::TaskGroup tasks_;
};

TEST_F(RoleServiceTest, WorksOnAnyNumberAtOnce) {
  RoleService service(loop_, {.role = Role::kUser, .delay = 40ms});
  EXPECT_THAT(AskAtOnce(service, 3, "/users/ann"), ElementsAre(40ms, 40ms, 40ms));
}

TEST_F(RoleServiceTest, LetsThoseBeyondItsWorkersWaitInLine) {
  RoleService service(loop_, {.role = Role::kUser, .delay = 40ms, .workers = 2});
  EXPECT_THAT(AskAtOnce(service, 5, "/users/ann"), ElementsAre(40ms, 40ms, 80ms, 80ms, 120ms));
  EXPECT_THAT(AskAtOnce(service, 1, "/users/ann"), ElementsAre(40ms)) << "all workers are free";
}

TEST_F(RoleServiceTest, TellsOfItselfAtOnce) {
  RoleService service(loop_, {.role = Role::kUser, .delay = 40ms, .workers = 1});
  EXPECT_THAT(AskAtOnce(service, 2, "/stats"), ElementsAre(0ms, 0ms));
}

}  // namespace
}  // namespace booking
