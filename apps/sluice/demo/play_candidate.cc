// The step `candidate`: a new version of booking is released by a plan. The first one is broken and
// goes back by itself; the second one takes over, although the gateway is killed on the way.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "demo/step.h"
#include "demo/tally.h"
#include "demo/users.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::demo {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;

constexpr std::string_view kGateway = "release";  // A gateway of its own, with a plan.
constexpr std::string_view kCandidate = "c";      // The new version's instance.
constexpr std::string_view kAdminMark = "admin_listening address=";
constexpr std::string_view kRelease = "/api/v1/releases/booking-v2";
constexpr double kReleaseBookingsPerSecond = 30;
constexpr std::size_t kKnownUsers = 30;
constexpr Nanos kRollbackMax = 5s;
constexpr int kSecondsMax = 40;
constexpr int kRestartLooksMax = 400;
constexpr Nanos kLookInterval = 50ms;

// The services as version 2.0 has them: it looks for one of them where nobody is.
std::string WithoutInventory(std::string dependencies) {
  const std::size_t begin = dependencies.find("inventory ");
  const std::size_t end = dependencies.find('\n', begin);
  return dependencies.replace(begin, end - begin, "inventory 127.0.0.1:1");
}

class Act {
 public:
  Act(Stage& stage, Scene& scene) : stage_(stage), scene_(scene) {}
  Act(const Act&) = delete;
  Act& operator=(const Act&) = delete;
  ~Act() {
    stage_.Dismiss(kGateway);
    stage_.Dismiss(kCandidate);
  }

  // Both processes serve, on ports that they keep. Otherwise why not.
  [[nodiscard]] Result<void> Begin() {
    const Result<std::string> services =
        stage_.Write("dependencies-c", WithoutInventory(stage_.Dependencies()));
    if (!services) return std::unexpected(services.error());
    const Result<void> candidate =
        stage_.Engage({.kind = Extra::Kind::kBooking,
                       .name = std::string(kCandidate),
                       .arguments = {"--name", std::string(kCandidate), "--listen", "127.0.0.1:0",
                                     "--dependencies", *services}});
    if (!candidate) return candidate;
    const Result<std::string> file = WriteConfig("2.0");
    if (!file) return std::unexpected(file.error());
    const Result<void> gateway = stage_.Engage({.kind = Extra::Kind::kGateway,
                                                .name = std::string(kGateway),
                                                .arguments = {"serve", "--config", *file}});
    if (!gateway) return gateway;
    const Result<Address> admin = stage_.SaidAddress(kGateway, kAdminMark);
    if (!admin) return std::unexpected(admin.error());
    admin_ = *admin;
    admin_listen_ = admin->ToString();
    public_ = stage_.AddressOf(kGateway).ToString();
    const Result<std::string> again = WriteConfig("2.0");
    if (!again) return std::unexpected(again.error());
    RestartGateway();
    return {};
  }

  // The release as the admin API tells it; an empty object: it tells nothing.
  [[nodiscard]] Json Look(std::string_view page = {}) {
    const Answer answer = stage_.AskAt(admin_, {.target = fmt::format("{}{}", kRelease, page)});
    Json json = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
    return json.is_object() ? json : Json::object();
  }
  [[nodiscard]] int Post(const std::string& target) {
    return stage_
        .AskAt(admin_,
               {.method = wire::Method::kPost, .target = target, .body = R"({"actor":"demo"})"})
        .status;
  }
  [[nodiscard]] int Start() { return Post(fmt::format("{}/start", kRelease)); }

  // Bookings go on until `done` holds for the release, a second at a time. Returns what users got.
  std::vector<Sample> BookUntil(const std::function<bool(const Json&)>& done) {
    std::vector<Sample> all;
    for (int second = 0; second < kSecondsMax; ++second) {
      const Json release = Look();
      if (done(release)) break;
      scene_.Progress(
          fmt::format("{:.0f} bookings a second; {:.4g} % of the users have the new "
                      "version: {}",
                      kReleaseBookingsPerSecond, release.value("weight_percent", 0.0),
                      release.value("explain", "")));
      const std::size_t first = asked_;
      const LoadPlan plan{.phases = {{.name = "booking",
                                      .per_second = kReleaseBookingsPerSecond,
                                      .length = 1s,
                                      .start = PhaseStart::kOnTime,
                                      .at_begin = {}}},
                          .question = [first](std::size_t i) { return BookingOf(first + i); }};
      for (Sample& sample : stage_.Run(plan, [](std::string_view) {}, kGateway)) {
        sample.due += std::chrono::seconds(second);
        all.push_back(std::move(sample));
      }
      asked_ += static_cast<std::size_t>(kReleaseBookingsPerSecond);
    }
    return all;
  }

  // Which instance each of the known users gets: only whether it is the new one counts.
  [[nodiscard]] std::vector<bool> WhoGetsTheCandidate() {
    std::vector<bool> gets;
    for (std::size_t i = 0; i < kKnownUsers; ++i)
      gets.push_back(stage_.AskAt(stage_.AddressOf(kGateway), SearchOf(i)).instance == kCandidate);
    return gets;
  }

  // The services are where they are, the instance is a new one, and so is the version.
  [[nodiscard]] bool Mend() {
    const bool written = stage_.Write("dependencies-c", stage_.Dependencies()).has_value() &&
                         WriteConfig("2.1").has_value();
    stage_.Restart(kCandidate);
    AwaitAnswer(stage_.AddressOf(kCandidate), "/healthz");
    return written && Post("/api/v1/reload") == 200;
  }

  // Killed at once (kill -9), and started again.
  void RestartGateway() {
    stage_.Kill(kGateway);
    stage_.Restart(kGateway);
    AwaitAnswer(admin_, "/readyz");
  }

 private:
  // Until a process that was just started serves. If it never does, users will tell.
  void AwaitAnswer(const Address& address, const std::string& target) {
    for (int look = 0; look < kRestartLooksMax; ++look) {
      if (stage_.AskAt(address, {.target = target}).status == 200) return;
      stage_.Pause(kLookInterval);
    }
  }

  [[nodiscard]] Result<std::string> WriteConfig(std::string_view version) {
    return stage_.Write(
        "release.yaml",
        fmt::format("admin: {{listen: \"{}\"}}\n"
                    "data_dir: \"{}/release-data\"\n"
                    "listeners: [{{name: public, listen: \"{}\"}}]\n"
                    "upstreams:\n"
                    "  - {{name: booking, endpoints: [\"{}\", \"{}\"]}}\n"
                    "  - {{name: booking-v2, endpoints: [\"{}\"]}}\n"
                    "routes: [{{name: all, upstream: booking, timeout: 2s}}]\n"
                    "releases:\n"
                    "  - name: booking-v2\n"
                    "    stable: booking\n"
                    "    candidate: booking-v2\n"
                    "    version: \"{}\"\n"
                    "    key: [{{header: x-user-id}}]\n"
                    "    steps:\n"
                    "      - {{weight_percent: 20, bake: 2s}}\n"
                    "      - {{weight_percent: 50, bake: 3s}}\n"
                    "      - {{weight_percent: 100, bake: 2s}}\n"
                    "    judge:\n"
                    "      min_samples: 10\n"
                    "      metrics:\n"
                    "        - {{name: errors, event: \"status >= 500 || timeout || reset || "
                    "connect_failure\", critical: true}}\n",
                    admin_listen_, stage_.folder(), public_, stage_.AddressOf("a").ToString(),
                    stage_.AddressOf("b").ToString(), stage_.AddressOf(kCandidate).ToString(),
                    version));
  }

  Stage& stage_;
  Scene& scene_;
  Address admin_;
  std::string admin_listen_ = "127.0.0.1:0";
  std::string public_ = "127.0.0.1:0";
  std::size_t asked_ = 0;
};

bool IsIn(const Json& release, std::string_view state) {
  return release.value("state", "") == state;
}

void PlayBroken(Act& act, Scene& scene) {
  scene.Say(
      "Version 2.0 of booking is to have 20 % of the users, then half of them, then all. But it "
      "looks for the inventory where nobody is. Nobody watches it; the judge does:");
  scene.Require(act.Start() == 200, "the release of 2.0 starts");
  const std::vector<Sample> samples =
      act.BookUntil([](const Json& release) { return IsIn(release, "rolled_back"); });
  const Json release = act.Look();
  Nanos first = Nanos::max();
  Nanos last{0};
  std::size_t failed = 0;
  for (const Sample& sample : samples) {
    if (IsGood(sample.answer)) continue;
    ++failed;
    first = std::min(first, sample.due);
    last = std::max(last, sample.due);
  }
  const std::string why = release.value("why", "");
  scene.Line("");
  for (const std::string& line : Wrap(why, 72))
    scene.Line("  " + line);
  scene.Line("");
  scene.Note("rollback", why);
  scene.Require(IsIn(release, "rolled_back") && why.starts_with("FAIL"),
                "it is rolled back by itself, and says why in one sentence");
  scene.Require(failed > 0 && last - first <= kRollbackMax,
                fmt::format("{} of {} bookings failed, the last one {} after the first", failed,
                            samples.size(), InMilliseconds(failed > 0 ? last - first : 0ns)));
  scene.Require(act.Start() == 409, "and it does not start again, unless somebody forces it");
}

void PlayMended(Act& act, Scene& scene) {
  scene.Line("");
  scene.Say(
      "Version 2.1 knows where the inventory is. On its way the gateway is killed (kill -9):");
  scene.Require(act.Mend() && act.Start() == 200, "the release of 2.1 starts");
  std::vector<Sample> samples = act.BookUntil(
      [](const Json& release) { return IsIn(release, "baking") && release.value("step", 0) == 2; });
  const std::vector<bool> before = act.WhoGetsTheCandidate();
  act.RestartGateway();
  const Json resumed = act.Look();
  const std::vector<bool> after = act.WhoGetsTheCandidate();
  const auto new_ones = std::ranges::count(before, true);
  scene.Require(IsIn(resumed, "baking") && resumed.value("weight_percent", 0.0) == 50,
                "the plan goes on where it was, with the same weight");
  scene.Require(before == after && new_ones > 0 && new_ones < std::ssize(before),
                fmt::format("and each of {} users has the version of before: {} the new one",
                            before.size(), new_ones));
  for (Sample& sample :
       act.BookUntil([](const Json& release) { return IsIn(release, "completed"); })) {
    samples.push_back(std::move(sample));
  }
  const Tally tally = Count(samples, [](const Sample&) { return true; });
  scene.Require(IsIn(act.Look(), "completed"), "every step passes, and all users have 2.1");
  scene.Require(tally.good == tally.asked,
                fmt::format("{} of {} bookings are made meanwhile", tally.good, tally.asked));
  scene.Line("");
  std::uint64_t shown = 0;
  for (const Json& past : act.Look("/history").value("history", Json::array())) {
    if (past.value("to", "") == "pending") ++shown;
    if (shown < 2) continue;  // Of 2.0.
    scene.Line(fmt::format("{:>4}  {:<11} → {:<10} {:>4.4g} %  {}", past.value("generation", 0),
                           past.value("from", ""), past.value("to", ""),
                           past.value("weight_percent", 0.0), past.value("reason", "")));
  }
}

}  // namespace

void PlayCandidate(Stage& stage, Scene& scene) {
  Act act(stage, scene);
  const Result<void> begun = act.Begin();
  if (!begun) {
    scene.Require(false, fmt::format("the new version starts: {}", begun.error().detail));
    return;
  }
  PlayBroken(act, scene);
  PlayMended(act, scene);
}

}  // namespace sluice::demo
