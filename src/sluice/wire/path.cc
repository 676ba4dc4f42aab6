#include "sluice/wire/path.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "sluice/wire/ascii.h"
#include "sluice/wire/percent.h"

namespace sluice::wire {
namespace {

std::unexpected<Error> RefusePath(std::string_view rule) {
  return std::unexpected(
      Error{.code = ErrorCode::kBadRequest, .side = Side::kClient, .detail = std::string(rule)});
}

bool IsPathByte(char c) {
  return c > 0x20 && c < 0x7f && c != '\\' && c != '?' && c != '#';
}

// What a path may have and still be normal whatever stands around it.
constexpr std::array<bool, 256> MakePlainPathTable() {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x21; c < 0x7f; ++c) {
    table[c] = c != '\\' && c != '?' && c != '#' && c != '%' && c != '.';
  }
  return table;
}
constexpr std::array<bool, 256> kPlainPath = MakePlainPathTable();

// True when the path has neither escapes nor dot segments, which is nearly always, nor a byte that
// must be refused.
bool IsPlainlyNormal(std::string_view path) {
  const char* const end = path.data() + path.size();
  for (const char* at = path.data(); at != end; ++at) {
    if (kPlainPath[static_cast<unsigned char>(*at)]) continue;
    // "/." begins every dot segment; a harmless "/.well-known" takes the slow way too. The path
    // begins with '/', so there is a byte before a dot.
    if (*at != '.' || *(at - 1) == '/') return false;
  }
  return true;
}

// Decodes unreserved characters and writes the other escapes in upper case.
Result<void> AppendDecoded(std::string_view path, std::string& out) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (!IsPathByte(c)) return RefusePath("a byte in the path that may not be there");
    if (c != '%') {
      out.push_back(c);
      continue;
    }
    const int decoded = DecodeEscape(path.substr(i));
    if (decoded < 0) return RefusePath("a broken escape in the path");
    if (decoded == '/' || decoded == '\\' || decoded == 0) {
      return RefusePath("an escaped slash, backslash or NUL in the path");
    }
    if (IsUnreserved(static_cast<char>(decoded))) {
      out.push_back(static_cast<char>(decoded));
    } else {
      const auto byte = static_cast<std::size_t>(decoded);
      out.push_back('%');
      out.push_back(kHexUpper[byte / 16]);
      out.push_back(kHexUpper[byte % 16]);
    }
    i += 2;
  }
  return {};
}

// RFC 3986 §5.2.4, in place: the result is never longer than what was read.
void RemoveDotSegments(std::string& path) {
  std::size_t written = 0;
  std::size_t at = 0;
  while (at < path.size()) {
    // path[at] is the '/' before a segment.
    const std::size_t next = std::min(path.find('/', at + 1), path.size());
    const std::string_view segment = std::string_view(path).substr(at + 1, next - at - 1);
    const bool is_last = next == path.size();
    if (segment == "." || segment == "..") {
      if (segment == "..") {
        const std::size_t parent = std::string_view(path).substr(0, written).rfind('/');
        written = parent == std::string_view::npos ? 0 : parent;
      }
      // "/a/." and "/a/b/.." are the directory "/a/".
      if (is_last) path[written++] = '/';
    } else {
      for (std::size_t i = at; i < next; ++i)
        path[written++] = path[i];
    }
    at = next;
  }
  path.resize(written);
}

}  // namespace

Result<std::string_view> NormalizePath(std::string_view path, std::string& scratch) {
  if (path == "*") return path;
  if (!path.starts_with('/')) return RefusePath("the path does not begin with a slash");
  if (IsPlainlyNormal(path)) return path;
  scratch.clear();
  if (const Result<void> decoded = AppendDecoded(path, scratch); !decoded) {
    return std::unexpected(decoded.error());
  }
  RemoveDotSegments(scratch);
  if (scratch == path) return path;
  return std::string_view(scratch);
}

}  // namespace sluice::wire
