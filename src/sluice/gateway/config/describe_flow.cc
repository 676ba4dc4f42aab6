#include <array>

#include "sluice/gateway/config/describe.h"
#include "sluice/gateway/config/flow_text_rules.h"
#include "sluice/gateway/config/scalar_slots.h"
#include "sluice/gateway/config/slots.h"
#include "sluice/gateway/config/tree_slot.h"

namespace sluice::gateway::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr std::array<std::string_view, 2> kItemFailures{"fail_fast", "collect"};

auto Templates(std::map<std::string, std::string>& values, KeyRule key, const TextRule& rule) {
  return Map(values, key, [&rule](std::string& text) { return Text(text, rule); });
}

auto OptionalTree(std::optional<flows::ValueTree>& value, std::string_view type) {
  return Optional(value, [type](flows::ValueTree& tree) { return Tree(tree, type); });
}

}  // namespace

void Describe(FieldVisitor& v, FlowConfig& x) {
  v.Field({.name = "name", .doc = "Stands in routes and metrics.", .required = true},
          Text(x.name, kNameRule));
  v.Field({.name = "max_in_flight",
           .doc = "Runs at once, shared out to the workers. Beyond it a run waits or is refused."},
          Count(x.max_in_flight, 1, 1'000'000));
  v.Field({.name = "queue", .doc = "Runs that wait for a place, shared out likewise."},
          Count(x.queue, 0, 1'000'000));
  v.Field({.name = "trace", .doc = "Which runs are kept for the admin API."}, Object(x.trace));
  v.Field({.name = "nodes",
           .doc = "The calls. What needs what follows from their templates.",
           .required = true},
          Objects(x.nodes, {.min = 1, .max = 200}));
  v.Field({.name = "response", .doc = "What the client gets.", .required = true},
          Object(x.response));
}

void Describe(FieldVisitor& v, FlowNodeConfig& x) {
  v.Field({.name = "name", .doc = "What templates call it.", .required = true},
          Text(x.name, kNodeNameRule));
  v.Field({.name = "upstream", .doc = "A name from `upstreams[]`.", .required = true},
          Text(x.upstream, kNameRule));
  v.Field({.name = "method", .doc = "`GET`, `POST`, …"}, Text(x.method, kMethodRule));
  v.Field({.name = "path",
           .doc = "Template of the path, perhaps with a query. Values are percent-encoded.",
           .required = true},
          Text(x.path, kFlowPathRule));
  v.Field({.name = "query", .doc = "Templates by parameter. Values are form-encoded."},
          Templates(x.query, kPlainRule.check, kFlowTextRule));
  v.Field({.name = "headers", .doc = "Templates by field."},
          Templates(x.headers, kTokenRule.check, kFlowHeaderRule));
  v.Field({.name = "body", .doc = "Sent as JSON. Its texts are templates.", .default_text = "none"},
          OptionalTree(x.body, "any value"));
  v.Field(
      {.name = "after", .doc = "Nodes whose ends are waited for, though none of theirs is read."},
      List(x.after, {.min = 0, .max = 200},
           [](std::string& value) { return Text(value, kNodeNameRule); }));
  v.Field(
      {.name = "when", .doc = "The call is made only where this holds.", .default_text = "always"},
      OptionalTree(x.when, "condition"));
  v.Field({.name = "for_each", .doc = "One call for each element of an array."},
          OptionalObject(x.for_each));
  v.Field({.name = "timeout",
           .doc = "From its start, over all attempts and pauses. `0s`: only the run's deadline."},
          Duration(x.timeout, Nanos(0), hours(24)));
  v.Field({.name = "retry", .doc = "When to send again. Absent: never."}, OptionalObject(x.retry));
  v.Field({.name = "idempotent",
           .doc = "Whether sending twice does no harm.",
           .default_text = "by the method"},
          Optional(x.idempotent, [](bool& on) { return Switch(on); }));
  v.Field({.name = "hedge_after",
           .doc = "A second attempt beside one this slow; the first success counts. `0s`: never."},
          Duration(x.hedge_after, Nanos(0), hours(1)));
  v.Field({.name = "optional", .doc = "Its failure leaves it without an answer."},
          Switch(x.optional));
  v.Field({.name = "fallback", .doc = "A fixed answer in place of a failure."},
          OptionalObject(x.fallback));
  v.Field({.name = "accept", .doc = "Statuses from 400 on that are answers, not failures."},
          List(x.accept, {.min = 0, .max = 32},
               [](StatusRange& value) { return StatusRangeSlot(value); }));
  v.Field({.name = "max_answer_bytes", .doc = "A longer body is a failure."},
          Size(x.max_answer_bytes, kKiB, 64 * kMiB));
  v.Field({.name = "effect", .doc = "Called though the response does not need it."},
          Switch(x.effect));
}

void Describe(FieldVisitor& v, FlowForEachConfig& x) {
  v.Field({.name = "items", .doc = "A reference to an array.", .required = true},
          Text(x.items, kReferenceRule));
  v.Field({.name = "max_parallel", .doc = "Calls at once."}, Count(x.max_parallel, 1, 1'000));
  v.Field({.name = "max_items", .doc = "A longer array fails the node."},
          Count(x.max_items, 1, 10'000));
  v.Field({.name = "on_failure",
           .doc = "`fail_fast`: the first failure stops the others and fails the node. `collect`: "
                  "a failed call is `null` in the array of answers."},
          Word(x.on_failure, {.now = kItemFailures}));
}

void Describe(FieldVisitor& v, FlowFallbackConfig& x) {
  v.Field({.name = "body", .doc = "Without placeholders.", .required = true},
          Tree(x.body, "any value"));
}

void Describe(FieldVisitor& v, FlowResponseConfig& x) {
  v.Field({.name = "status", .doc = "A number, or one placeholder."},
          Text(x.status, kFlowStatusRule));
  v.Field({.name = "headers", .doc = "Templates by field."},
          Templates(x.headers, kTokenRule.check, kFlowHeaderRule));
  v.Field({.name = "body", .doc = "Sent as JSON. Its texts are templates.", .default_text = "none"},
          OptionalTree(x.body, "any value"));
}

void Describe(FieldVisitor& v, FlowTraceConfig& x) {
  v.Field({.name = "slower_than", .doc = "Slower runs are kept; failed ones in any case."},
          Duration(x.slower_than, Nanos(0), hours(1)));
  v.Field({.name = "keep", .doc = "The last so many of them."}, Count(x.keep, 0, 256));
}

}  // namespace sluice::gateway::config
