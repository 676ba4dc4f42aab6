// `sluice record …`: looks into recordings, brings them in and out, and audits their masking.
//
// Exit codes: 0 done; 1 (audit) secrets were found; 2 usage, no recording, or nothing in it can be
// read. What cannot be read of a damaged recording is counted and named on stderr.

#pragma once

#include "record_options.h"

namespace sluice::app {

[[nodiscard]] int RecordList(const RecordOptions& options);
[[nodiscard]] int RecordShow(const RecordOptions& options);
[[nodiscard]] int RecordAudit(const RecordOptions& options);
[[nodiscard]] int RecordExport(const RecordOptions& options);
[[nodiscard]] int RecordImport(const RecordOptions& options);

}  // namespace sluice::app
