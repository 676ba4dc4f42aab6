// The commands of `sluice`: a wiring diagram, no logic.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "check.h"
#include "dag.h"
#include "exit_codes.h"
#include "operate.h"
#include "record_verbs.h"
#include "release.h"
#include "release_simulate.h"
#include "replay.h"
#include "running_config.h"
#include "serve.h"
#include "tour.h"
#include "version.h"
#include "warmup.h"
#include "would_have.h"
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/gateway/config/nearest.h"

namespace {

using namespace sluice::app;  // NOLINT(google-build-using-namespace): this file is its main().

void AddServe(CLI::App& app, ServeOptions& options, int& exit_code) {
  CLI::App* serve = app.add_subcommand("serve", "Run the gateway and its admin API");
  CLI::Option_group* source = serve->add_option_group("what to serve");
  source->add_option("--config,-c", options.config_file, "Configuration file (YAML)");
  CLI::Option* upstream = source->add_option("--upstream", options.upstream,
                                             "One upstream without a file, every guard in shadow: "
                                             "http://127.0.0.1:9000");
  source->require_option(1);
  serve->add_option("--listen", options.listen, "With --upstream: where to listen")
      ->needs(upstream);
  serve->add_option("--admin", options.admin, "Instead of admin.listen; \"off\" for none");
  serve->add_option("--log-level", options.log_level, "info, warn, error or off")
      ->check(CLI::IsMember({"info", "warn", "error", "off"}));
  serve->callback([&options, &exit_code] { exit_code = Serve(options); });
}

void AddCheck(CLI::App& app, std::string& file, bool& json, int& exit_code) {
  const auto format = [&json] { return json ? Format::kJson : Format::kText; };
  CLI::App* check = app.add_subcommand("check", "Validate a configuration: every problem at once");
  check->add_option("file", file, "Configuration file")->required();
  check->add_flag("--json", json, "For machines");
  check->callback([&file, &exit_code, format] { exit_code = Check(file, format()); });

  CLI::App* config = app.add_subcommand("config", "What a configuration says");
  config->require_subcommand(1);
  CLI::App* show = config->add_subcommand("show", "Every setting in force, defaults included");
  show->add_option("file", file, "Configuration file")->required();
  show->add_flag("--json", json, "For machines");
  show->callback([&file, &exit_code, format] { exit_code = ShowConfig(file, format()); });
  CLI::App* schema = config->add_subcommand("schema", "The JSON Schema of configurations");
  schema->callback([&exit_code] { exit_code = ShowSchema(); });
}

void AddDag(CLI::App& app, DagOptions& options, int& exit_code) {
  CLI::App* dag = app.add_subcommand("dag", "Flows: one answer from many calls");
  dag->require_subcommand(1);
  const auto add = [dag, &options](const char* name, const char* help) {
    CLI::App* verb = dag->add_subcommand(name, help);
    verb->add_option("file", options.file, "A configuration, or only its upstreams and flows")
        ->required();
    verb->add_option("--flow", options.flow, "Which flow, where there are several");
    return verb;
  };
  CLI::App* render = add("render", "Draw which call needs what");
  render->add_option("--format", options.format, "mermaid or dot")
      ->check(CLI::IsMember({"mermaid", "dot"}));
  render->callback([&options, &exit_code] { exit_code = RenderDag(options); });
  CLI::App* run = add("run", "Run it once against its upstreams, with a trace");
  run->add_option("--input", options.input, "JSON file: method, path, query, headers, body");
  run->add_option("--gantt", options.gantt, "Write a picture of the run: FILE.svg or FILE.html");
  run->add_flag("--json", options.json, "For machines");
  run->callback([&options, &exit_code] { exit_code = RunDag(options); });
}

void AddOperate(CLI::App& app, OperateOptions& options, int& exit_code) {
  const auto add_to = [&options](CLI::App& parent, const char* name, const char* help) {
    CLI::App* verb = parent.add_subcommand(name, help);
    verb->add_option("--admin", options.admin, "Admin API: host:port or unix:/path")
        ->capture_default_str();
    verb->add_option("--token-file", options.token_file, "File with the admin token");
    verb->add_flag("--json", options.json, "For machines");
    return verb;
  };
  const auto add = [&](const char* name, const char* help) { return add_to(app, name, help); };
  add_to(*app.get_subcommand("config"), "running",
         "The configuration of a running gateway: what differs from the defaults, and what it has "
         "learnt")
      ->callback([&] { exit_code = ShowRunningConfig(options); });
  CLI::App* status = add("status", "What a running gateway says of itself");
  status->add_flag("--would-have", options.would_have,
                   "What each rule refused, or would have if it were enforced, and why");
  status->callback([&] { exit_code = options.would_have ? WouldHave(options) : Status(options); });
  CLI::App* reload = add("reload", "Put a new configuration in force");
  reload->add_option("--config,-c", options.config_file, "This file, instead of the gateway's own");
  reload->callback([&] { exit_code = Reload(options); });
  add("drain", "Finish what is in flight, then end")->callback([&] { exit_code = Drain(options); });
  add("upgrade", "Hand over to the binary that is now installed")->callback([&] {
    exit_code = Upgrade(options);
  });
  CLI::App* top = add("top", "Live view in the terminal");
  top->add_option("--interval", options.interval_seconds, "Seconds between two views")
      ->check(CLI::Range(0.1, 3600.0));
  top->add_option("--count", options.count, "Views before it ends; 0: until interrupted");
  top->callback([&] { exit_code = Top(options); });
}

void AddReleasePages(CLI::App& release, ReleaseOptions& options, int& exit_code) {
  const auto add = [&release, &options](const char* name, const char* help) {
    CLI::App* verb = release.add_subcommand(name, help);
    verb->add_option("--admin", options.admin.admin, "Admin API: host:port or unix:/path")
        ->capture_default_str();
    verb->add_option("--token-file", options.admin.token_file, "File with the admin token");
    verb->add_flag("--json", options.admin.json, "For machines");
    return verb;
  };
  const auto add_named = [&add, &options](const char* name, const char* help) {
    CLI::App* verb = add(name, help);
    verb->add_option("name", options.name, "The release")->required();
    return verb;
  };
  add("list", "Every release and where it stands")->callback([&options, &exit_code] {
    exit_code = ListReleases(options);
  });
  CLI::App* show = add_named("show", "One release: its step, its evidence, its verdict");
  show->add_flag("--watch", options.watch, "Until it has ended; the exit code says how");
  show->add_option("--interval", options.interval_seconds, "Seconds between two looks")
      ->check(CLI::Range(0.1, 3600.0));
  show->callback([&options, &exit_code] { exit_code = ShowRelease(options); });
  add_named("history", "What happened, when, by whom and why")->callback([&options, &exit_code] {
    exit_code = ShowReleaseHistory(options);
  });
  CLI::App* explain = add_named("explain", "Why it stands where it does, and what a user gets");
  explain->add_option("--user,--key", options.user, "One user, by the value of its key");
  explain->callback([&options, &exit_code] { exit_code = ExplainRelease(options); });
  for (const char* command : {"start", "pause", "resume", "approve", "promote", "abort", "undo"}) {
    CLI::App* verb = add_named(command, "Gives this order");
    verb->add_option("--reason", options.reason, "For the history");
    verb->add_option("--if-generation", options.if_generation,
                     "Only if nothing has happened since this generation");
    if (std::string(command) == "start") {
      verb->add_flag("--force", options.force, "Also a candidate that was aborted");
    }
    verb->callback(
        [&options, &exit_code, command] { exit_code = CommandRelease(options, command); });
  }
}

void AddRelease(CLI::App& app,
                ReleaseOptions& release_options,
                SimulateOptions& options,
                int& exit_code) {
  CLI::App* release = app.add_subcommand("release", "Gray releases");
  release->require_subcommand(1);
  AddReleasePages(*release, release_options, exit_code);
  CLI::App* simulate = release->add_subcommand(
      "simulate", "What the judge, and thresholds of others, do with the same simulated traffic");
  simulate->add_option("--runs", options.runs, "Of each figure")->check(CLI::Range(10, 100'000));
  simulate->add_option("--seed", options.seed, "The same seed gives the same tables");
  simulate->add_option("--r0", options.tolerance, "How many times stable's rate is still good")
      ->check(CLI::Range(1.0, 100.0));
  simulate->add_option("--alpha", options.alpha, "False alarms at most")
      ->check(CLI::Range(1e-6, 0.2));
  simulate->add_flag("--json", options.json, "For machines");
  simulate->callback([&options, &exit_code] { exit_code = SimulateRelease(options); });
}

void AddDemo(CLI::App& app, sluice::demo::DemoOptions& options, int& exit_code) {
  CLI::App* demo = app.add_subcommand("demo", "A guided tour: what users see when things break");
  demo->add_option("--break", options.only, "This step alone")
      ->check(CLI::IsMember(sluice::demo::StepNames()));
  demo->add_option("--binaries", options.binaries,
                   "The folder of sluice and sluice-booking, if not that of this program");
  demo->add_option("--config,-c", options.config_file,
                   "Of the gateway, instead of that of examples/booking");
  demo->add_flag("--json", options.json, "One document at the end, for machines");
  demo->callback([&options, &exit_code] { exit_code = Tour(options); });
}

// What CLI11 says of a word that is no verb does not name it. True when it has been said here.
bool ComplainOfVerb(const CLI::App& app, const std::vector<std::string>& words) {
  std::vector<std::string_view> verbs;
  for (const CLI::App* verb : app.get_subcommands({}))
    verbs.push_back(verb->get_name());
  if (!words.empty()) {
    const auto known = std::ranges::find(verbs, words.front());
    if (known != verbs.end()) {
      const CLI::App& verb = *app.get_subcommand(words.front());
      const bool has_verbs = !verb.get_subcommands({}).empty();
      return has_verbs && ComplainOfVerb(verb, {words.begin() + 1, words.end()});
    }
    if (words.front().starts_with('-')) return false;
  }
  const std::string name = app.get_parent() == nullptr
                               ? app.get_name()
                               : app.get_parent()->get_name() + " " + app.get_name();
  const std::string wrong =
      words.empty() ? "needs a verb"
                    : fmt::format("unknown verb `{}`{}", words.front(),
                                  sluice::gateway::config::DidYouMean(words.front(), verbs));
  fmt::print(stderr, "{}: {}\nThe verbs are: {}. `{} --help` tells what each does.\n", name, wrong,
             fmt::join(verbs, ", "), name);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Sluice keeps transaction systems up", "sluice");
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  int exit_code = kSuccess;
  ServeOptions serve;
  serve.command.assign(argv, argv + argc);
  std::string file;
  bool json = false;
  OperateOptions operate;
  sluice::demo::DemoOptions demo;
  AddServe(app, serve, exit_code);
  AddCheck(app, file, json, exit_code);
  DagOptions dag;
  AddDag(app, dag, exit_code);
  AddOperate(app, operate, exit_code);
  AddDemo(app, demo, exit_code);
  ReleaseOptions release;
  SimulateOptions simulate;
  AddRelease(app, release, simulate, exit_code);
  RecordOptions record;
  AddRecord(app, record, exit_code);
  ReplayOptions replay;
  AddReplay(app, replay, exit_code);
  WarmupVerb warmup;
  AddWarmup(app, warmup, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool is_help = error.get_exit_code() == 0;
    if (!is_help && ComplainOfVerb(app, {argv + 1, argv + argc})) return kUsage;
    const int code = app.exit(error);
    return code == 0 ? kSuccess : kUsage;
  }
  return exit_code;
}
