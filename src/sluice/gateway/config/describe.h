// Describe: the fields of each configuration struct, with their ranges and docs, said once.
//
// Everything else about the configuration is derived from these (slot.h). The order of the calls is
// the order in which people see the fields.

#pragma once

#include "sluice/gateway/config/config.h"
#include "sluice/gateway/config/slot.h"

namespace sluice::gateway::config {

void Describe(FieldVisitor& v, Config& x);
void Describe(FieldVisitor& v, AdminConfig& x);
void Describe(FieldVisitor& v, ListenerConfig& x);
void Describe(FieldVisitor& v, EgressConfig& x);
void Describe(FieldVisitor& v, ListenerLimits& x);
void Describe(FieldVisitor& v, TelemetryConfig& x);
void Describe(FieldVisitor& v, AccessLogConfig& x);
void Describe(FieldVisitor& v, DrainConfig& x);

// describe_flow.cc
void Describe(FieldVisitor& v, FlowConfig& x);
void Describe(FieldVisitor& v, FlowNodeConfig& x);
void Describe(FieldVisitor& v, FlowForEachConfig& x);
void Describe(FieldVisitor& v, FlowFallbackConfig& x);
void Describe(FieldVisitor& v, FlowResponseConfig& x);
void Describe(FieldVisitor& v, FlowTraceConfig& x);

// describe_upstream.cc
void Describe(FieldVisitor& v, UpstreamConfig& x);
void Describe(FieldVisitor& v, HealthCheckConfig& x);
void Describe(FieldVisitor& v, RetryBudgetConfig& x);

// describe_breaker.cc
void Describe(FieldVisitor& v, BreakerConfig& x);
void Describe(FieldVisitor& v, SlidingWindowConfig& x);
void Describe(FieldVisitor& v, WaitBackoffConfig& x);
void Describe(FieldVisitor& v, RecoveryRampConfig& x);
void Describe(FieldVisitor& v, BreakerRecordConfig& x);
void Describe(FieldVisitor& v, BreakerIgnoreConfig& x);

// describe_outlier.cc
void Describe(FieldVisitor& v, OutlierDetectionConfig& x);
void Describe(FieldVisitor& v, SlowStartConfig& x);

// describe_route.cc
void Describe(FieldVisitor& v, RouteConfig& x);
void Describe(FieldVisitor& v, MatchConfig& x);
void Describe(FieldVisitor& v, HeaderMatch& x);
void Describe(FieldVisitor& v, QueryMatch& x);
void Describe(FieldVisitor& v, RetryConfig& x);
void Describe(FieldVisitor& v, RetryBackoff& x);

// describe_limit.cc
void Describe(FieldVisitor& v, RateLimitConfig& x);
void Describe(FieldVisitor& v, RateLimitMatch& x);
void Describe(FieldVisitor& v, WarmUpConfig& x);
void Describe(FieldVisitor& v, LearnConfig& x);
void Describe(FieldVisitor& v, RateLimitOverride& x);

// describe_overload.cc
void Describe(FieldVisitor& v, ConcurrencyLimitConfig& x);
void Describe(FieldVisitor& v, LimitWindowConfig& x);
void Describe(FieldVisitor& v, AdmissionQueueConfig& x);
void Describe(FieldVisitor& v, CodelConfig& x);
void Describe(FieldVisitor& v, OverloadConfig& x);
void Describe(FieldVisitor& v, PriorityConfig& x);
void Describe(FieldVisitor& v, ControllerConfig& x);
void Describe(FieldVisitor& v, SystemConfig& x);
void Describe(FieldVisitor& v, CpuRuleConfig& x);
void Describe(FieldVisitor& v, ResourcesConfig& x);
void Describe(FieldVisitor& v, ResourceTriggerConfig& x);
void Describe(FieldVisitor& v, ScaledTriggerConfig& x);
void Describe(FieldVisitor& v, AdmissionControlConfig& x);

// describe_release.cc
void Describe(FieldVisitor& v, ReleaseConfig& x);
void Describe(FieldVisitor& v, ReleaseMatchConfig& x);
void Describe(FieldVisitor& v, release::StepOptions& x);
void Describe(FieldVisitor& v, release::HookOptions& x);
void Describe(FieldVisitor& v, release::JudgeOptions& x);
void Describe(FieldVisitor& v, release::MetricOptions& x);
void Describe(FieldVisitor& v, release::GuardRailOptions& x);

// describe_record.cc
void Describe(FieldVisitor& v, RecordConfig& x);
void Describe(FieldVisitor& v, RecordRule& x);
void Describe(FieldVisitor& v, RecordMatch& x);
void Describe(FieldVisitor& v, RecordReservoir& x);
void Describe(FieldVisitor& v, MaskingConfig& x);

// describe_degrade.cc
void Describe(FieldVisitor& v, DegradeConfig& x);
void Describe(FieldVisitor& v, DegradeStep& x);
void Describe(FieldVisitor& v, StaleCacheStep& x);
void Describe(FieldVisitor& v, UpstreamStep& x);
void Describe(FieldVisitor& v, StaticStep& x);
void Describe(FieldVisitor& v, RejectStep& x);

}  // namespace sluice::gateway::config
