#include "tests/sim/words.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace sluice::scenario {
namespace {

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

std::optional<double> ReadNumber(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

struct Unit {
  std::string_view name;
  double factor;
};

// Reads a number followed by one of `units`.
template <std::size_t kCount>
std::optional<double> ReadWithUnit(std::string_view text, const std::array<Unit, kCount>& units) {
  const std::size_t end = text.find_first_not_of("0123456789.");
  if (end == 0 || end == std::string_view::npos) return std::nullopt;
  const std::optional<double> number = ReadNumber(text.substr(0, end));
  if (!number) return std::nullopt;
  for (const Unit& unit : units) {
    if (text.substr(end) == unit.name) return *number * unit.factor;
  }
  return std::nullopt;
}

constexpr std::array<Unit, 6> kTimeUnits{{
    {"ns", 1},
    {"us", 1e3},
    {"ms", 1e6},
    {"s", 1e9},
    {"m", 60e9},
    {"h", 3600e9},
}};
constexpr std::array<Unit, 3> kSizeUnits{{{"B", 1}, {"KiB", 1024}, {"MiB", 1024.0 * 1024}}};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte of the escape that begins at `text[at]`, just after its backslash; moves `at` to its
// last character.
std::optional<char> Unescape(std::string_view text, std::size_t& at) {
  switch (text[at]) {
    case 'r':
      return '\r';
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case '0':
      return '\0';
    case '"':
    case '\\':
      return text[at];
    case 'x': {
      if (at + 2 >= text.size()) return std::nullopt;
      const int high = HexDigit(text[at + 1]);
      const int low = HexDigit(text[at + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      at += 2;
      return static_cast<char>(high * 16 + low);
    }
    default:
      return std::nullopt;
  }
}

// Where the bracket that opens at `text[at]` closes, minding quotes; npos when it does not.
std::size_t FindClosing(std::string_view text, std::size_t at) {
  int depth = 0;
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted && c == '\\') {
      ++at;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '{' || c == '[')) {
      ++depth;
    } else if (!quoted && (c == '}' || c == ']') && --depth == 0) {
      return at;
    }
  }
  return std::string_view::npos;
}

}  // namespace

std::optional<Nanos> ReadDuration(std::string_view text) {
  const std::optional<double> nanos = ReadWithUnit(text, kTimeUnits);
  if (!nanos) return std::nullopt;
  return Nanos(std::llround(*nanos));
}

Words::Words(std::string place, std::string_view text) : place_(std::move(place)) {
  Split(text);
}

void Words::Split(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && !problem_) {
    if (IsSpace(text[at])) {
      ++at;
    } else if (text[at] == '#') {
      return;
    } else if (text[at] == '"') {
      SplitQuoted(text, at);
    } else {
      SplitBare(text, at);
    }
  }
}

void Words::SplitQuoted(std::string_view text, std::size_t& at) {
  Word word{.text = {}, .quoted = true};
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] != '\\') {
      word.text += text[at];
      continue;
    }
    ++at;
    const std::optional<char> byte = at < text.size() ? Unescape(text, at) : std::nullopt;
    if (!byte) {
      Complain(R"(unknown escape in a quoted text; there are \r \n \t \0 \" \\ \xHH)");
      return;
    }
    word.text += *byte;
  }
  if (at == text.size()) {
    Complain("a quoted text does not end on its line");
    return;
  }
  ++at;
  words_.push_back(std::move(word));
}

void Words::SplitBare(std::string_view text, std::size_t& at) {
  const std::size_t begin = at;
  while (at < text.size() && !IsSpace(text[at])) {
    if (text[at] == '{' || text[at] == '[') {
      const std::size_t closing = FindClosing(text, at);
      if (closing == std::string_view::npos) {
        Complain(fmt::format("a bracket does not close: `{}`", text.substr(begin)));
        return;
      }
      at = closing;
    }
    ++at;
  }
  std::string_view word = text.substr(begin, at - begin);
  const bool comma = word.size() > 1 && word.back() == ',';
  if (comma) word.remove_suffix(1);
  words_.push_back({.text = std::string(word)});
  if (comma) words_.push_back({.text = ","});
}

std::string_view Words::peek() const {
  return empty() ? std::string_view() : words_[next_].text;
}

bool Words::TakeIf(std::string_view phrase) {
  std::size_t at = next_;
  while (!phrase.empty()) {
    const std::size_t space = phrase.find(' ');
    if (at == words_.size() || words_[at].quoted || words_[at].text != phrase.substr(0, space)) {
      return false;
    }
    ++at;
    phrase = space == std::string_view::npos ? std::string_view() : phrase.substr(space + 1);
  }
  if (problem_) return false;
  next_ = at;
  return true;
}

void Words::Expect(std::string_view phrase) {
  if (TakeIf(phrase)) return;
  Complain(empty() ? fmt::format("expected `{}` at the end of the line", phrase)
                   : fmt::format("expected `{}`, got `{}`", phrase, peek()));
}

std::string Words::Take(std::string_view what) {
  if (problem_) return {};
  if (empty()) {
    Complain(fmt::format("expected {} at the end of the line", what));
    return {};
  }
  return words_[next_++].text;
}

bool Words::AtText() const {
  if (empty()) return false;
  const Word& word = words_[next_];
  return word.quoted || word.text.front() == '{' || word.text.front() == '[';
}

std::string Words::TakeText(std::string_view what) {
  return Take(what);
}

std::int64_t Words::TakeCount(std::string_view what) {
  const std::string word = Take(what);
  std::int64_t value = 0;
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value);
  if (error == std::errc() && stop == end && !word.empty() && value >= 0) return value;
  Complain(fmt::format("expected {}, a whole number, got `{}`", what, word));
  return 0;
}

Nanos Words::TakeDuration(std::string_view what) {
  const std::string word = Take(what);
  if (const std::optional<Nanos> span = ReadDuration(word)) return *span;
  Complain(fmt::format("expected {} with a unit such as 250ms or 1.5s, got `{}`", what, word));
  return Nanos(0);
}

Nanos Words::TakeSignedDuration(std::string_view what) {
  const std::string word = Take(what);
  const bool has_sign = word.starts_with('+') || word.starts_with('-');
  if (const auto span = ReadDuration(std::string_view(word).substr(has_sign ? 1 : 0))) {
    return word.starts_with('-') ? -*span : *span;
  }
  Complain(fmt::format("expected {} such as +1h or -250ms, got `{}`", what, word));
  return Nanos(0);
}

Bytes Words::TakeSize(std::string_view what) {
  const std::string word = Take(what);
  std::optional<double> size = ReadWithUnit(word, kSizeUnits);
  if (!size) size = ReadNumber(word);
  if (size && *size >= 0) return static_cast<Bytes>(*size);
  Complain(fmt::format("expected {}, a size such as 100 or 64KiB, got `{}`", what, word));
  return 0;
}

double Words::TakePercent(std::string_view what) {
  const std::string word = Take(what);
  std::optional<double> percent;
  if (word.ends_with('%')) percent = ReadNumber(std::string_view(word).substr(0, word.size() - 1));
  if (percent && *percent >= 0 && *percent <= 100) return *percent / 100;
  Complain(fmt::format("expected {}, 0% to 100%, got `{}`", what, word));
  return 0;
}

Address Words::TakeAddress() {
  const std::string word = Take("an address");
  const Result<Address> address = Address::Parse(word);
  if (address) return *address;
  Complain(address.error().detail);
  return {};
}

Address Words::TakeHost() {
  const std::string word = Take("an IP address");
  const Result<Address> address = Address::ParseIp(word);
  if (address) return *address;
  Complain(address.error().detail);
  return {};
}

std::pair<std::string, std::string> Words::TakeHeader() {
  const std::string text = TakeText("a header such as \"x-user: ann\"");
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return {text, ""};
  const std::size_t value = text.find_first_not_of(' ', colon + 1);
  return {text.substr(0, colon), value == std::string::npos ? "" : text.substr(value)};
}

void Words::End() {
  if (!empty()) Complain(fmt::format("`{}` is not understood here", peek()));
}

void Words::Complain(std::string_view text) {
  if (!problem_) problem_ = fmt::format("{}: {}", place_, text);
}

}  // namespace sluice::scenario
