#include "sluice/platform/sim/memory_store.h"

#include <algorithm>

#include "sluice/contract/assert.h"

namespace sluice::sim {
namespace {

std::unexpected<Error> DiskFull() {
  return Fail(ErrorCode::kInputOutput, "simulated: no space left on the disk");
}

}  // namespace

bool MemoryStore::Fails() {
  if (changes_left_ == kNoFault) return false;
  if (changes_left_ == 0) return true;
  --changes_left_;
  return changes_left_ == 0;
}

void MemoryStore::FailFrom(std::uint64_t calls, Bytes partial) {
  changes_left_ = calls;
  partial_ = partial;
}

Result<std::vector<std::string>> MemoryStore::List() {
  std::vector<std::string> names;
  for (const auto& entry : files_)
    names.push_back(entry.first);
  return names;
}

Result<std::string> MemoryStore::Read(const std::string& name, Bytes bytes_max) {
  const auto found = files_.find(name);
  if (found == files_.end()) return Fail(ErrorCode::kNotFound, "simulated: no such file");
  if (found->second.text.size() > bytes_max) {
    return Fail(ErrorCode::kInvalidOption, "simulated: the file is too large");
  }
  return found->second.text;
}

Result<void> MemoryStore::Replace(const std::string& name, ByteView text) {
  if (Fails()) return DiskFull();
  files_[name] = {.text = std::string(text), .synced = text.size()};
  return {};
}

Result<void> MemoryStore::Append(const std::string& name, ByteView bytes, Durability durability) {
  File& file = files_[name];
  if (Fails()) {
    file.text += bytes.substr(0, partial_);
    return DiskFull();
  }
  file.text += bytes;
  if (durability == Durability::kSynced) file.synced = file.text.size();
  return {};
}

Result<void> MemoryStore::Truncate(const std::string& name, Bytes bytes) {
  if (Fails()) return DiskFull();
  File& file = files_[name];
  file.text.resize(std::min(file.text.size(), bytes));
  file.synced = file.text.size();
  return {};
}

Result<void> MemoryStore::Remove(const std::string& name) {
  if (Fails()) return DiskFull();
  files_.erase(name);
  return {};
}

void MemoryStore::Crash(Bytes kept) {
  for (auto& [name, file] : files_) {
    const Bytes loose = file.text.size() - std::min(file.synced, file.text.size());
    file.text.resize(file.text.size() - loose + std::min(loose, kept));
    file.synced = file.text.size();
  }
}

void MemoryStore::Rot(const std::string& name, Bytes offset, unsigned char mask) {
  char& byte = files_.at(name).text.at(offset);
  byte = static_cast<char>(static_cast<unsigned char>(byte) ^ mask);
}

Bytes MemoryStore::SizeOf(const std::string& name) const {
  const auto found = files_.find(name);
  return found == files_.end() ? 0 : found->second.text.size();
}

}  // namespace sluice::sim
