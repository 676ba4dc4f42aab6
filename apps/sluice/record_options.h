// What the verbs around recordings are given on the command line.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/traffic/archive/recording_reader.h"

namespace sluice::app {

// As written; empty: not given.
struct FilterOptions {
  std::string route;
  std::string upstream;
  std::string method;
  std::string host;
  std::string path;
  std::string status;  // "503", "5xx", "500-504".
  std::string since;   // "2026-01-02T03:04:05Z".
  std::string until;
  std::string slower_than;  // "100ms".
  std::string text;
  std::string trace;
  std::string direction;  // "ingress" or "egress".
};

// Fails with kInvalidOption and says which option is wrong.
[[nodiscard]] Result<traffic::archive::RecordingFilter> FilterOf(const FilterOptions& options);

struct RecordOptions {
  std::string file;
  FilterOptions filter;
  std::int64_t limit = 0;  // 0: all.
  bool json = false;
  // show
  std::int64_t id = 0;
  bool as_curl = false;
  // export
  std::string format = "har";
  std::string output;  // Empty: stdout.
  // import
  std::vector<std::string> inputs;
  bool no_masking = false;
  std::string masking_key;  // A file.
};

}  // namespace sluice::app
