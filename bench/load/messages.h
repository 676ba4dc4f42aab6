// What client and upstream of the generator say to each other, and how they check it.
//
// A request names the size of its answer and bears a number:
//   GET <prefix>/<answer bytes>/<number, 10 digits> HTTP/1.1
// The answer repeats the number in X-Load-Id, and its body is a cut of one fixed text whose place
// follows from the number. So a lost, cut, mixed-up or swapped answer is always noticed.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::load {

inline constexpr std::size_t kNumberDigits = 10;
inline constexpr std::size_t kBodyBytesMax = std::size_t{1} << 20;

// The body that belongs to `number`, a view of static memory. Requires bytes <= kBodyBytesMax.
[[nodiscard]] std::string_view BodyOf(std::uint64_t number, std::size_t bytes);

enum class Scan : std::uint8_t { kIncomplete, kMalformed, kComplete };

// The parts of a head that matter here. Views are into the scanned text.
struct Head {
  Scan scan = Scan::kIncomplete;
  std::size_t bytes = 0;  // Of the head, its empty line included.
  std::string_view first_line;
  std::optional<std::uint64_t> content_length;
  std::optional<std::uint64_t> number;  // X-Load-Id.
  bool chunked = false;
  bool closes = false;  // "Connection: close".
};

// Reads the head at the beginning of `text`. Good enough for a peer that is not an attacker.
[[nodiscard]] Head ScanHead(std::string_view text);

// The status of "HTTP/1.1 200 OK", 0 when it is not a status line.
[[nodiscard]] int StatusOf(std::string_view first_line);

struct Target {
  std::size_t answer_bytes = 0;
  std::uint64_t number = 0;
};

// Takes a request line of ours apart; nullopt for any other.
[[nodiscard]] std::optional<Target> TargetOf(std::string_view first_line);

struct RequestOptions {
  std::string method = "GET";
  std::string path_prefix;           // Before /<bytes>/<number>; empty or "/something".
  std::string host = "bench.test";   // Host field.
  std::size_t body_bytes = 0;        // 0 .. kBodyBytesMax.
  std::size_t answer_bytes = 128;    // 0 .. kBodyBytesMax.
  std::uint64_t users = 1'000;       // 1 .. 100'000 different X-User-Id values, in turn.
  std::uint64_t critical_every = 0;  // Each so-and-so-many-th request says X-Criticality: CRITICAL,
                                     // the others SHEDDABLE; 0: none says anything.
};

// A request head whose number, user and class are written in place, so sending one allocates
// nothing.
class RequestText {
 public:
  explicit RequestText(const RequestOptions& options);

  // The head of request `number`; valid until the next call.
  [[nodiscard]] std::string_view HeadOf(std::uint64_t number);

 private:
  std::string text_;
  std::size_t number_at_ = 0;
  std::size_t user_at_ = 0;
  std::size_t class_at_ = 0;
  std::uint64_t users_ = 1;
  std::uint64_t critical_every_ = 0;
};

// Appends the head of the answer to `target`.
void AppendAnswerHead(const Target& target, std::string& out);

}  // namespace sluice::load
