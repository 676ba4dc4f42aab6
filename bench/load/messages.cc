#include "load/messages.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include <fmt/format.h>

#include "sluice/contract/assert.h"

namespace sluice::load {
namespace {

// Cuts begin at 61 different places: neighbours in number never have the same body.
constexpr std::uint64_t kCuts = 61;
constexpr std::size_t kUserDigits = 5;

// Of one length; the blank is no part of the value (RFC 9110 §5.5).
constexpr std::string_view kCritical = "CRITICAL ";
constexpr std::string_view kSheddable = "SHEDDABLE";

// Letters from a fixed linear congruential sequence (Knuth's MMIX constants).
std::string MakeText() {
  std::string text(kBodyBytesMax + kCuts, ' ');
  std::uint64_t state = 42;
  for (char& letter : text) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    letter = static_cast<char>('a' + (state >> 33U) % 26);
  }
  return text;
}

std::optional<std::uint64_t> ReadNumber(std::string_view digits) {
  std::uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || stop != end || digits.empty()) return std::nullopt;
  return value;
}

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), same);
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

// False when a field that frames the message cannot be read.
bool NoteField(std::string_view line, Head& head) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = Trim(line.substr(colon + 1));
  if (EqualsIgnoringCase(name, "content-length")) {
    const std::optional<std::uint64_t> length = ReadNumber(value);
    if (!length || head.content_length) return false;
    head.content_length = length;
  } else if (EqualsIgnoringCase(name, "x-load-id")) {
    head.number = ReadNumber(value);
  } else if (EqualsIgnoringCase(name, "transfer-encoding")) {
    head.chunked = true;
  } else if (EqualsIgnoringCase(name, "connection")) {
    head.closes = EqualsIgnoringCase(value, "close");
  }
  return true;
}

void WriteDigits(std::uint64_t value, std::size_t digits, char* at) {
  for (std::size_t i = digits; i > 0; --i) {
    at[i - 1] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

}  // namespace

std::string_view BodyOf(std::uint64_t number, std::size_t bytes) {
  static const std::string text = MakeText();
  SLUICE_ASSERT(bytes <= kBodyBytesMax);
  return std::string_view(text).substr(number % kCuts, bytes);
}

Head ScanHead(std::string_view text) {
  Head head;
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return head;
  head.bytes = end + 4;
  head.scan = Scan::kComplete;
  std::size_t line_end = text.find("\r\n");
  head.first_line = text.substr(0, line_end);
  while (line_end < end) {
    const std::size_t begin = line_end + 2;
    line_end = text.find("\r\n", begin);
    if (!NoteField(text.substr(begin, line_end - begin), head)) head.scan = Scan::kMalformed;
  }
  return head;
}

int StatusOf(std::string_view first_line) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  if (!first_line.starts_with(kVersion)) return 0;
  const std::optional<std::uint64_t> status = ReadNumber(first_line.substr(kVersion.size(), 3));
  return status && *status >= 100 ? static_cast<int>(*status) : 0;
}

std::optional<Target> TargetOf(std::string_view first_line) {
  const std::size_t method_end = first_line.find(' ');
  const std::size_t path_end = first_line.rfind(' ');
  if (method_end == std::string_view::npos || path_end <= method_end) return std::nullopt;
  const std::string_view path = first_line.substr(method_end + 1, path_end - method_end - 1);
  const std::size_t number_slash = path.rfind('/');
  if (number_slash == std::string_view::npos || number_slash == 0) return std::nullopt;
  const std::size_t bytes_slash = path.rfind('/', number_slash - 1);
  if (bytes_slash == std::string_view::npos) return std::nullopt;
  const std::size_t bytes_at = bytes_slash + 1;
  const std::optional<std::uint64_t> number = ReadNumber(path.substr(number_slash + 1));
  const std::optional<std::uint64_t> bytes =
      ReadNumber(path.substr(bytes_at, number_slash - bytes_at));
  if (!number || !bytes || *bytes > kBodyBytesMax) return std::nullopt;
  return Target{.answer_bytes = static_cast<std::size_t>(*bytes), .number = *number};
}

RequestText::RequestText(const RequestOptions& options)
    : users_(options.users), critical_every_(options.critical_every) {
  SLUICE_ASSERT(options.users >= 1);
  SLUICE_ASSERT(options.body_bytes <= kBodyBytesMax);
  SLUICE_ASSERT(options.answer_bytes <= kBodyBytesMax);
  const auto out = std::back_inserter(text_);
  fmt::format_to(out, "{} {}/{}/", options.method, options.path_prefix, options.answer_bytes);
  number_at_ = text_.size();
  text_.append(kNumberDigits, '0');
  fmt::format_to(out, " HTTP/1.1\r\nHost: {}\r\nX-User-Id: u", options.host);
  user_at_ = text_.size();
  text_.append(kUserDigits, '0');
  text_ +=
      "\r\nUser-Agent: sluice-load/1\r\nAccept: application/json, */*;q=0.5\r\n"
      "Accept-Language: en\r\n";
  if (critical_every_ > 0) {
    text_ += "X-Criticality: ";
    class_at_ = text_.size();
    fmt::format_to(out, "{}\r\n", kSheddable);
  }
  if (options.body_bytes > 0 || options.method == "POST" || options.method == "PUT") {
    fmt::format_to(out, "Content-Type: text/plain\r\nContent-Length: {}\r\n", options.body_bytes);
  }
  text_ += "\r\n";
}

std::string_view RequestText::HeadOf(std::uint64_t number) {
  WriteDigits(number, kNumberDigits, text_.data() + number_at_);
  WriteDigits(number % users_, kUserDigits, text_.data() + user_at_);
  if (critical_every_ > 0) {
    const bool critical = number % critical_every_ == 0;
    text_.replace(class_at_, kCritical.size(), critical ? kCritical : kSheddable);
  }
  return text_;
}

void AppendAnswerHead(const Target& target, std::string& out) {
  fmt::format_to(std::back_inserter(out),
                 "HTTP/1.1 200 OK\r\nServer: sluice-load\r\nContent-Type: text/plain\r\n"
                 "Cache-Control: no-store\r\nX-Load-Id: {:010}\r\nContent-Length: {}\r\n\r\n",
                 target.number, target.answer_bytes);
}

}  // namespace sluice::load
