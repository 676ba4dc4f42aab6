// Small files, read and written whole. Blocking: for start, reload and shutdown, not for requests.

#pragma once

#include <string>

#include "sluice/contract/bytes.h"
#include "sluice/contract/result.h"

namespace sluice::platform {

// Fails with kNotFound, kPermissionDenied, kOutOfDescriptors, kInvalidOption (more than `bytes_max`
// bytes) or kInputOutput. Works on files of /proc, whose size reads 0.
[[nodiscard]] Result<std::string> ReadWholeFile(const std::string& path, Bytes bytes_max);

// Replaces `path` by `text` so that readers, and whoever comes after a crash, see the old or the
// new text and never a mixture: written beside, synced, renamed. Fails with kNotFound (the folder),
// kPermissionDenied, kOutOfDescriptors or kInputOutput, and then leaves nothing behind.
[[nodiscard]] Result<void> WriteFileAtomically(const std::string& path,
                                               ByteView text,
                                               unsigned mode = 0644);

}  // namespace sluice::platform
