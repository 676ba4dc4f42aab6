#include "sluice/traffic/archive/recording_reader.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sluice::traffic::archive {

using wire::recording::RecordedExchange;

bool MatchesIndex(const RecordingFilter& filter, const RecordedExchange& exchange) {
  const auto fits = [](const std::string& wanted, const std::string& got) {
    return wanted.empty() || wanted == got;
  };
  return (!filter.direction || *filter.direction == exchange.direction) &&
         fits(filter.route, exchange.route) && fits(filter.upstream, exchange.upstream) &&
         fits(filter.method, exchange.method) && fits(filter.host, exchange.host) &&
         fits(filter.trace_id, exchange.trace_id) &&
         exchange.target.starts_with(filter.path_prefix) && exchange.status >= filter.status_min &&
         exchange.status <= filter.status_max && exchange.started >= filter.since &&
         exchange.started < filter.until && exchange.duration >= filter.duration_min;
}

bool MatchesText(const RecordingFilter& filter, const RecordedExchange& exchange) {
  if (filter.text.empty()) return true;
  const auto holds = [&filter](const std::string& text) {
    return text.find(filter.text) != std::string::npos;
  };
  return holds(exchange.request.head) || holds(exchange.request.body) ||
         holds(exchange.response.head) || holds(exchange.response.body);
}

Result<std::unique_ptr<RecordingReader>> RecordingReader::Open(const std::string& path) {
  // A journal that somebody has left is merged by who may write.
  Result<Database> database = Database::Open(path, Database::Mode::kWrite);
  if (!database) database = Database::Open(path, Database::Mode::kRead);
  if (!database) return std::unexpected(database.error());
  Result<void> known = CheckSchema(*database, path);
  if (!known && !database->AskNumber("PRAGMA application_id")) {
    // A file that was cut is refused whole, unless one insists; then pages that are there are read.
    database = Database::Open(path, Database::Mode::kSalvage);
    if (!database) return std::unexpected(database.error());
    const Result<void> insisted = database->Execute("PRAGMA writable_schema = ON");
    if (insisted) known = CheckSchema(*database, path);
  }
  if (!known) return std::unexpected(known.error());
  return std::unique_ptr<RecordingReader>(new RecordingReader(std::move(*database)));
}

// Walks through all rows, from both ends where there is a hole in between.
class RecordingReader::Listing {
 public:
  Listing(RecordingReader& reader, const RecordingFilter& filter)
      : reader_(reader), filter_(filter) {}

  RecordingList Run() {
    const bool is_whole = Walk("ORDER BY id", /*is_upwards=*/true);
    if (!is_whole) Walk("ORDER BY id DESC", /*is_upwards=*/false);
    if (!is_whole) CountMissing();
    std::ranges::sort(list_.entries, [](const RecordingEntry& a, const RecordingEntry& b) {
      return std::tie(a.started, a.sequence, a.id) < std::tie(b.started, b.sequence, b.id);
    });
    return std::move(list_);
  }

 private:
  // False where it met damage before the end.
  bool Walk(std::string_view order, bool is_upwards) {
    Result<Statement> select =
        reader_.database_.Prepare(fmt::format("{} {}", SelectExchangeSql(), order));
    if (!select) {
      Complain(select.error().detail);
      return false;
    }
    ExchangeRow row;
    RecordedExchange exchange;
    for (;;) {
      const Result<bool> has_row = select->Step();
      if (!has_row) {
        Complain(has_row.error().detail);
        return false;
      }
      if (!*has_row) return true;
      ReadExchange(*select, row, exchange);
      if (!is_upwards && row.id <= last_id_) return true;
      if (is_upwards) last_id_ = row.id;
      ++read_;
      if (MatchesIndex(filter_, exchange)) Take(row, exchange);
    }
  }

  void Take(const ExchangeRow& row, const RecordedExchange& exchange) {
    if (!filter_.text.empty()) {
      const Result<RecordedExchange> whole = reader_.Load(row.id);
      if (!whole) {
        ++list_.unreadable;
        Complain(whole.error().detail);
        return;
      }
      if (!MatchesText(filter_, *whole)) return;
    }
    list_.entries.push_back(
        {.id = row.id, .started = exchange.started, .sequence = exchange.sequence});
  }

  // Blocks say how many exchanges there are, as far as they can be read themselves.
  void CountMissing() {
    const Result<std::int64_t> all =
        reader_.database_.AskNumber("SELECT coalesce(sum(exchanges),0) FROM block");
    const std::uint64_t known = all && *all > 0 ? static_cast<std::uint64_t>(*all) : 0;
    list_.unreadable += std::max<std::uint64_t>(known > read_ ? known - read_ : 0, 1);
  }

  void Complain(std::string problem) {
    if (list_.problems.size() < RecordingList::kProblemsMax)
      list_.problems.push_back(std::move(problem));
  }

  RecordingReader& reader_;
  const RecordingFilter& filter_;
  RecordingList list_;
  std::int64_t last_id_ = 0;
  std::uint64_t read_ = 0;
};

RecordingList RecordingReader::List(const RecordingFilter& filter) {
  return Listing(*this, filter).Run();
}

Result<RecordedExchange> RecordingReader::LoadRow(std::int64_t id, ExchangeRow& row) {
  if (!select_row_.is_prepared()) {
    Result<Statement> select =
        database_.Prepare(fmt::format("{} WHERE id = ?", SelectExchangeSql()));
    if (!select) return std::unexpected(select.error());
    select_row_ = std::move(*select);
  }
  select_row_.Bind(0, id);
  const Result<bool> has_row = select_row_.Step();
  RecordedExchange exchange;
  if (has_row && *has_row) ReadExchange(select_row_, row, exchange);
  select_row_.Reset();  // So that no lock is held between two rows.
  if (!has_row) return std::unexpected(has_row.error());
  if (!*has_row) return Fail(ErrorCode::kNotFound, fmt::format("no exchange {}", id));
  return exchange;
}

Result<RecordedExchange> RecordingReader::LoadIndex(std::int64_t id) {
  ExchangeRow row;
  return LoadRow(id, row);
}

Result<RecordedExchange> RecordingReader::Load(std::int64_t id) {
  ExchangeRow row;
  Result<RecordedExchange> exchange = LoadRow(id, row);
  if (!exchange) return exchange;
  const Result<const std::string*> content = BlockContent(row.block);
  if (!content) {
    return Fail(ErrorCode::kBadResponse,
                fmt::format("exchange {}, block {}: {}", id, row.block, content.error().detail));
  }
  const Result<void> read = ReadRecord(**content, row.place, *exchange);
  if (!read) {
    return Fail(ErrorCode::kBadResponse,
                fmt::format("exchange {}, block {}: {}", id, row.block, read.error().detail));
  }
  return exchange;
}

Result<const std::string*> RecordingReader::BlockContent(std::int64_t id) {
  const auto found = std::ranges::find(cached_, id, &CachedBlock::id);
  if (found != cached_.end()) {
    cached_.splice(cached_.begin(), cached_, found);
    return &cached_.front().content;
  }
  if (!select_block_.is_prepared()) {
    Result<Statement> select = database_.Prepare("SELECT data FROM block WHERE id = ?");
    if (!select) return std::unexpected(select.error());
    select_block_ = std::move(*select);
  }
  select_block_.Bind(0, id);
  const Result<bool> has_row = select_block_.Step();
  CachedBlock block{.id = id, .content = {}};
  Result<void> unpacked = Fail(ErrorCode::kNotFound, "the block is missing");
  if (!has_row) {
    unpacked = std::unexpected(has_row.error());
  } else if (*has_row) {
    unpacked = wire::recording::UnpackBlock(select_block_.Text(0), block.content);
  }
  select_block_.Reset();
  if (!unpacked) return std::unexpected(unpacked.error());
  cached_.push_front(std::move(block));
  if (cached_.size() > kCachedMax) cached_.pop_back();
  return &cached_.front().content;
}

std::vector<ClassCount> RecordingReader::Counts() {
  std::vector<ClassCount> counts;
  Result<Statement> select = database_.Prepare(
      "SELECT route,method,status_class,seen,kept FROM route_class ORDER BY 1,2,3");
  if (!select) return counts;
  for (Result<bool> row = select->Step(); row && *row; row = select->Step()) {
    counts.push_back({.route = std::string(select->Text(0)),
                      .method = std::string(select->Text(1)),
                      .status_class = static_cast<int>(select->Number(2)),
                      .seen = static_cast<std::uint64_t>(select->Number(3)),
                      .kept = static_cast<std::uint64_t>(select->Number(4))});
  }
  return counts;
}

std::string RecordingReader::NoteOf(std::string_view key) {
  Result<Statement> select = database_.Prepare("SELECT value FROM meta WHERE key = ?");
  if (!select) return {};
  select->Bind(0, key);
  const Result<bool> has_row = select->Step();
  return has_row && *has_row ? std::string(select->Text(0)) : std::string();
}

}  // namespace sluice::traffic::archive
