#include "sluice/warmup/class_draw.h"

#include <algorithm>

#include "sluice/contract/assert.h"

namespace sluice::warmup {

ClassDraw::ClassDraw(const std::vector<double>& shares,
                     std::uint64_t class_min,
                     std::uint64_t target)
    : class_min_(class_min),
      target_(std::max(target, class_min * shares.size())),
      counts_(shares.size()),
      short_(class_min == 0 ? 0 : shares.size()) {
  SLUICE_ASSERT(!shares.empty());
  double sum = 0;
  for (const double share : shares)
    sum += share;
  const double least =
      static_cast<double>(class_min) / static_cast<double>(std::max<std::uint64_t>(target_, 1));
  double end = 0;
  for (const double share : shares) {
    end += std::max({sum > 0 ? share / sum : 0.0, least, 1e-9});
    ends_.push_back(end);
  }
}

double ClassDraw::Expected(std::size_t index) const {
  const double begin = index == 0 ? 0 : ends_[index - 1];
  return (ends_[index] - begin) / ends_.back() * static_cast<double>(target_);
}

std::size_t ClassDraw::Draw(Random& random) {
  std::size_t index = 0;
  if (total_ >= target_ && short_ > 0) {
    const auto lacking =
        std::ranges::find_if(counts_, [this](std::uint64_t count) { return count < class_min_; });
    index = static_cast<std::size_t>(lacking - counts_.begin());
  } else {
    const auto drawn = std::ranges::upper_bound(ends_, random.Unit() * ends_.back());
    index = std::min(static_cast<std::size_t>(drawn - ends_.begin()), ends_.size() - 1);
  }
  ++total_;
  if (++counts_[index] == class_min_) --short_;
  return index;
}

}  // namespace sluice::warmup
