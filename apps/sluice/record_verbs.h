// The verbs around recordings on the command line: `record …`.

#pragma once

#include "record_options.h"
#include <CLI/CLI.hpp>

namespace sluice::app {

// `options` and `exit_code` must outlive the parsing.
void AddRecord(CLI::App& app, RecordOptions& options, int& exit_code);

// The options that choose exchanges, for any verb.
void AddFilter(CLI::App& verb, FilterOptions& filter);

}  // namespace sluice::app
