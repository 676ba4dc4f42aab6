#include "sluice/contract/guard.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace sluice {
namespace {

class Ledger final : public PermitIssuer {
 public:
  void Settle(const PermitToken& /*token*/, const Outcome& /*outcome*/, SteadyTime) override {
    entries += 'S';
  }
  void Abandon(const PermitToken& /*token*/) override { entries += 'A'; }
  void Refund(const PermitToken& /*token*/, SteadyTime) override { entries += 'R'; }

  std::string entries;
};

TEST(Permit, DroppedWithoutAVerdictAbandonsOnce) {
  Ledger ledger;
  {
    Permit permit(ledger, PermitToken{});
    Permit moved = std::move(permit);
    EXPECT_TRUE(moved);
  }
  EXPECT_EQ(ledger.entries, "A");
}

TEST(Permit, SettlesAtMostOnce) {
  Ledger ledger;
  {
    Permit permit(ledger, PermitToken{});
    permit.Settle({.verdict = Verdict::kSuccess}, SteadyTime{});
    permit.Settle({.verdict = Verdict::kFailure}, SteadyTime{});
    permit.Refund(SteadyTime{});
    EXPECT_FALSE(permit);
  }
  EXPECT_EQ(ledger.entries, "S");
}

TEST(Permit, AssigningOverAHeldPermitAbandonsIt) {
  Ledger ledger;
  Permit held(ledger, PermitToken{});
  held = Permit();
  EXPECT_EQ(ledger.entries, "A");
}

}  // namespace
}  // namespace sluice
