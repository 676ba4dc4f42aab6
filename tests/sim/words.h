// Words: one statement of a scenario, taken word by word.
//
// Words are parted by spaces; a comma at the end of one is a word of its own. `"…"` is one word
// with escapes (\r \n \t \" \\ \0 \xHH); `{…}` and `[…]` belong to their word up to the matching
// bracket, so JSON and labels need no quotes. ` #` begins a comment. The first problem stays; after
// it every Take…() returns a zero, so a reader of statements needs no error handling of its own and
// asks `problem()` at the end.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/bytes.h"
#include "sluice/contract/time.h"

namespace sluice::scenario {

class Words {
 public:
  // `place` is "file:line", and the beginning of every problem.
  Words(std::string place, std::string_view text);

  [[nodiscard]] bool empty() const { return next_ == words_.size(); }
  // The next word as it stands; empty at the end.
  [[nodiscard]] std::string_view peek() const;

  // Takes `phrase`, which may be several words, if it comes next.
  [[nodiscard]] bool TakeIf(std::string_view phrase);
  // Takes `phrase`, or complains.
  void Expect(std::string_view phrase);
  // `what` tells what was expected, for the complaint.
  std::string Take(std::string_view what);
  // True when the next word is a quoted text, or begins with a bracket.
  [[nodiscard]] bool AtText() const;
  std::string TakeText(std::string_view what);
  std::int64_t TakeCount(std::string_view what);
  // "250ms", "1.1s", "50us", "0s", "2m", "1h"; with `signed_too` also "+1h" and "-1h".
  Nanos TakeDuration(std::string_view what);
  Nanos TakeSignedDuration(std::string_view what);
  // "100", "64KiB", "10MiB".
  Bytes TakeSize(std::string_view what);
  // "8%" as 0.08.
  double TakePercent(std::string_view what);
  Address TakeAddress();
  Address TakeHost();
  // "x-user: ann"; without a colon the value is empty.
  std::pair<std::string, std::string> TakeHeader();
  // Complains about words that are left.
  void End();

  void Complain(std::string_view text);
  [[nodiscard]] const std::optional<std::string>& problem() const { return problem_; }
  [[nodiscard]] const std::string& place() const { return place_; }

 private:
  struct Word {
    std::string text;
    bool quoted = false;
  };

  void Split(std::string_view text);
  void SplitQuoted(std::string_view text, std::size_t& at);
  void SplitBare(std::string_view text, std::size_t& at);

  std::string place_;
  std::vector<Word> words_;
  std::size_t next_ = 0;
  std::optional<std::string> problem_;
};

// Exposed for the parser of blocks: what `text` is in Words::TakeDuration's terms.
[[nodiscard]] std::optional<Nanos> ReadDuration(std::string_view text);

}  // namespace sluice::scenario
