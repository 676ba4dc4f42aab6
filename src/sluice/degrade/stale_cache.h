// StaleCache: the last good answers, kept for the time when there is no other (RFC 5861
// stale-if-error). Never asked while the upstream answers.
//
// Bounded in bytes, with the answer used longest ago going first; a key holds up to kVariantsMax
// answers, told apart by what Vary names. A key is refreshed at most once per refresh interval, so
// that a busy one is not copied at every request, and what is being copied is bounded as well.
//
// Thread-safe: eight parts, each behind its own lock for the length of a look-up. Nothing of a
// body is copied under a lock.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sluice/contract/bytes.h"
#include "sluice/contract/time.h"
#include "sluice/degrade/cache_policy.h"
#include "sluice/degrade/chain.h"

namespace sluice::degrade {

// An answer as it is kept. Immutable once put.
struct KeptAnswer {
  int status = 200;
  std::vector<HeaderField> headers;  // End-to-end ones, without Content-Type, Age and Set-Cookie.
  std::string content_type;
  std::string body;
  Lifetime lifetime;
  SteadyTime kept_at{};

  [[nodiscard]] Nanos AgeAt(SteadyTime now) const { return lifetime.age + (now - kept_at); }
  [[nodiscard]] bool IsStaleAt(SteadyTime now) const { return AgeAt(now) >= lifetime.fresh_for; }
  [[nodiscard]] Bytes bytes() const;
};

struct CacheKey {
  std::uint64_t hash = 0;  // Of the text, under a secret of this process.
  std::string_view text;
};

// The fields of the request at hand, for Vary.
class FieldSource {
 public:
  // Empty when there is none.
  [[nodiscard]] virtual std::string_view ValueOf(std::string_view name) const = 0;

 protected:
  ~FieldSource() = default;
};

struct StaleCacheStats {
  std::uint64_t hits_total = 0;
  std::uint64_t misses_total = 0;
  std::uint64_t kept_total = 0;
  std::uint64_t evicted_total = 0;
  std::uint64_t not_kept_total = 0;  // Too large, or too much being kept at once.
  std::size_t answers = 0;
  Bytes bytes = 0;
};

class StaleCache {
 public:
  static constexpr std::size_t kParts = 8;
  static constexpr std::size_t kVariantsMax = 8;
  static constexpr std::size_t kVaryMax = 8;  // An answer that varies by more fields is not kept.

  // An answer on its way into the cache. Move-only; dropped unfinished it leaves no trace. Must not
  // outlive its cache.
  class Fill {
   public:
    Fill(Fill&& other) noexcept
        : cache_(std::exchange(other.cache_, nullptr)),
          answer_(std::move(other.answer_)),
          key_(std::move(other.key_)),
          hash_(other.hash_),
          vary_(std::move(other.vary_)),
          values_(std::move(other.values_)),
          began_(other.began_),
          reserved_(other.reserved_) {}
    Fill& operator=(Fill&&) = delete;
    Fill(const Fill&) = delete;
    Fill& operator=(const Fill&) = delete;
    ~Fill() { Release(); }

    [[nodiscard]] Bytes reserved_bytes() const { return reserved_; }

    // Appends to the body. False, and the fill is over, when it becomes too large.
    [[nodiscard]] bool Add(ByteView data);
    // The body was whole: from now on it is the key's answer to requests like its own. Not where
    // the origin has come to vary its answers by other fields meanwhile, and not in place of an
    // answer that was begun later.
    void Finish(SteadyTime now);

   private:
    friend class StaleCache;
    Fill(StaleCache& cache, std::shared_ptr<KeptAnswer> answer, Bytes reserved)
        : cache_(&cache), answer_(std::move(answer)), reserved_(reserved) {}
    void Release();

    StaleCache* cache_ = nullptr;
    std::shared_ptr<KeptAnswer> answer_;
    std::string key_;
    std::uint64_t hash_ = 0;
    std::vector<std::string> vary_;  // What `values_` are the values of.
    std::vector<std::string> values_;
    SteadyTime began_{};
    Bytes reserved_ = 0;
  };

  // `options` were validated with their chain.
  explicit StaleCache(const StaleCacheAnswer& options);
  StaleCache(const StaleCache&) = delete;
  StaleCache& operator=(const StaleCache&) = delete;

  // Begins to keep an answer whose head is `answer` (without its body) and that varies by the
  // fields named in `vary`. Nothing when the key was refreshed not long ago, when the body is
  // announced too large, or when too much is being kept at once.
  [[nodiscard]] std::optional<Fill> Begin(const CacheKey& key,
                                          std::shared_ptr<KeptAnswer> answer,
                                          std::string_view vary,
                                          const FieldSource& request,
                                          std::optional<std::uint64_t> announced_bytes,
                                          SteadyTime now);

  // The kept answer to such a request, unless it is too old. Null when there is none.
  [[nodiscard]] std::shared_ptr<const KeptAnswer> Find(const CacheKey& key,
                                                       const FieldSource& request,
                                                       SteadyTime now);

  // Takes over the bounds. Requires that key_headers and leniency are equal: else make another
  // cache, for this one's answers were kept by other rules.
  void Reconfigure(const StaleCacheAnswer& options);

  [[nodiscard]] StaleCacheStats Stats() const;

 private:
  struct Variant {
    std::vector<std::string> values;           // Beside Entry::vary.
    std::shared_ptr<const KeptAnswer> answer;  // Null while the first is on its way.
    SteadyTime refreshed_at{};                 // When its last fill began.
    SteadyTime began{};                        // When that of `answer` did.
  };
  struct Entry {
    std::uint64_t hash = 0;
    std::string key;
    std::vector<std::string> vary;  // Lower-case names.
    std::vector<Variant> variants;  // The one filled last is the last.
    Bytes bytes = 0;
  };
  struct SameHash {
    std::size_t operator()(std::uint64_t hash) const { return static_cast<std::size_t>(hash); }
  };
  using Entries = std::list<Entry>;  // Used last at the front.
  struct Part {
    mutable std::mutex mutex;
    Entries entries;
    std::unordered_map<std::uint64_t, Entries::iterator, SameHash> index;
    Bytes bytes = 0;
    std::size_t answers = 0;
  };
  // What is taken out of a part: destroyed only after its lock.
  using Discarded = std::vector<std::shared_ptr<const KeptAnswer>>;

  [[nodiscard]] Part& PartOf(std::uint64_t hash) { return parts_[(hash >> 32U) % kParts]; }
  [[nodiscard]] static Entry* Look(Part& part, const CacheKey& key);
  [[nodiscard]] static Entry& LookOrMake(Part& part, const CacheKey& key, Discarded& discarded);
  [[nodiscard]] static Variant* VariantOf(Entry& entry, const std::vector<std::string>& values);
  static void Recount(Part& part, Entry& entry);
  void Shrink(Part& part, Discarded& discarded);
  void Put(Fill& fill, SteadyTime now);

  std::atomic<Bytes> max_bytes_;
  std::atomic<Bytes> max_answer_bytes_;
  std::atomic<std::int64_t> max_stale_nanos_;
  std::atomic<std::int64_t> refresh_nanos_;
  std::atomic<Bytes> filling_bytes_{0};
  std::atomic<std::uint64_t> hits_{0};
  std::atomic<std::uint64_t> misses_{0};
  std::atomic<std::uint64_t> kept_{0};
  std::atomic<std::uint64_t> evicted_{0};
  std::atomic<std::uint64_t> not_kept_{0};
  std::array<Part, kParts> parts_;
};

}  // namespace sluice::degrade
