#include "sluice/wire/http_head.h"

#include <array>
#include <bit>
#include <utility>

#include "sluice/wire/ascii.h"

namespace sluice::wire {
namespace {

struct MethodName {
  Method method;
  std::string_view name;
};
constexpr std::array<MethodName, 9> kMethods{{{Method::kGet, "GET"},
                                              {Method::kHead, "HEAD"},
                                              {Method::kPost, "POST"},
                                              {Method::kPut, "PUT"},
                                              {Method::kDelete, "DELETE"},
                                              {Method::kOptions, "OPTIONS"},
                                              {Method::kPatch, "PATCH"},
                                              {Method::kConnect, "CONNECT"},
                                              {Method::kTrace, "TRACE"}}};

// Indexed by HeaderId; the three kinds come first and have no name.
constexpr std::array<std::string_view, kHeaderIdCount> kNames{
    "",
    "",
    "",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "forwarded",
    "x-real-ip",
    "x-request-id",
    "x-criticality",
    "x-level",
    "traceparent",
    "tracestate",
    "baggage",
    "host",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "content-length",
    "content-type",
    "content-encoding",
    "content-range",
    "expect",
    "upgrade",
    "http2-settings",
    "via",
    "cookie",
    "set-cookie",
    "authorization",
    "www-authenticate",
    "date",
    "server",
    "retry-after",
    "accept",
    "accept-encoding",
    "user-agent",
    "cache-control",
    "max-forwards",
    "location",
    "etag",
    "vary",
    "age",
    "range",
    "origin",
    "referer",
    "idempotency-key",
};
static_assert(kNames.back() == "idempotency-key");

// Length, first, last and one late letter tell all known names apart: each slot holds at most one
// name, and one comparison decides.
constexpr std::size_t kSlots = 128;

constexpr std::size_t SlotOf(std::string_view name) {
  const auto letter = [](char c) { return static_cast<unsigned char>(c) | 0x20U; };
  const std::size_t late = letter(name[name.size() * 3 / 4]);
  return (name.size() * 73 + letter(name.front()) * 12 + letter(name.back()) * 77 + late * 91) %
         kSlots;
}

constexpr std::array<HeaderId, kSlots> MakeSlots() {
  std::array<HeaderId, kSlots> slots{};
  for (std::size_t id = 0; id < kNames.size(); ++id) {
    if (!kNames[id].empty()) slots[SlotOf(kNames[id])] = static_cast<HeaderId>(id);
  }
  return slots;
}
constexpr std::array<HeaderId, kSlots> kIdOfSlot = MakeSlots();

constexpr bool EveryNameHasItsSlot() {
  for (std::size_t id = 0; id < kNames.size(); ++id) {
    if (kNames[id].empty()) continue;
    if (kIdOfSlot[SlotOf(kNames[id])] != static_cast<HeaderId>(id)) return false;
  }
  return true;
}
static_assert(EveryNameHasItsSlot(), "two names share a slot: change the factors of SlotOf");

bool HasPrefix(std::string_view name, std::string_view prefix) {
  return name.size() > prefix.size() && EqualsIgnoringCase(name.substr(0, prefix.size()), prefix);
}

}  // namespace

Method IdentifyMethod(std::string_view text) {
  for (const MethodName& known : kMethods) {
    if (known.name == text) return known.method;
  }
  return Method::kOther;
}

std::string_view NameOf(Method method) {
  for (const MethodName& known : kMethods) {
    if (known.method == method) return known.name;
  }
  return "OTHER";
}

bool IsSafe(Method method) {
  return method == Method::kGet || method == Method::kHead || method == Method::kOptions ||
         method == Method::kTrace;
}

bool IsIdempotent(Method method) {
  return IsSafe(method) || method == Method::kPut || method == Method::kDelete;
}

HeaderId IdentifyHeader(std::string_view name) {
  if (name.empty()) return HeaderId::kOther;
  const HeaderId id = kIdOfSlot[SlotOf(name)];
  if (id != HeaderId::kOther && EqualsIgnoringCase(name, kNames[static_cast<std::size_t>(id)])) {
    return id;
  }
  if (ToLower(name.front()) != 'x') return HeaderId::kOther;
  if (HasPrefix(name, "x-sluice-")) return HeaderId::kXSluice;
  if (HasPrefix(name, "x-forwarded-")) return HeaderId::kXForwarded;
  return HeaderId::kOther;
}

std::string_view NameOf(HeaderId id) {
  return kNames[static_cast<std::size_t>(id)];
}

bool HeaderTable::Add(const HeaderField& field) {
  if (fields_.size() >= fields_max_) return false;
  if (fields_.capacity() == 0) fields_.reserve(fields_max_ < 32 ? fields_max_ : 32);
  fields_.push_back(field);
  present_.Insert(field.id);
  return true;
}

bool HeaderTable::Add(std::string_view name, std::string_view value) {
  return Add({.name = name, .value = value, .id = IdentifyHeader(name)});
}

const HeaderField* HeaderTable::Find(HeaderId id) const {
  if (!present_.Contains(id)) return nullptr;
  for (const HeaderField& field : fields_) {
    if (field.id == id) return &field;
  }
  return nullptr;
}

const HeaderField* HeaderTable::Find(std::string_view name) const {
  for (const HeaderField& field : fields_) {
    if (EqualsIgnoringCase(field.name, name)) return &field;
  }
  return nullptr;
}

std::string_view HeaderTable::ValueOf(HeaderId id) const {
  const HeaderField* field = Find(id);
  return field == nullptr ? std::string_view{} : field->value;
}

void HeaderTable::Clear() {
  fields_.clear();
  present_ = {};
}

void HeaderTable::Rebase(const char* from, const char* to, Bytes size) {
  for (HeaderField& field : fields_) {
    RebaseView(field.name, from, to, size);
    RebaseView(field.value, from, to, size);
  }
}

void RebaseView(std::string_view& view, const char* from, const char* to, Bytes size) {
  // As numbers, because the view may lie in another object than `from`.
  const std::uintptr_t offset =
      std::bit_cast<std::uintptr_t>(view.data()) - std::bit_cast<std::uintptr_t>(from);
  if (offset < size) view = {to + offset, view.size()};
}

void RequestHead::Clear() {
  HeaderTable kept = std::move(headers);
  kept.Clear();
  *this = RequestHead{};
  headers = std::move(kept);
}

void RequestHead::Rebase(const char* from, const char* to, Bytes size) {
  for (std::string_view* view :
       {&method_text, &target, &path, &query, &scheme, &authority, &upgrade_protocol}) {
    RebaseView(*view, from, to, size);
  }
  headers.Rebase(from, to, size);
}

void ResponseHead::Clear() {
  HeaderTable kept = std::move(headers);
  kept.Clear();
  *this = ResponseHead{};
  headers = std::move(kept);
}

void ResponseHead::Rebase(const char* from, const char* to, Bytes size) {
  RebaseView(reason, from, to, size);
  RebaseView(upgrade_protocol, from, to, size);
  headers.Rebase(from, to, size);
}

}  // namespace sluice::wire
