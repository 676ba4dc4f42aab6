// The template of a path: what paths have in common that differ only in what they ask for.
//
//   /orders/4711/lines/2f1c9a0be4d1   →   /orders/{}/lines/{}

#pragma once

#include <string>
#include <string_view>

namespace sluice::warmup {

// Replaces the segments of the path of `target` that name one thing: numbers, long hexadecimal
// words, UUIDs, long words with many digits, and whatever is masked or percent-encoded. Without the
// query. A segment that is a plain word stays, so "/orders/new" is a template of its own.
[[nodiscard]] std::string PathTemplate(std::string_view target);

}  // namespace sluice::warmup
