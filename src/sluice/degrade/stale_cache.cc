#include "sluice/degrade/stale_cache.h"

#include <algorithm>

#include "sluice/contract/assert.h"

namespace sluice::degrade {

namespace {

// What an entry and an answer cost beside their texts: nodes, pointers, counts.
constexpr Bytes kEntryBytes = 256;
constexpr Bytes kAnswerBytes = 256;
constexpr Bytes kFieldBytes = 80;
// Of the cache's bytes may be on their way into it.
constexpr Bytes kFillingPart = 4;
// A body of unknown length takes place for this much at first.
constexpr Bytes kReserveStep = 16 * kKiB;

std::vector<std::string> NamesOf(std::string_view vary) {
  std::vector<std::string> names;
  while (!vary.empty()) {
    const std::size_t comma = vary.find(',');
    std::string name;
    for (const char byte : vary.substr(0, comma)) {
      if (byte == ' ' || byte == '\t') continue;
      name += byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
    }
    if (!name.empty() && std::ranges::find(names, name) == names.end()) {
      names.push_back(std::move(name));
    }
    vary.remove_prefix(comma == std::string_view::npos ? vary.size() : comma + 1);
  }
  std::ranges::sort(names);  // "a, b" and "b, a" say the same.
  return names;
}

std::vector<std::string> ValuesOf(const std::vector<std::string>& names,
                                  const FieldSource& request) {
  std::vector<std::string> values;
  values.reserve(names.size());
  for (const std::string& name : names)
    values.emplace_back(request.ValueOf(name));
  return values;
}

}  // namespace

Bytes KeptAnswer::bytes() const {
  Bytes sum = kAnswerBytes + body.size() + content_type.size();
  for (const HeaderField& field : headers)
    sum += kFieldBytes + field.name.size() + field.value.size();
  return sum;
}

StaleCache::StaleCache(const StaleCacheAnswer& options)
    : max_bytes_(options.max_bytes),
      max_answer_bytes_(options.max_answer_bytes),
      max_stale_nanos_(options.max_stale.count()),
      refresh_nanos_(options.refresh_interval.count()) {}

void StaleCache::Reconfigure(const StaleCacheAnswer& options) {
  max_bytes_.store(options.max_bytes, std::memory_order_relaxed);
  max_answer_bytes_.store(options.max_answer_bytes, std::memory_order_relaxed);
  max_stale_nanos_.store(options.max_stale.count(), std::memory_order_relaxed);
  refresh_nanos_.store(options.refresh_interval.count(), std::memory_order_relaxed);
  for (Part& part : parts_) {
    Discarded discarded;
    const std::scoped_lock lock(part.mutex);
    Shrink(part, discarded);
  }
}

// ---- Entries; all of these require the part's lock ----------------------------------------------

StaleCache::Entry* StaleCache::Look(Part& part, const CacheKey& key) {
  const auto found = part.index.find(key.hash);
  if (found == part.index.end() || found->second->key != key.text) return nullptr;
  part.entries.splice(part.entries.begin(), part.entries, found->second);
  return &*found->second;
}

StaleCache::Entry& StaleCache::LookOrMake(Part& part, const CacheKey& key, Discarded& discarded) {
  if (Entry* const entry = Look(part, key)) return *entry;
  const auto other = part.index.find(key.hash);
  if (other != part.index.end()) {
    // Two keys of one hash: the newer stays.
    for (Variant& variant : other->second->variants) {
      if (variant.answer != nullptr) --part.answers;
      discarded.push_back(std::move(variant.answer));
    }
    part.bytes -= other->second->bytes;
    part.entries.erase(other->second);
    part.index.erase(other);
  }
  part.entries.push_front(
      {.hash = key.hash, .key = std::string(key.text), .vary = {}, .variants = {}});
  part.index.emplace(key.hash, part.entries.begin());
  Recount(part, part.entries.front());
  return part.entries.front();
}

StaleCache::Variant* StaleCache::VariantOf(Entry& entry, const std::vector<std::string>& values) {
  const auto found = std::ranges::find(entry.variants, values, &Variant::values);
  return found == entry.variants.end() ? nullptr : &*found;
}

void StaleCache::Recount(Part& part, Entry& entry) {
  Bytes bytes = kEntryBytes + entry.key.size();
  for (const Variant& variant : entry.variants) {
    for (const std::string& value : variant.values)
      bytes += kFieldBytes + value.size();
    if (variant.answer != nullptr) bytes += variant.answer->bytes();
  }
  part.bytes += bytes - entry.bytes;
  entry.bytes = bytes;
}

void StaleCache::Shrink(Part& part, Discarded& discarded) {
  const Bytes bound = max_bytes_.load(std::memory_order_relaxed) / kParts;
  while (part.bytes > bound && !part.entries.empty()) {
    Entry& oldest = part.entries.back();
    for (Variant& variant : oldest.variants) {
      if (variant.answer == nullptr) continue;
      --part.answers;
      evicted_.fetch_add(1, std::memory_order_relaxed);
      discarded.push_back(std::move(variant.answer));
    }
    part.bytes -= oldest.bytes;
    part.index.erase(oldest.hash);
    part.entries.pop_back();
  }
}

// ---- Keeping ------------------------------------------------------------------------------------

std::optional<StaleCache::Fill> StaleCache::Begin(const CacheKey& key,
                                                  std::shared_ptr<KeptAnswer> answer,
                                                  std::string_view vary,
                                                  const FieldSource& request,
                                                  std::optional<std::uint64_t> announced_bytes,
                                                  SteadyTime now) {
  const Bytes most = max_answer_bytes_.load(std::memory_order_relaxed);
  std::vector<std::string> names = NamesOf(vary);
  if (names.size() > kVaryMax || (announced_bytes && *announced_bytes > most)) {
    not_kept_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  std::vector<std::string> values = ValuesOf(names, request);
  std::vector<std::string> fill_names = names;
  Discarded discarded;
  {
    Part& part = PartOf(key.hash);
    const std::scoped_lock lock(part.mutex);
    Entry& entry = LookOrMake(part, key, discarded);
    if (entry.vary != names) {
      // The origin tells its answers apart in another way now: the old ones cannot be found again.
      for (Variant& variant : entry.variants) {
        if (variant.answer != nullptr) --part.answers;
        discarded.push_back(std::move(variant.answer));
      }
      entry.variants.clear();
      entry.vary = std::move(names);
    }
    Variant* variant = VariantOf(entry, values);
    const Nanos refresh(refresh_nanos_.load(std::memory_order_relaxed));
    if (variant != nullptr && now < variant->refreshed_at + refresh) return std::nullopt;
    if (variant == nullptr) {
      if (entry.variants.size() == kVariantsMax) {
        if (entry.variants.front().answer != nullptr) {
          --part.answers;
          evicted_.fetch_add(1, std::memory_order_relaxed);
        }
        discarded.push_back(std::move(entry.variants.front().answer));
        entry.variants.erase(entry.variants.begin());
      }
      entry.variants.push_back({.values = values, .answer = nullptr});
      variant = &entry.variants.back();
    }
    variant->refreshed_at = now;
    Recount(part, entry);
    Shrink(part, discarded);
  }
  const Bytes reserved = announced_bytes.value_or(kReserveStep);
  const Bytes filling = filling_bytes_.fetch_add(reserved, std::memory_order_relaxed) + reserved;
  Fill fill(*this, std::move(answer), reserved);
  if (filling > max_bytes_.load(std::memory_order_relaxed) / kFillingPart) {
    not_kept_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;  // The fill gives back what it has reserved.
  }
  fill.key_ = key.text;
  fill.hash_ = key.hash;
  fill.vary_ = std::move(fill_names);
  fill.began_ = now;
  fill.values_ = std::move(values);
  if (announced_bytes) fill.answer_->body.reserve(*announced_bytes);
  return fill;
}

bool StaleCache::Fill::Add(ByteView data) {
  if (cache_ == nullptr) return false;
  const Bytes size = answer_->body.size() + data.size();
  bool fits = size <= cache_->max_answer_bytes_.load(std::memory_order_relaxed);
  if (fits && size > reserved_) {
    const Bytes more = std::max(size - reserved_, kReserveStep);
    const Bytes filling = cache_->filling_bytes_.fetch_add(more, std::memory_order_relaxed) + more;
    reserved_ += more;
    fits = filling <= cache_->max_bytes_.load(std::memory_order_relaxed) / kFillingPart;
  }
  if (!fits) {
    cache_->not_kept_.fetch_add(1, std::memory_order_relaxed);
    Release();
    return false;
  }
  answer_->body += data;
  return true;
}

void StaleCache::Fill::Finish(SteadyTime now) {
  if (cache_ == nullptr) return;
  cache_->Put(*this, now);
  Release();
}

void StaleCache::Fill::Release() {
  if (cache_ == nullptr) return;
  std::exchange(cache_, nullptr)->filling_bytes_.fetch_sub(reserved_, std::memory_order_relaxed);
  answer_.reset();
}

void StaleCache::Put(Fill& fill, SteadyTime now) {
  fill.answer_->kept_at = now;
  Discarded discarded;
  Part& part = PartOf(fill.hash_);
  const std::scoped_lock lock(part.mutex);
  Entry* const entry = Look(part, {.hash = fill.hash_, .text = fill.key_});
  // Pushed out meanwhile, or the origin varies otherwise now: somebody newer has the place.
  // "de" of one field says nothing about "de" of another.
  if (entry == nullptr || entry->vary != fill.vary_) return;
  Variant* const variant = VariantOf(*entry, fill.values_);
  if (variant == nullptr) return;
  if (variant->answer != nullptr && variant->began > fill.began_) return;
  variant->began = fill.began_;
  if (variant->answer == nullptr) ++part.answers;
  discarded.push_back(std::move(variant->answer));
  variant->answer = std::move(fill.answer_);
  kept_.fetch_add(1, std::memory_order_relaxed);
  Recount(part, *entry);
  Shrink(part, discarded);
}

// ---- Serving ------------------------------------------------------------------------------------

std::shared_ptr<const KeptAnswer> StaleCache::Find(const CacheKey& key,
                                                   const FieldSource& request,
                                                   SteadyTime now) {
  std::shared_ptr<const KeptAnswer> answer;
  {
    Part& part = PartOf(key.hash);
    const std::scoped_lock lock(part.mutex);
    Entry* const entry = Look(part, key);
    Variant* const variant =
        entry == nullptr ? nullptr : VariantOf(*entry, ValuesOf(entry->vary, request));
    if (variant != nullptr) answer = variant->answer;
  }
  if (answer != nullptr) {
    const Nanos configured(max_stale_nanos_.load(std::memory_order_relaxed));
    const Nanos stale = std::min(answer->lifetime.stale_for.value_or(configured), configured);
    if (answer->AgeAt(now) > answer->lifetime.fresh_for + stale) answer = nullptr;
  }
  (answer == nullptr ? misses_ : hits_).fetch_add(1, std::memory_order_relaxed);
  return answer;
}

StaleCacheStats StaleCache::Stats() const {
  StaleCacheStats stats{.hits_total = hits_.load(std::memory_order_relaxed),
                        .misses_total = misses_.load(std::memory_order_relaxed),
                        .kept_total = kept_.load(std::memory_order_relaxed),
                        .evicted_total = evicted_.load(std::memory_order_relaxed),
                        .not_kept_total = not_kept_.load(std::memory_order_relaxed)};
  for (const Part& part : parts_) {
    const std::scoped_lock lock(part.mutex);
    stats.answers += part.answers;
    stats.bytes += part.bytes;
  }
  return stats;
}

}  // namespace sluice::degrade
