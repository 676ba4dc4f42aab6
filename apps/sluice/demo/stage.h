// Stage: the booking system as the demo plays it. Eight services, two booking instances and the
// gateway in front of them: a process each, on free ports of the loopback, with a folder of their
// own. All of them end with the stage, whatever happens.
//
// Calls block the caller and turn the loop meanwhile. Belongs to the main thread.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "demo/child_process.h"
#include "demo/http_client.h"
#include "demo/load.h"

#include "sluice/contract/address.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task_group.h"
#include "sluice/contract/time.h"
#include "sluice/platform/linux/loop.h"
#include "sluice/platform/linux/signals.h"

namespace sluice::demo {

struct StageOptions {
  std::string binaries;     // The folder of `sluice` and `sluice-booking`.
  std::string config_file;  // Of the gateway; empty: that of examples/booking.
};

// Of one booking, as its service keeps it.
inline constexpr Nanos kBookingDeadline = std::chrono::milliseconds(800);
// Payments a second: what of the system is short.
inline constexpr double kPaymentsPerSecond = 50;

// A process beside those of the stage, for one step.
struct Extra {
  enum class Kind : std::uint8_t { kBooking, kGateway };
  Kind kind = Kind::kBooking;
  std::string name;                    // Of no other process.
  std::vector<std::string> arguments;  // "127.0.0.1:0" for a port that is free.
};

class Stage {
 public:
  // Starts everything and waits until it serves. Fails with kNotFound (a program), kInvalidConfig
  // (the gateway refuses its file) or kInputOutput. An interrupt (SIGINT, SIGTERM, SIGHUP) ends all
  // processes of the stage and then this one, with 128 and the signal's number.
  static Result<std::unique_ptr<Stage>> Open(const StageOptions& options);
  ~Stage();

  // `name` is a service ("inventory"), an instance ("a", "b") or "gateway".
  void Kill(std::string_view name);
  // Neither answers nor dies until Thaw().
  void Freeze(std::string_view name);
  void Thaw(std::string_view name);
  // Starts it again where it was. Does not wait until it serves.
  void Restart(std::string_view name);
  [[nodiscard]] bool IsRunning(std::string_view name);

  // Starts it and waits until it serves. Fails as Open(). It ends with the stage, or sooner.
  [[nodiscard]] Result<void> Engage(const Extra& extra);
  void Dismiss(std::string_view name);
  // Of the services, as a booking instance reads it.
  [[nodiscard]] std::string Dependencies() const;
  // A file in the stage's folder. Returns its path.
  [[nodiscard]] Result<std::string> Write(std::string_view name, std::string_view text);
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] const Address& AddressOf(std::string_view name) { return PlayerOf(name).address; }
  // What followed `mark` where the process said it last.
  [[nodiscard]] Result<Address> SaidAddress(std::string_view name, std::string_view mark);

  // One user's question to the gateway.
  [[nodiscard]] Answer Ask(const Question& question);
  // A page of the gateway's admin API.
  [[nodiscard]] Answer AskAdmin(std::string_view path);
  // A question to a service itself, beside the gateway.
  [[nodiscard]] Answer AskService(std::string_view name, const Question& question);
  // Turns the loop for so long.
  void Pause(Nanos span);
  // A question to whom the stage does not know, over a connection of its own.
  [[nodiscard]] Answer AskAt(const Address& address, const Question& question);
  // Many users', of the process `via`. `progress` hears the phase from time to time.
  [[nodiscard]] std::vector<Sample> Run(const LoadPlan& plan,
                                        const std::function<void(std::string_view)>& progress,
                                        std::string_view via = "gateway");

  [[nodiscard]] std::size_t processes() const { return players_.size(); }
  [[nodiscard]] const Address& gateway() const { return players_.at("gateway").address; }

 private:
  struct Player {
    ChildCommand command;
    std::string address_mark;  // What its address follows in what it says.
    bool is_gateway = false;   // It says beside it when it serves.
    Address address;
    std::optional<ChildProcess> process;
  };

  explicit Stage(std::unique_ptr<platform::EpollLoop> loop) : loop_(std::move(loop)) {}
  [[nodiscard]] Result<void> Begin(const StageOptions& options);
  [[nodiscard]] Result<void> BeginServices(const std::string& program);
  [[nodiscard]] Result<void> BeginInstances(const std::string& program);
  [[nodiscard]] Result<void> BeginGateway(const StageOptions& options);
  void Add(const std::string& name, const std::string& program, std::string_view address_mark);
  [[nodiscard]] Result<void> StartAll(const std::vector<std::string>& names);
  [[nodiscard]] Result<void> AwaitAddress(const std::string& name);
  [[nodiscard]] Answer AskAt(std::string_view name, const Address& at, const Question& question);
  [[nodiscard]] Player& PlayerOf(std::string_view name);
  void TurnUntil(const std::function<bool()>& done);
  void EndAll();

  std::unique_ptr<platform::EpollLoop> loop_;
  std::unique_ptr<platform::SignalWatcher> signals_;
  std::string binaries_;
  std::string folder_;
  std::map<std::string, Player, std::less<>> players_;
  Address admin_;  // Of the gateway.
  std::map<std::string, std::unique_ptr<HttpClient>, std::less<>> clients_;
  TaskGroup tasks_;
};

}  // namespace sluice::demo
