// Opens a recording for a verb, and lists what it asks for.

#pragma once

#include <expected>
#include <memory>
#include <string>

#include "record_options.h"

#include "sluice/traffic/archive/recording_reader.h"

namespace sluice::app {

struct OpenRecording {
  std::unique_ptr<traffic::archive::RecordingReader> reader;
  traffic::archive::RecordingList list;
};

// The exit code, after saying on stderr what is wrong. What is lost of a damaged recording is told
// there, too; where nothing at all can be read that is the end.
[[nodiscard]] std::expected<OpenRecording, int> OpenAndList(const std::string& file,
                                                            const FilterOptions& filter);

// Says that an exchange of the list could not be loaded.
void TellUnreadable(const Error& error);

}  // namespace sluice::app
