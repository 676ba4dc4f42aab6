// Step: one thing that the demo tells, does, shows and checks. The table of all steps is the demo;
// who has another one writes its function in a file of its own and adds a line in steps.cc.

#pragma once

#include <span>
#include <string_view>

#include "demo/scene.h"
#include "demo/stage.h"

namespace sluice::demo {

struct Step {
  std::string_view name;  // For --break.
  std::string_view title;
  // Leaves the stage as it was: everything runs and serves again.
  void (*play)(Stage& stage, Scene& scene) = nullptr;
};

// What users take for at once, on a busy machine.
inline constexpr Nanos kAtOnce = std::chrono::milliseconds(200);

// In the order in which the demo plays them.
[[nodiscard]] std::span<const Step> Steps();

// Each in a file of its own, named after it; those of trouble.cc break one process each.
void PlayDag(Stage& stage, Scene& scene);
void PlaySpike(Stage& stage, Scene& scene);
void PlayOptional(Stage& stage, Scene& scene);
void PlayFallback(Stage& stage, Scene& scene);
void PlayRequired(Stage& stage, Scene& scene);
void PlayFrozen(Stage& stage, Scene& scene);
void PlayInstance(Stage& stage, Scene& scene);
void PlayCandidate(Stage& stage, Scene& scene);

}  // namespace sluice::demo
