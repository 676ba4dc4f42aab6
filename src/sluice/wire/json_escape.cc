#include "sluice/wire/json_escape.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "sluice/wire/ascii.h"

namespace sluice::wire {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD.

// True for bytes that stand for themselves in a JSON string.
constexpr std::array<bool, 256> MakePlainTable() {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x20; c < 0x7f; ++c)
    table[c] = c != '"' && c != '\\';
  return table;
}
constexpr std::array<bool, 256> kPlain = MakePlainTable();

unsigned ByteAt(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
}

struct Utf8Piece {
  std::size_t size = 1;
  bool is_valid = false;
};

// The well-formed sequence at the begin of `text`, or the maximal broken piece of one (Unicode 15,
// table 3-7 and §3.9: "maximal subpart").
Utf8Piece ReadUtf8(std::string_view text) {
  const unsigned first = ByteAt(text, 0);
  if (first < 0x80) return {.size = 1, .is_valid = true};
  std::size_t size = 0;
  unsigned second_min = 0x80;
  unsigned second_max = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) {
    size = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    size = 3;
    if (first == 0xe0) second_min = 0xa0;  // No overlong forms.
    if (first == 0xed) second_max = 0x9f;  // No surrogates.
  } else if (first >= 0xf0 && first <= 0xf4) {
    size = 4;
    if (first == 0xf0) second_min = 0x90;
    if (first == 0xf4) second_max = 0x8f;  // Nothing above U+10FFFF.
  } else {
    return {.size = 1, .is_valid = false};
  }
  const unsigned second = ByteAt(text, 1);
  if (second < second_min || second > second_max) return {.size = 1, .is_valid = false};
  for (std::size_t i = 2; i < size; ++i) {
    const unsigned next = ByteAt(text, i);
    if (next < 0x80 || next > 0xbf) return {.size = i, .is_valid = false};
  }
  return {.size = size, .is_valid = true};
}

void AppendEscape(char c, std::string& out) {
  switch (c) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      // DEL is allowed in JSON, but not wanted on a terminal that shows the log.
      out.append("\\u00");
      out.push_back(kHexLower[static_cast<unsigned char>(c) / 16U]);
      out.push_back(kHexLower[static_cast<unsigned char>(c) % 16U]);
  }
}

}  // namespace

bool IsPlainJson(std::string_view text) {
  const auto is_fine = [](std::uint64_t word) {
    using internal::HasBelow;
    using internal::kOnes;
    const std::uint64_t special = HasBelow(word ^ (kOnes * 0x7f), 1) |
                                  HasBelow(word ^ (kOnes * '"'), 1) |
                                  HasBelow(word ^ (kOnes * '\\'), 1);
    return (HasBelow(word, 0x20) | special | (word & internal::kHighs)) == 0;
  };
  return internal::AllBytes(text, is_fine,
                            [](char c) { return kPlain[static_cast<unsigned char>(c)]; });
}

void AppendJsonEscaped(std::string_view text, std::string& out) {
  if (IsPlainJson(text)) {
    out.append(text);
    return;
  }
  std::size_t run = 0;  // Plain bytes seen and not yet appended.
  while (run < text.size()) {
    if (kPlain[static_cast<unsigned char>(text[run])]) {
      ++run;
      continue;
    }
    out.append(text.substr(0, run));
    text.remove_prefix(run);
    run = 0;
    const Utf8Piece piece = ReadUtf8(text);
    if (static_cast<unsigned char>(text.front()) < 0x80) {
      AppendEscape(text.front(), out);
    } else {
      out.append(piece.is_valid ? text.substr(0, piece.size) : kReplacement);
    }
    text.remove_prefix(piece.size);
  }
  out.append(text);
}

void AppendJsonString(std::string_view text, std::string& out) {
  out.push_back('"');
  AppendJsonEscaped(text, out);
  out.push_back('"');
}

}  // namespace sluice::wire
