#include <array>

#include "demo/step.h"

namespace sluice::demo {
namespace {

constexpr std::array<Step, 8> kSteps = {{
    {"dag", "The calls of a booking: at once where they can be, or one by one", &PlayDag},
    {"spike", "Five times the usual bookings", &PlaySpike},
    {"optional", "A service dies that a booking can do without: coupons", &PlayOptional},
    {"fallback", "A service dies that has a stand-in: risk", &PlayFallback},
    {"required", "A service dies that every booking needs: inventory", &PlayRequired},
    {"frozen", "A service neither answers nor dies: payment", &PlayFrozen},
    {"instance", "One of the two booking instances dies", &PlayInstance},
    {"candidate", "A new version of booking, to some users first", &PlayCandidate},
}};

}  // namespace

std::span<const Step> Steps() {
  return kSteps;
}

}  // namespace sluice::demo
