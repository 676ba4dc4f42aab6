#include "sluice/gateway/config/describe.h"
#include "sluice/gateway/config/scalar_slots.h"
#include "sluice/gateway/config/slots.h"

namespace sluice::gateway::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr std::int64_t kRunMax = 100'000;
constexpr std::int64_t kHostsMax = 10'000;
constexpr std::int64_t kVolumeMax = 1'000'000'000;

void DescribeRuns(FieldVisitor& v, OutlierDetectionConfig& x) {
  v.Field(
      {.name = "consecutive_5xx",
       .doc = "So many 5xx in a row eject, at once; no connection and no answer count as one. 0 "
              "does not count them."},
      Count(x.consecutive_5xx, 0, kRunMax));
  v.Field({.name = "consecutive_gateway_failure",
           .doc = "The same of 502, 503 and 504 alone. 0 does not count them."},
          Count(x.consecutive_gateway_failure, 0, kRunMax));
  v.Field({.name = "split_external_local_origin_errors",
           .doc = "Errors of our own side (no connection, no answer) count apart from 5xx."},
          Switch(x.split_external_local_origin_errors));
  v.Field({.name = "consecutive_local_origin_failure",
           .doc = "With that split: so many of them in a row eject. 0 does not count them."},
          Count(x.consecutive_local_origin_failure, 0, kRunMax));
}

void DescribeEjection(FieldVisitor& v, OutlierDetectionConfig& x) {
  v.Field({.name = "interval", .doc = "How often success rates and latencies are judged."},
          Duration(x.interval, milliseconds(10), hours(1)));
  v.Field({.name = "base_ejection_time",
           .doc = "An endpoint is out so long, times its ejections in a row."},
          Duration(x.base_ejection_time, milliseconds(1), hours(24)));
  v.Field({.name = "max_ejection_time", .doc = "Never longer than this."},
          Duration(x.max_ejection_time, milliseconds(1), hours(24)));
  v.Field({.name = "max_ejection_time_jitter", .doc = "By chance up to so much longer."},
          Duration(x.max_ejection_time_jitter, Nanos(0), hours(1)));
  v.Field({.name = "max_ejection_percent", .doc = "Of the endpoints may be out at once."},
          Percent(x.max_ejection_percent));
  v.Field({.name = "always_eject_one_host",
           .doc = "One may be out even where that is over the percentage. The only endpoint of an "
                  "upstream never is."},
          Switch(x.always_eject_one_host));
}

void DescribeStatistics(FieldVisitor& v, OutlierDetectionConfig& x) {
  v.Field({.name = "success_rate_minimum_hosts",
           .doc = "With fewer endpoints that had enough requests no success rate is judged."},
          Count(x.success_rate_minimum_hosts, 1, kHostsMax));
  v.Field({.name = "success_rate_request_volume",
           .doc = "Requests in an interval that make an endpoint's success rate count."},
          Count(x.success_rate_request_volume, 1, kVolumeMax));
  v.Field({.name = "success_rate_stdev_factor",
           .doc = "Thousandths: ejected is who lies more than so many standard deviations below "
                  "the mean. 0 judges no success rates."},
          Number(x.success_rate_stdev_factor, 0, 100'000));
  v.Field({.name = "failure_percentage_threshold",
           .doc = "Ejected is who fails this percentage of an interval or more. 0 judges none."},
          Percent(x.failure_percentage_threshold));
  v.Field({.name = "failure_percentage_minimum_hosts",
           .doc = "With fewer endpoints that had enough requests none is judged."},
          Count(x.failure_percentage_minimum_hosts, 1, kHostsMax));
  v.Field({.name = "failure_percentage_request_volume",
           .doc = "Requests in an interval that make an endpoint's failures count."},
          Count(x.failure_percentage_request_volume, 1, kVolumeMax));
  v.Field({.name = "latency_factor",
           .doc = "Ejected is whose p90 is over so many times the median of all. 0 judges none; 3 "
                  "is apt."},
          Number(x.latency_factor, 0, 1'000));
  v.Field({.name = "latency_minimum", .doc = "Who is faster than this is never ejected for it."},
          Duration(x.latency_minimum, Nanos(0), hours(1)));
  v.Field({.name = "latency_minimum_hosts",
           .doc = "With fewer endpoints that had enough requests none is judged."},
          Count(x.latency_minimum_hosts, 1, kHostsMax));
  v.Field({.name = "latency_request_volume",
           .doc = "Good answers in an interval that make an endpoint's latency count."},
          Count(x.latency_request_volume, 1, kVolumeMax));
}

}  // namespace

void Describe(FieldVisitor& v, OutlierDetectionConfig& x) {
  DescribeRuns(v, x);
  DescribeEjection(v, x);
  DescribeStatistics(v, x);
  v.Field({.name = "successful_active_health_check_uneject_host",
           .doc = "An endpoint that its health check finds well again is back at once."},
          Switch(x.successful_active_health_check_uneject_host));
  v.Field({.name = "mode", .doc = "`shadow` only counts whom it would have ejected."},
          Mode(x.mode));
  v.Field({.name = "enforce_percent",
           .doc = "This part of the ejections is carried out; the rest only counts."},
          Percent(x.enforce_percent));
}

void Describe(FieldVisitor& v, SlowStartConfig& x) {
  v.Field({.name = "window", .doc = "Until an endpoint has its whole share."},
          Duration(x.window, milliseconds(1), hours(1)));
  v.Field({.name = "aggression", .doc = "1 rises evenly; more rises faster at first."},
          Number(x.aggression, 0.1, 10));
  v.Field({.name = "min_weight_percent", .doc = "Of its share at the beginning."},
          Percent(x.min_weight_percent, 1));
}

}  // namespace sluice::gateway::config
