#include <array>

#include "sluice/gateway/config/choice_slots.h"
#include "sluice/gateway/config/describe.h"
#include "sluice/gateway/config/scalar_slots.h"
#include "sluice/gateway/config/slots.h"

namespace sluice::gateway::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::array<std::string_view, 2> kOpaqueBodies{"drop", "keep"};

}  // namespace

void Describe(FieldVisitor& v, RecordConfig& x) {
  v.Field({.name = "path", .doc = "The recording: one SQLite file. Relative to `data_dir`."},
          Text(x.path, kFileRule));
  v.Field({.name = "rules",
           .doc = "Shares for some exchanges. The first rule that matches counts; none: "
                  "`sample_percent` below."},
          Objects(x.rules, {.min = 0, .max = 100}));
  v.Field({.name = "sample_percent",
           .doc = "The share that is recorded where no rule matches, by `sample_by`."},
          Percent(x.sample_percent));
  v.Field({.name = "sample_by",
           .doc = "All exchanges with one value are recorded, or none: `source_ip`, `{header: "
                  "name}`, `{cookie: name}`, `path`. By trace a request and the calls it caused "
                  "stay together.",
           .default_text = "the trace"},
          Optional(x.sample_by, [](HashOn& value) { return HashOnSlot(value); }));
  v.Field({.name = "reservoir", .doc = "What is kept of rare exchanges outside the share."},
          Object(x.reservoir));
  v.Field({.name = "max_per_second", .doc = "More are not recorded."},
          CountOr("unlimited", x.max_per_second, 10'000'000));
  v.Field({.name = "max_body_bytes", .doc = "Of a longer body only the beginning is kept."},
          Size(x.max_body_bytes, 0, 8 * kMiB));
  v.Field({.name = "max_bytes", .doc = "Of the file; beyond it the oldest exchanges go."},
          Size(x.max_bytes, kMiB, kMiB * kMiB));
  v.Field({.name = "max_age", .doc = "Exchanges older than this before the newest go."},
          Duration(x.max_age, minutes(1), hours(8760)));
  v.Field({.name = "max_queue_bytes",
           .doc = "Copies in memory, over all workers. Beyond it copies are dropped and counted; "
                  "requests never wait."},
          Size(x.max_queue_bytes, kMiB, 16 * 1024 * kMiB));
  v.Field({.name = "flush_interval",
           .doc = "Exchanges are in the file at the latest so long after their end: what a crash "
                  "can cost."},
          Duration(x.flush_interval, milliseconds(10), minutes(1)));
  v.Field({.name = "masking", .doc = "What is taken out before anything is written."},
          Object(x.masking));
}

void Describe(FieldVisitor& v, RecordRule& x) {
  v.Field({.name = "match", .doc = "Which exchanges.", .required = true}, Object(x.match));
  v.Field({.name = "sample_percent", .doc = "The share of them that is recorded."},
          Percent(x.sample_percent));
}

void Describe(FieldVisitor& v, RecordMatch& x) {
  v.Field({.name = "routes", .doc = "Names of routes."},
          List(x.routes, {.min = 0, .max = 1'000},
               [](std::string& value) { return Text(value, kNameRule); }));
  v.Field({.name = "listeners", .doc = "Names of listeners."},
          List(x.listeners, {.min = 0, .max = 100},
               [](std::string& value) { return Text(value, kNameRule); }));
  v.Field({.name = "methods", .doc = "Methods."},
          List(x.methods, {.min = 0, .max = 20},
               [](std::string& value) { return Text(value, kMethodRule); }));
  v.Field({.name = "path_prefix", .doc = "What the path begins with.", .default_text = "any"},
          Text(x.path_prefix, kPathRule));
}

void Describe(FieldVisitor& v, RecordReservoir& x) {
  v.Field({.name = "per_class",
           .doc = "So many of each route, method and class of status are recorded in a window, "
                  "over all workers, whatever the share."},
          Count(x.per_class, 0, 1'000'000));
  v.Field({.name = "window", .doc = "The length of a window."},
          Duration(x.window, seconds(1), hours(24)));
}

void Describe(FieldVisitor& v, MaskingConfig& x) {
  v.Field(
      {.name = "enabled", .doc = "Off, secrets are written as they are: for test traffic only."},
      Switch(x.enabled));
  v.Field({.name = "headers",
           .doc = "More header fields whose values are masked. Authorization, cookies and the "
                  "usual API keys always are."},
          List(x.headers, {.min = 0, .max = 100},
               [](std::string& value) { return Text(value, kTokenRule); }));
  v.Field({.name = "fields",
           .doc = "More names whose values are masked in JSON at any depth, in forms and in "
                  "queries. password, token, cvv and the like always are."},
          List(x.fields, {.min = 0, .max = 100},
               [](std::string& value) { return Text(value, kTokenRule); }));
  v.Field({.name = "json_paths",
           .doc = "Places in JSON bodies: `$.user.name`, `$.items[*].note`, `$..iban`."},
          List(x.json_paths, {.min = 0, .max = 64},
               [](std::string& value) { return Text(value, kJsonPathRule); }));
  v.Field({.name = "card_numbers",
           .doc = "Masks payment card numbers wherever they stand, in headers and bodies."},
          Switch(x.card_numbers));
  v.Field({.name = "opaque_bodies",
           .doc = "Bodies with a Content-Encoding cannot be looked into: `drop` leaves them out, "
                  "`keep` records them unmasked."},
          Word(x.opaque_bodies, {.now = kOpaqueBodies}));
  v.Field({.name = "key_file",
           .doc = "File with 32 hex digits. Equal values stay equal in all recordings of one key.",
           .default_text = "`masking.key` in `data_dir`, made if need be"},
          Text(x.key_file, kFileRule));
}

}  // namespace sluice::gateway::config
