// FieldNames: which names, and which paths of JSON documents, hold secrets.
//
//   path = "$" 1*( "." name | ".." name | ".*" | "[*]" | "[" digits "]" | "['" name "']" )
//
// A name stands for a member at any depth, a parameter of a query and a field of a form alike.
// Names have no case. Of a name in parts (`user[password]`, `user.password`) each part counts.
// Immutable once made: any thread may use it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/result.h"

namespace sluice::wire::recording {

// Names that hold secrets nearly everywhere: password, token, cvv, ….
[[nodiscard]] const std::vector<std::string>& WellKnownSecretNames();

// True for a name put together with a word for secrets, however it is written: newPassword,
// password_confirmation, x-vault-token, cardPin.
[[nodiscard]] bool IsSecretCompound(std::string_view name);

// Whether compounds of the words for secrets count beside the names given.
enum class Compounds : std::uint8_t { kIgnored, kCounted };

struct PathStep {
  enum class Kind : std::uint8_t { kName, kAny, kIndex };
  Kind kind = Kind::kName;
  bool is_deep = false;  // At any depth below.
  std::string name;      // Lower-case.
  std::size_t index = 0;

  friend bool operator==(const PathStep&, const PathStep&) = default;
};
using FieldPath = std::vector<PathStep>;

// Fails with kInvalidOption and says where the grammar above is left.
[[nodiscard]] Result<FieldPath> ParseFieldPath(std::string_view text);

class FieldNames {
 public:
  static constexpr std::size_t kPathsMax = 64;

  FieldNames() = default;
  // Fails as ParseFieldPath(), and with more than kPathsMax paths.
  [[nodiscard]] static Result<FieldNames> Create(const std::vector<std::string>& names,
                                                 const std::vector<std::string>& paths,
                                                 Compounds compounds = Compounds::kIgnored);

  [[nodiscard]] bool HasName(std::string_view name) const;
  [[nodiscard]] const std::vector<FieldPath>& paths() const { return paths_; }
  [[nodiscard]] bool empty() const {
    return names_.empty() && paths_.empty() && compounds_ == Compounds::kIgnored;
  }

 private:
  [[nodiscard]] bool IsListed(std::string_view name) const;

  std::vector<std::string> names_;  // Lower-case.
  std::uint64_t sizes_ = 0;         // Bit n: some name has n bytes.
  std::vector<FieldPath> paths_;
  Compounds compounds_ = Compounds::kIgnored;
};

}  // namespace sluice::wire::recording
