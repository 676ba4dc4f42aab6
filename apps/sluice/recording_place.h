// Where recordings lie: their folder, and the key by which their secrets are masked.

#pragma once

#include <string>

#include "sluice/contract/result.h"
#include "sluice/gateway/recordings.h"

namespace sluice::app {

// Makes the folder of `path`. Reads the key from `key_path`, or draws one and writes it there, for
// its owner alone. Fails with kInvalidOption (the file holds no key), kPermissionDenied, ….
[[nodiscard]] Result<gateway::RecordingPlace> PrepareRecordingPlace(const std::string& path,
                                                                    const std::string& key_path);

// The key of `key_path`, or one drawn for this once where it is empty.
[[nodiscard]] Result<wire::recording::KeyedHash::Key> MaskingKey(const std::string& key_path);

}  // namespace sluice::app
