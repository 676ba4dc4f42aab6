#include "recording_place.h"

#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "sluice/platform/linux/files.h"
#include "sluice/platform/linux/process.h"

namespace sluice::app {
namespace {

using wire::recording::KeyedHash;

constexpr Bytes kKeyBytesMax = 4 * kKiB;
constexpr unsigned kOwnerOnly = 0600;

KeyedHash::Key DrawKey() {
  KeyedHash::Key key{};
  for (std::size_t half = 0; half < 2; ++half) {
    const std::uint64_t drawn = platform::RandomSeed();
    for (std::size_t i = 0; i < 8; ++i)
      key[8 * half + i] = static_cast<std::uint8_t>(drawn >> (8 * i));
  }
  return key;
}

Result<void> MakeFolderOf(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (!error) return {};
  return Fail(ErrorCode::kPermissionDenied,
              fmt::format("cannot make the folder {}: {}", folder.string(), error.message()));
}

Result<KeyedHash::Key> ReadKey(const std::string& path) {
  const Result<std::string> text = platform::ReadWholeFile(path, kKeyBytesMax);
  if (!text) return std::unexpected(text.error());
  const std::optional<KeyedHash::Key> key = wire::recording::ParseKey(*text);
  if (key) return *key;
  return Fail(ErrorCode::kInvalidOption, fmt::format("{} must hold 32 hex digits", path));
}

}  // namespace

Result<gateway::RecordingPlace> PrepareRecordingPlace(const std::string& path,
                                                      const std::string& key_path) {
  for (const std::string& one : {path, key_path}) {
    const Result<void> made = MakeFolderOf(one);
    if (!made) return std::unexpected(made.error());
  }
  Result<KeyedHash::Key> key = ReadKey(key_path);
  if (!key && key.error().code == ErrorCode::kNotFound) {
    const Result<void> written = platform::WriteFileAtomically(
        key_path, wire::recording::FormatKey(DrawKey()) + "\n", kOwnerOnly);
    if (!written) return std::unexpected(written.error());
    key = ReadKey(key_path);
  }
  if (!key) return std::unexpected(key.error());
  return gateway::RecordingPlace{.path = path, .mask_key = *key};
}

Result<KeyedHash::Key> MaskingKey(const std::string& key_path) {
  if (key_path.empty()) return DrawKey();
  return ReadKey(key_path);
}

}  // namespace sluice::app
