// ByteSink: somewhere to append lines without waiting; a log file, say.

#pragma once

#include <cstdint>
#include <string>

namespace sluice {

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // Takes the whole buffer and writes it later, in order. Never waits: false when the bound of
  // bytes in flight is reached, and then `buffer` is untouched and the caller counts the loss. On
  // success `buffer` comes back empty, with capacity to fill again.
  [[nodiscard]] virtual bool Append(std::string& buffer) = 0;
};

}  // namespace sluice
