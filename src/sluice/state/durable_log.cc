#include "sluice/state/durable_log.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "sluice/state/frame.h"

namespace sluice::state {
namespace {

constexpr std::string_view kMagic = "sluice-state 1 ";

// "sluice-state 1 <crc32c, hexadecimal> <bytes>\n", then the text.
std::string Sealed(ByteView text) {
  return fmt::format("{}{:08x} {}\n{}", kMagic, Crc32c(text), text.size(), text);
}

std::optional<std::string> Unsealed(ByteView file) {
  const std::size_t line = file.find('\n');
  if (line == ByteView::npos) return std::nullopt;
  const ByteView text = file.substr(line + 1);
  if (file.substr(0, line + 1) != Sealed(text).substr(0, line + 1)) return std::nullopt;
  return std::string(text);
}

// The number in "NAME.<g><suffix>"; nothing: another file.
std::optional<std::uint64_t> GenerationOf(std::string_view file,
                                          std::string_view name,
                                          std::string_view suffix) {
  if (file.size() <= name.size() + suffix.size() + 1 || !file.starts_with(name) ||
      file[name.size()] != '.' || !file.ends_with(suffix)) {
    return std::nullopt;
  }
  file.remove_prefix(name.size() + 1);
  file.remove_suffix(suffix.size());
  std::uint64_t generation = 0;
  const auto [end, error] = std::from_chars(file.data(), file.data() + file.size(), generation);
  if (error != std::errc() || end != file.data() + file.size()) return std::nullopt;
  return generation;
}

}  // namespace

std::string_view NameOf(Health health) {
  switch (health) {
    case Health::kClean:
      return "clean";
    case Health::kTornTail:
      return "torn_tail";
    case Health::kFellBack:
      return "fell_back";
    case Health::kDamaged:
      return "damaged";
  }
  return "?";
}

std::string DurableLog::LogName(std::uint64_t generation) const {
  return fmt::format("{}.{}.log", name_, generation);
}

std::string DurableLog::SnapshotName(std::uint64_t generation) const {
  return fmt::format("{}.{}.snapshot", name_, generation);
}

Result<Recovered> DurableLog::Recover() {
  const Result<std::vector<std::string>> files = store_->List();
  if (!files) return std::unexpected(files.error());
  std::set<std::uint64_t> snapshots;
  std::set<std::uint64_t> logs;
  for (const std::string& file : *files) {
    if (const auto found = GenerationOf(file, name_, ".snapshot")) snapshots.insert(*found);
    if (const auto found = GenerationOf(file, name_, ".log")) logs.insert(*found);
  }
  Recovered recovered;
  const auto worsen = [&recovered](Health health, std::string detail) {
    recovered.health = std::max(recovered.health, health);
    recovered.detail = std::move(detail);
  };
  const std::uint64_t newest =
      std::max(snapshots.empty() ? 0 : *snapshots.rbegin(), logs.empty() ? 0 : *logs.rbegin());
  std::uint64_t from = 0;  // The generation whose snapshot, or empty beginning, is read.
  while (from == 0 && !snapshots.empty()) {
    const std::uint64_t generation = *snapshots.rbegin();
    const Result<std::string> file = store_->Read(SnapshotName(generation), kFileBytesMax);
    std::optional<std::string> text = file ? Unsealed(*file) : std::nullopt;
    if (text) {
      from = generation;
      recovered.snapshot = std::move(*text);
    } else {
      worsen(Health::kFellBack, fmt::format("{} cannot be read", SnapshotName(generation)));
      snapshots.erase(generation);
    }
  }
  if (newest == 0) return recovered;
  generation_ = newest;
  if (from == 0) {
    from = 1;
    if (!logs.contains(1)) {
      worsen(Health::kDamaged, "no snapshot can be read and the first log is gone");
      return recovered;
    }
  }
  for (std::uint64_t generation = from; generation <= newest; ++generation) {
    const Result<std::string> file = store_->Read(LogName(generation), kFileBytesMax);
    if (!file) {
      // A generation that nothing was written in yet has no log.
      if (file.error().code == ErrorCode::kNotFound && generation == newest) break;
      worsen(Health::kDamaged,
             fmt::format("{} cannot be read: {}", LogName(generation), file.error().detail));
      break;
    }
    Frames frames = ReadFrames(*file);
    std::ranges::move(frames.records, std::back_inserter(recovered.records));
    if (generation == newest) bytes_ = frames.good_bytes;
    if (frames.end == FileEnd::kWhole) continue;
    const bool is_torn = frames.end == FileEnd::kTorn && generation == newest;
    worsen(is_torn ? Health::kTornTail : Health::kDamaged,
           fmt::format("{} is {} from byte {} on", LogName(generation),
                       is_torn ? "cut off" : "damaged", frames.good_bytes));
    if (is_torn) has_torn_end_ = true;
    if (!is_torn) break;
  }
  return recovered;
}

Result<DurableLog::Opened> DurableLog::Open(FileStore& store, std::string name) {
  std::unique_ptr<DurableLog> log(new DurableLog(store, std::move(name)));
  Result<Recovered> recovered = log->Recover();
  if (!recovered) return std::unexpected(recovered.error());
  if (recovered->health == Health::kDamaged) {
    // What is damaged stays for whoever wants to look at it; nothing is appended behind it.
    ++log->generation_;
    log->bytes_ = 0;
    log->has_torn_end_ = false;
  }
  return Opened{.log = std::move(log), .recovered = std::move(*recovered)};
}

Result<void> DurableLog::Append(ByteView record, Durability durability) {
  if (has_torn_end_) {
    const Result<void> cut = store_->Truncate(LogName(generation_), bytes_);
    if (!cut) return cut;
    has_torn_end_ = false;
  }
  std::string frame;
  AppendFrame(record, frame);
  const Result<void> appended = store_->Append(LogName(generation_), frame, durability);
  if (!appended) {
    has_torn_end_ = !store_->Truncate(LogName(generation_), bytes_).has_value();
    return appended;
  }
  bytes_ += frame.size();
  return {};
}

Result<void> DurableLog::Compact(ByteView snapshot) {
  const Result<void> replaced = store_->Replace(SnapshotName(generation_ + 1), Sealed(snapshot));
  if (!replaced) return replaced;
  ++generation_;
  bytes_ = 0;
  has_torn_end_ = false;
  RemoveBefore(generation_ - 1);
  return {};
}

// Best effort: what is left over is removed by a later compaction, and read by nobody.
void DurableLog::RemoveBefore(std::uint64_t generation) {
  const Result<std::vector<std::string>> files = store_->List();
  if (!files) return;
  for (const std::string& file : *files) {
    for (const std::string_view suffix : {".snapshot", ".log"}) {
      const std::optional<std::uint64_t> found = GenerationOf(file, name_, suffix);
      if (!found || *found >= generation) continue;
      const Result<void> removed = store_->Remove(file);
      static_cast<void>(removed);
    }
  }
}

}  // namespace sluice::state
