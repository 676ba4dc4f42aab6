#include "sluice/traffic/archive/recording_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sluice/traffic/archive/schema.h"

namespace sluice::traffic::archive {
namespace {

using wire::recording::RecordedExchange;
using wire::recording::RecordPlace;

// When there is too much, room for a while is made at once.
constexpr double kEvictTo = 0.95;

// A clock that was wrong for a moment must not cost the whole recording: what is too old goes in
// small shares, more than what one transaction of a gateway adds.
constexpr int kTooOldBlocksMax = 8;

}  // namespace

// Rolls back unless it was committed.
class RecordingWriter::Transaction {
 public:
  explicit Transaction(const Database& database) : database_(database) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (!is_open_) return;
    const Result<void> undone = database_.Execute("ROLLBACK");
    static_cast<void>(undone);  // SQLite has done it by itself after some errors.
  }

  [[nodiscard]] Result<void> Begin() {
    Result<void> begun = database_.Execute("BEGIN IMMEDIATE");
    is_open_ = begun.has_value();
    return begun;
  }
  [[nodiscard]] Result<void> Commit() {
    Result<void> committed = database_.Execute("COMMIT");
    if (committed) is_open_ = false;
    return committed;
  }

 private:
  const Database& database_;
  bool is_open_ = false;
};

RecordingWriter::RecordingWriter(const RecordingOptions& options, Database database)
    : options_(options), database_(std::move(database)) {}

RecordingWriter::~RecordingWriter() {
  statements_ = Statements();
  const Result<void> merged = database_.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
  static_cast<void>(merged);  // A reader is there: then the last one to close merges.
}

Result<std::unique_ptr<RecordingWriter>> RecordingWriter::Open(const RecordingOptions& options) {
  if (options.bytes_max < kBytesMin || options.age_max <= Nanos(0))
    return Fail(ErrorCode::kInvalidOption, "a recording needs at least 1 MiB and an age");
  Result<Database> database = Database::Open(options.path, Database::Mode::kCreate);
  if (!database) return std::unexpected(database.error());
  const Result<bool> is_empty = IsEmpty(*database);
  if (is_empty && *is_empty) {
    const Result<void> made = CreateSchema(*database);
    if (!made) return std::unexpected(made.error());
  } else {
    const Result<void> known = CheckSchema(*database, options.path);
    if (!known) return std::unexpected(known.error());
  }
  std::unique_ptr<RecordingWriter> writer(new RecordingWriter(options, std::move(*database)));
  const Result<void> prepared = writer->Prepare();
  if (!prepared) return std::unexpected(prepared.error());
  return writer;
}

Result<void> RecordingWriter::Prepare() {
  // Synchronous NORMAL: the journal is synced when it is merged, not at each commit.
  Result<void> set = database_.Execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = "
      "16777216;");
  if (!set) return set;
  struct Text {
    Statement* statement;
    std::string sql;
  };
  for (const Text& text :
       {Text{.statement = &statements_.insert_block,
             .sql = "INSERT INTO block (id,first_exchange,exchanges,content_bytes,last_started_ns,"
                    "data) VALUES (?,?,?,?,?,?)"},
        Text{.statement = &statements_.insert_exchange, .sql = InsertExchangeSql()},
        Text{.statement = &statements_.last_exchange,
             .sql = "SELECT coalesce(max(id),0) FROM exchange"},
        Text{.statement = &statements_.last_block, .sql = "SELECT coalesce(max(id),0) FROM block"},
        Text{.statement = &statements_.oldest_block,
             .sql = "SELECT id,first_exchange,exchanges,last_started_ns FROM block ORDER BY id "
                    "LIMIT 1"},
        Text{.statement = &statements_.delete_exchanges,
             .sql = "DELETE FROM exchange WHERE id >= ? AND id < ?"},
        Text{.statement = &statements_.delete_block, .sql = "DELETE FROM block WHERE id = ?"},
        Text{.statement = &statements_.add_count,
             .sql = "INSERT INTO route_class (route,method,status_class,seen,kept) VALUES "
                    "(?,?,?,?,?) ON CONFLICT DO UPDATE SET seen = seen + excluded.seen, "
                    "kept = kept + excluded.kept"},
        Text{.statement = &statements_.note,
             .sql = "INSERT INTO meta (key,value) VALUES (?,?) ON CONFLICT DO UPDATE SET value = "
                    "excluded.value"},
        Text{.statement = &statements_.pages, .sql = "PRAGMA page_count"},
        Text{.statement = &statements_.free_pages, .sql = "PRAGMA freelist_count"}}) {
    Result<Statement> prepared = database_.Prepare(text.sql);
    if (!prepared) return std::unexpected(prepared.error());
    *text.statement = std::move(*prepared);
  }
  const Result<std::int64_t> page_bytes = database_.AskNumber("PRAGMA page_size");
  if (!page_bytes) return std::unexpected(page_bytes.error());
  page_bytes_ = *page_bytes;
  const Result<std::int64_t> count =
      database_.AskNumber("SELECT coalesce(sum(exchanges),0) FROM block");
  if (!count) return std::unexpected(count.error());
  size_.exchanges = static_cast<std::uint64_t>(*count);
  const Result<void> measured = Measure();
  if (!measured) return measured;
  return Note("creator", options_.creator);
}

// Asked anew each time, within the transaction: another process may have appended meanwhile.
Result<void> RecordingWriter::FindEnds() {
  for (const auto& [statement, next] : {std::pair{&statements_.last_exchange, &next_exchange_},
                                        std::pair{&statements_.last_block, &next_block_}}) {
    const Result<bool> has_row = statement->Step();
    if (!has_row) return std::unexpected(has_row.error());
    *next = (*has_row ? statement->Number(0) : 0) + 1;
    statement->Reset();
  }
  return {};
}

Result<void> RecordingWriter::Measure() {
  std::int64_t pages = 0;
  for (Statement* statement : {&statements_.pages, &statements_.free_pages}) {
    const Result<bool> has_row = statement->Step();
    if (!has_row) return std::unexpected(has_row.error());
    const std::int64_t number = *has_row ? statement->Number(0) : 0;
    pages += statement == &statements_.pages ? number : -number;
    statement->Reset();
  }
  size_.bytes = static_cast<Bytes>(pages * page_bytes_);
  return {};
}

Result<void> RecordingWriter::Append(std::span<const RecordedExchange* const> exchanges) {
  if (exchanges.empty()) return {};
  const RecordingSize size_before = size_;
  newest_ = {};
  const auto append = [this, &exchanges]() -> Result<void> {
    Transaction transaction(database_);
    Result<void> done = transaction.Begin();
    if (done) done = FindEnds();
    while (done && !exchanges.empty()) {
      // A block ends when it has enough exchanges or enough bytes.
      std::size_t count = 0;
      Bytes bytes = 0;
      while (count < exchanges.size() && count < wire::recording::kBlockExchanges &&
             bytes < wire::recording::kBlockBytes) {
        const RecordedExchange& one = *exchanges[count++];
        bytes += one.request.head.size() + one.request.body.size() + one.response.head.size() +
                 one.response.body.size();
      }
      done = AppendBlock(exchanges.first(count));
      exchanges = exchanges.subspan(count);
    }
    if (done) done = Evict();
    if (done) done = transaction.Commit();
    return done;
  };
  Result<void> appended = append();
  if (!appended) size_ = size_before;
  return appended;
}

Result<void> RecordingWriter::AppendBlock(std::span<const RecordedExchange* const> exchanges) {
  content_.clear();
  std::vector<RecordPlace> places;
  places.reserve(exchanges.size());
  WallTime last{};
  for (const RecordedExchange* exchange : exchanges) {
    places.push_back(AppendRecord(*exchange, content_));
    last = std::max(last, exchange->started);
  }
  Result<void> packed = packer_.Pack(content_, block_);
  if (!packed) return packed;
  Statement& insert = statements_.insert_block;
  insert.Bind(0, next_block_);
  insert.Bind(1, next_exchange_);
  insert.Bind(2, static_cast<std::int64_t>(exchanges.size()));
  insert.Bind(3, static_cast<std::int64_t>(content_.size()));
  insert.Bind(4, std::int64_t{last.time_since_epoch().count()});
  insert.BindBytes(5, block_);
  Result<void> done = insert.Run();
  for (std::size_t i = 0; done && i < exchanges.size(); ++i) {
    BindExchange({.id = next_exchange_, .block = next_block_, .place = places[i]}, *exchanges[i],
                 statements_.insert_exchange);
    done = statements_.insert_exchange.Run();
    ++next_exchange_;
  }
  ++next_block_;
  size_.exchanges += exchanges.size();
  newest_ = std::max(newest_, last);
  return done;
}

// Lets go of the oldest block if it is old enough; false when it is not, or there is none.
Result<bool> RecordingWriter::EvictOldest(WallTime begun_before) {
  Statement& oldest = statements_.oldest_block;
  const Result<bool> has_row = oldest.Step();
  if (!has_row) return has_row;
  const std::int64_t id = *has_row ? oldest.Number(0) : 0;
  const std::int64_t first = *has_row ? oldest.Number(1) : 0;
  const std::int64_t count = *has_row ? oldest.Number(2) : 0;
  const bool is_due =
      *has_row && WallTime(Nanos(oldest.Number(3))) < begun_before && id != next_block_ - 1;
  oldest.Reset();
  if (!is_due) return false;
  statements_.delete_exchanges.Bind(0, first);
  statements_.delete_exchanges.Bind(1, first + count);
  statements_.delete_block.Bind(0, id);
  for (Statement* statement : {&statements_.delete_exchanges, &statements_.delete_block}) {
    const Result<void> done = statement->Run();
    if (!done) return std::unexpected(done.error());
  }
  size_.exchanges -= static_cast<std::uint64_t>(count);
  size_.evicted += static_cast<std::uint64_t>(count);
  return true;
}

Result<void> RecordingWriter::Evict() {
  // What is appended tells the time, so that a recording that is read in keeps its own; not the
  // newest ever, which a clock may have put into the future.
  const Nanos newest = newest_.time_since_epoch();
  if (newest > Nanos(0)) {
    Result<bool> went = true;
    for (int i = 0; i < kTooOldBlocksMax && went && *went; ++i)
      went = EvictOldest(newest_ - options_.age_max);
    if (!went) return std::unexpected(went.error());
  }
  Result<void> measured = Measure();
  if (!measured || size_.bytes <= options_.bytes_max) return measured;
  const auto target = static_cast<Bytes>(static_cast<double>(options_.bytes_max) * kEvictTo);
  Result<bool> went = true;
  while (measured && went && *went && size_.bytes > target) {
    went = EvictOldest(WallTime::max());
    measured = Measure();
  }
  if (!went) return std::unexpected(went.error());
  return measured;
}

Result<void> RecordingWriter::AddCounts(std::span<const ClassCount> counts) {
  Transaction transaction(database_);
  Result<void> done = transaction.Begin();
  for (std::size_t i = 0; done && i < counts.size(); ++i) {
    Statement& add = statements_.add_count;
    add.Bind(0, counts[i].route);
    add.Bind(1, counts[i].method);
    add.Bind(2, std::int64_t{counts[i].status_class});
    add.Bind(3, static_cast<std::int64_t>(counts[i].seen));
    add.Bind(4, static_cast<std::int64_t>(counts[i].kept));
    done = add.Run();
  }
  if (done) done = transaction.Commit();
  return done;
}

Result<void> RecordingWriter::Note(std::string_view key, std::string_view value) {
  statements_.note.Bind(0, key);
  statements_.note.Bind(1, value);
  return statements_.note.Run();
}

}  // namespace sluice::traffic::archive
