// FieldNames: which names, and which paths of JSON documents, hold secrets.
//
//   path = "$" 1*( "." name | ".." name | ".*" | "[*]" | "[" digits "]" | "['" name "']" )
//
// A name stands for a member at any depth, a parameter of a query and a field of a form alike.
// Names have no case. Immutable once made: any thread may use it.

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
                                                 const std::vector<std::string>& paths);

  [[nodiscard]] bool HasName(std::string_view name) const;
  [[nodiscard]] const std::vector<FieldPath>& paths() const { return paths_; }
  [[nodiscard]] bool empty() const { return names_.empty() && paths_.empty(); }

 private:
  std::vector<std::string> names_;  // Lower-case.
  std::uint64_t sizes_ = 0;         // Bit n: some name has n bytes.
  std::vector<FieldPath> paths_;
};

}  // namespace sluice::wire::recording
