// Rules for the texts of flows; the grammar is in flows/reference.h and flows/text_template.h.

#pragma once

#include "sluice/gateway/config/text_rules.h"

namespace sluice::gateway::config {

extern const TextRule kNodeNameRule;
extern const TextRule kReferenceRule;
// A template whose literals are a path in normal form and perhaps a query.
extern const TextRule kFlowPathRule;
// A template of any text.
extern const TextRule kFlowTextRule;
// A template whose literals may stand in a field value.
extern const TextRule kFlowHeaderRule;
// 200 .. 599, or a template.
extern const TextRule kFlowStatusRule;

}  // namespace sluice::gateway::config
