#include "sluice/platform/sim/memory_sink.h"

namespace sluice::sim {

bool MemorySink::Append(std::string& buffer) {
  if (buffer.size() > bytes_max_ - text_.size()) {
    ++refused_total_;
    return false;
  }
  text_ += buffer;
  buffer.clear();
  return true;
}

}  // namespace sluice::sim
