// Masker: takes the secrets out of an exchange before it is kept.
//
// Masked are: credentials in header fields (Authorization, cookies, …), the names of field_names.h
// in queries, forms and JSON, configured paths, and card numbers anywhere. Cookie names,
// authentication schemes and everything else stay, and equal values stay equal, so that a masked
// exchange still reads, matches and compares. A body that is compressed cannot be looked into: it
// is left out, its size is kept.
//
// Masking what is masked changes nothing; so an audit is a masking that finds nothing to do. What
// masking does not know it would not see: secret_shapes.h looks by other rules.
// Immutable: any thread may use it.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/wire/recording/field_names.h"
#include "sluice/wire/recording/keyed_hash.h"
#include "sluice/wire/recording/recorded_exchange.h"

namespace sluice::wire::recording {

// What is done with bodies in an encoding that cannot be looked into.
enum class OpaqueBodies : std::uint8_t { kDrop, kKeep };

struct MaskOptions {
  bool is_on = true;
  std::vector<std::string> headers;     // Beside the well-known ones; in any case.
  std::vector<std::string> fields;      // Beside WellKnownSecretNames().
  std::vector<std::string> json_paths;  // See field_names.h.
  bool card_numbers = true;
  OpaqueBodies opaque_bodies = OpaqueBodies::kDrop;

  friend bool operator==(const MaskOptions&, const MaskOptions&) = default;
};

// Where something was masked, for an audit.
enum class MaskKind : std::uint8_t { kHeader, kField, kCardNumber, kOpaqueBody, kShape };
[[nodiscard]] std::string_view NameOf(MaskKind kind);

struct MaskFinding {
  MaskKind kind = MaskKind::kHeader;
  std::string place;  // "request header cookie", "response body".
  std::uint32_t count = 0;
};

class Masker {
 public:
  // Fails with kInvalidOption for a path that cannot be read.
  [[nodiscard]] static Result<Masker> Create(const MaskOptions& options, const KeyedHash::Key& key);

  // Masks heads and bodies, adds to `exchange.masked`, and appends to `findings` where something
  // was masked unless it is null. Then sets method, target, host and status from the masked heads.
  void Mask(RecordedExchange& exchange, std::vector<MaskFinding>* findings = nullptr) const;

  [[nodiscard]] bool is_on() const { return is_on_; }

 private:
  Masker(const MaskOptions& options, const KeyedHash::Key& key, FieldNames fields);

  class Pass;

  bool is_on_;
  bool card_numbers_;
  OpaqueBodies opaque_bodies_;
  std::vector<std::string> headers_;
  FieldNames fields_;
  KeyedHash hash_;
};

}  // namespace sluice::wire::recording
