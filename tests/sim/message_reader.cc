#include "tests/sim/message_reader.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace sluice::scenario {
namespace {

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

template <typename Number>
std::optional<Number> ReadWhole(std::string_view text, int base) {
  Number value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace

bool EqualsIgnoringCase(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, {}, Lower, Lower);
}

std::optional<std::string_view> Message::Find(std::string_view name) const {
  for (const auto& [field, value] : headers) {
    if (EqualsIgnoringCase(field, name)) return value;
  }
  return std::nullopt;
}

bool Message::Lists(std::string_view name, std::string_view token) const {
  for (const auto& [field, value] : headers) {
    if (!EqualsIgnoringCase(field, name)) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      if (EqualsIgnoringCase(Trim(rest.substr(0, comma)), token)) return true;
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  return false;
}

void MessageReader::Begin(std::string_view method) {
  state_ = State::kHead;
  method_ = std::string(method);
  message_ = {};
  body_left_ = 0;
  interim_.clear();
  problem_.clear();
  Feed({});
}

void MessageReader::Feed(ByteView bytes) {
  buffer_ += bytes;
  while (Advance()) {
  }
}

void MessageReader::FeedEnd() {
  if (state_ == State::kBodyToEnd) state_ = State::kComplete;
}

bool MessageReader::Break(std::string problem) {
  state_ = State::kBroken;
  problem_ = std::move(problem);
  return false;
}

// One step; false when more bytes are needed, or none will help.
bool MessageReader::Advance() {
  switch (state_) {
    case State::kHead:
      return ReadHead();
    case State::kBodyLength:
    case State::kChunkData:
      return TakeBody();
    case State::kBodyToEnd:
      message_.body += buffer_;
      buffer_.clear();
      return false;
    case State::kChunkSize:
      return ReadChunkSize();
    case State::kChunkEnd:
      if (buffer_.size() < 2) return false;
      if (!buffer_.starts_with("\r\n")) return Break("a chunk does not end with CRLF");
      buffer_.erase(0, 2);
      state_ = State::kChunkSize;
      return true;
    case State::kTrailers:
      return ReadTrailers();
    case State::kComplete:
    case State::kBroken:
      return false;
  }
  return false;
}

bool MessageReader::ReadHead() {
  const std::size_t end = buffer_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::string head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  const std::size_t line_end = head.find("\r\n");
  if (!ReadStartLine(std::string_view(head).substr(0, line_end))) return false;
  if (!ReadFields(std::string_view(head).substr(line_end + 2), message_.headers)) return false;
  if (side_ == Side::kResponses && message_.status / 100 == 1 && message_.status != 101) {
    interim_.push_back(message_.status);
    message_ = {};
    return true;  // The final response follows.
  }
  return ChooseBody();
}

bool MessageReader::ReadStartLine(std::string_view line) {
  message_.start_line = std::string(line);
  const std::size_t first = line.find(' ');
  if (first == std::string_view::npos) return Break(fmt::format("no start line: `{}`", line));
  if (side_ == Side::kResponses) {
    const std::string_view version = line.substr(0, first);
    const std::optional<int> status = ReadWhole<int>(line.substr(first + 1, 3), 10);
    const bool well_formed = (version == "HTTP/1.1" || version == "HTTP/1.0") && status &&
                             *status >= 100 && line.size() > first + 4 && line[first + 4] == ' ';
    if (!well_formed) return Break(fmt::format("no status line: `{}`", line));
    message_.status = *status;
    return true;
  }
  const std::size_t second = line.find(' ', first + 1);
  const bool well_formed = second != std::string_view::npos && first > 0 && second > first + 1 &&
                           line.substr(second) == " HTTP/1.1";
  if (!well_formed) return Break(fmt::format("no request line of HTTP/1.1: `{}`", line));
  message_.method = std::string(line.substr(0, first));
  message_.target = std::string(line.substr(first + 1, second - first - 1));
  return true;
}

bool MessageReader::ReadFields(std::string_view text,
                               std::vector<std::pair<std::string, std::string>>& fields) {
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    const bool well_formed = colon != std::string_view::npos && colon > 0 &&
                             name.find_first_of(" \t") == std::string_view::npos &&
                             line.find_first_of(std::string_view("\r\n\0", 3)) == line.npos;
    if (!well_formed) return Break(fmt::format("no header: `{}`", line));
    fields.emplace_back(std::string(name), std::string(Trim(line.substr(colon + 1))));
    text = text.substr(end + 2);
  }
  return true;
}

// RFC 9112 section 6.3.
bool MessageReader::ChooseBody() {
  const bool without_body =
      side_ == Side::kResponses && (method_ == "HEAD" || message_.status / 100 == 1 ||
                                    message_.status == 204 || message_.status == 304);
  const auto is_length = [](const auto& field) {
    return EqualsIgnoringCase(field.first, "content-length");
  };
  const auto lengths = std::ranges::count_if(message_.headers, is_length);
  const bool chunked = message_.Find("transfer-encoding").has_value();
  if (chunked && lengths > 0) return Break("Content-Length and Transfer-Encoding together");
  if (lengths > 1) return Break("more than one Content-Length");
  if (without_body) {
    state_ = State::kComplete;
    return false;
  }
  if (chunked) {
    if (!EqualsIgnoringCase(*message_.Find("transfer-encoding"), "chunked")) {
      return Break("a Transfer-Encoding that is not chunked");
    }
    state_ = State::kChunkSize;
    return true;
  }
  if (lengths == 1) {
    const std::optional<Bytes> length = ReadWhole<Bytes>(*message_.Find("content-length"), 10);
    if (!length) return Break("a Content-Length that is no number");
    body_left_ = *length;
    state_ = State::kBodyLength;
    return true;
  }
  state_ = side_ == Side::kRequests ? State::kComplete : State::kBodyToEnd;
  return state_ == State::kBodyToEnd;
}

bool MessageReader::TakeBody() {
  const Bytes piece = std::min(body_left_, buffer_.size());
  message_.body.append(buffer_, 0, piece);
  buffer_.erase(0, piece);
  body_left_ -= piece;
  if (body_left_ > 0) return false;
  state_ = state_ == State::kChunkData ? State::kChunkEnd : State::kComplete;
  return true;
}

bool MessageReader::ReadChunkSize() {
  const std::size_t end = buffer_.find("\r\n");
  if (end == std::string::npos) return false;
  const std::string_view line = std::string_view(buffer_).substr(0, end);
  const std::optional<Bytes> size = ReadWhole<Bytes>(line.substr(0, line.find(';')), 16);
  if (!size) return Break(fmt::format("no chunk size: `{}`", line));
  buffer_.erase(0, end + 2);
  body_left_ = *size;
  state_ = *size == 0 ? State::kTrailers : State::kChunkData;
  return true;
}

bool MessageReader::ReadTrailers() {
  if (buffer_.starts_with("\r\n")) {
    buffer_.erase(0, 2);
    state_ = State::kComplete;
    return false;
  }
  const std::size_t end = buffer_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::string trailers = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  if (!ReadFields(trailers, message_.trailers)) return false;
  state_ = State::kComplete;
  return false;
}

}  // namespace sluice::scenario
