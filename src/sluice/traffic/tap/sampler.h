// Sampler: which exchanges are kept. Pure: time is a parameter.
//
// A share is taken by the hash of a key, so that the exchanges of one key (a user, a trace) are all
// kept or none is. Beside it each kind of exchange has a small quota in each window, so that what
// is rare, or fails, is there however small the share is. A cap bounds the whole.
//
// One sampler belongs to one worker; its quotas and its cap are that worker's part.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sluice/contract/time.h"
#include "sluice/traffic/archive/recording_writer.h"

namespace sluice::traffic::tap {

struct SamplerOptions {
  std::size_t class_quota = 0;  // Of each class and window, on this worker; 0: none.
  Nanos class_window = std::chrono::minutes(1);
  double per_second_max = 0;         // Exchanges kept, on this worker; 0: no cap.
  std::size_t classes_max = 10'000;  // Of others only the share is kept, and they are not counted.

  friend bool operator==(const SamplerOptions&, const SamplerOptions&) = default;
};

// What a quota is for.
struct ExchangeClass {
  std::string_view route;
  std::string_view method;
  int status = 0;
};

// True for `percent` of all hashes, and the same ones each time: those of a smaller share are among
// those of a larger one. `hash` must be uniform.
[[nodiscard]] bool IsInShare(std::uint64_t hash, double percent);

class Sampler {
 public:
  explicit Sampler(const SamplerOptions& options) : options_(options) {}

  // An exchange of this class was answered, and is kept already if `is_kept`. Returns whether it is
  // to be kept: because it is, or because its class still has room in this window.
  [[nodiscard]] bool Classify(const ExchangeClass& its_class, bool is_kept, SteadyTime now);

  // One more is kept: false when the cap is reached.
  [[nodiscard]] bool TakeUnderCap(SteadyTime now);

  // What was kept after all was lost (nobody could take it).
  void Uncount(const ExchangeClass& its_class);

  // What was counted since the last call, by class.
  void TakeCounts(std::vector<archive::ClassCount>& out);

 private:
  struct Key {
    std::string route;
    std::string method;
    int status_class = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyView {
    std::string_view route;
    std::string_view method;
    int status_class = 0;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const KeyView& key) const;
    std::size_t operator()(const Key& key) const {
      return (*this)(KeyView{key.route, key.method, key.status_class});
    }
  };
  struct Equal {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return a.status_class == b.status_class && a.route == b.route && a.method == b.method;
    }
  };
  struct Class {
    SteadyTime window_end{};
    std::size_t in_window = 0;
    std::uint64_t seen = 0;  // Since the last TakeCounts().
    std::uint64_t kept = 0;
  };

  [[nodiscard]] Class* Find(const ExchangeClass& its_class);

  SamplerOptions options_;
  std::unordered_map<Key, Class, Hash, Equal> classes_;
  double tokens_ = 0;
  SteadyTime filled_at_{};
  bool is_filled_ = false;
};

}  // namespace sluice::traffic::tap
