// The slots of "one of several": parts of a rate limit's key, and what a hash ring hashes.
//
// `ip` is written as a bare word; `{header: x-user-id}` as a mapping of one entry. A cost is a bare
// number or such a mapping.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/gateway/config/config.h"
#include "sluice/gateway/config/scalar_slots.h"
#include "sluice/gateway/config/slot.h"

namespace sluice::gateway::config {

class RateKeySlot final : public ChoiceSlot {
 public:
  explicit RateKeySlot(RateKeyPart& part) : part_(part) {}
  [[nodiscard]] std::vector<Alternative> alternatives() const override;
  [[nodiscard]] std::vector<std::string_view> later_tags() const override;
  [[nodiscard]] std::optional<std::string> Read(std::string_view tag,
                                                std::string_view text) override;
  [[nodiscard]] Json Value() const override;

 private:
  RateKeyPart& part_;
};

// What a request costs: a number, or the header field that tells it.
class CostSlot final : public ChoiceSlot {
 public:
  CostSlot(std::int64_t& tokens, std::string& header);
  [[nodiscard]] std::vector<Alternative> alternatives() const override;
  [[nodiscard]] std::vector<std::string_view> later_tags() const override { return {}; }
  [[nodiscard]] ScalarSlot* bare() override { return &number_; }
  [[nodiscard]] std::optional<std::string> Read(std::string_view tag,
                                                std::string_view text) override;
  [[nodiscard]] Json Value() const override;

 private:
  CountSlot number_;
  std::string& header_;
};

class ReleaseKeySlot final : public ChoiceSlot {
 public:
  explicit ReleaseKeySlot(ReleaseKeyPart& part) : part_(part) {}
  [[nodiscard]] std::vector<Alternative> alternatives() const override;
  [[nodiscard]] std::vector<std::string_view> later_tags() const override { return {}; }
  [[nodiscard]] std::optional<std::string> Read(std::string_view tag,
                                                std::string_view text) override;
  [[nodiscard]] Json Value() const override;

 private:
  ReleaseKeyPart& part_;
};

class HashOnSlot final : public ChoiceSlot {
 public:
  explicit HashOnSlot(HashOn& hash_on) : hash_on_(hash_on) {}
  [[nodiscard]] std::vector<Alternative> alternatives() const override;
  [[nodiscard]] std::vector<std::string_view> later_tags() const override { return {}; }
  [[nodiscard]] std::optional<std::string> Read(std::string_view tag,
                                                std::string_view text) override;
  [[nodiscard]] Json Value() const override;

 private:
  HashOn& hash_on_;
};

}  // namespace sluice::gateway::config
