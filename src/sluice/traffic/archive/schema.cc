#include "sluice/traffic/archive/schema.h"

#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sluice::traffic::archive {
namespace {

using wire::recording::Direction;
using wire::recording::RecordedExchange;

constexpr std::string_view kTables = R"sql(
CREATE TABLE meta (
  key TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE block (
  id INTEGER PRIMARY KEY,
  first_exchange INTEGER NOT NULL,
  exchanges INTEGER NOT NULL,
  content_bytes INTEGER NOT NULL,
  last_started_ns INTEGER NOT NULL,
  data BLOB NOT NULL
);
CREATE TABLE exchange (
  id INTEGER PRIMARY KEY,
  block INTEGER NOT NULL REFERENCES block (id),
  offset INTEGER NOT NULL,
  size INTEGER NOT NULL,
  started_ns INTEGER NOT NULL,
  duration_ns INTEGER NOT NULL,
  upstream_ns INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  connection INTEGER NOT NULL,
  status INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  request_bytes INTEGER NOT NULL,
  response_bytes INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  masked INTEGER NOT NULL,
  direction TEXT NOT NULL,
  protocol TEXT NOT NULL,
  method TEXT NOT NULL,
  host TEXT NOT NULL,
  target TEXT NOT NULL,
  listener TEXT NOT NULL,
  route TEXT NOT NULL,
  upstream TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  version TEXT NOT NULL,
  reason TEXT NOT NULL,
  trace_id TEXT NOT NULL,
  span_id TEXT NOT NULL,
  parent_id TEXT NOT NULL
);
CREATE TABLE route_class (
  route TEXT NOT NULL,
  method TEXT NOT NULL,
  status_class INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  kept INTEGER NOT NULL,
  PRIMARY KEY (route, method, status_class)
) WITHOUT ROWID;
)sql";

constexpr std::array<std::string_view, 29> kColumns{
    "id",          "block",         "offset",         "size",       "started_ns",
    "duration_ns", "upstream_ns",   "sequence",       "connection", "status",
    "attempts",    "request_bytes", "response_bytes", "flags",      "masked",
    "direction",   "protocol",      "method",         "host",       "target",
    "listener",    "route",         "upstream",       "endpoint",   "version",
    "reason",      "trace_id",      "span_id",        "parent_id"};

// Bits of `flags`.
constexpr std::int64_t kRequestTruncated = 1;
constexpr std::int64_t kResponseTruncated = 2;
constexpr std::int64_t kRequestOpaque = 4;
constexpr std::int64_t kResponseOpaque = 8;

std::int64_t FlagsOf(const RecordedExchange& exchange) {
  std::int64_t flags = 0;
  if (exchange.request.is_truncated) flags |= kRequestTruncated;
  if (exchange.response.is_truncated) flags |= kResponseTruncated;
  if (exchange.request.is_opaque) flags |= kRequestOpaque;
  if (exchange.response.is_opaque) flags |= kResponseOpaque;
  return flags;
}

std::int64_t Signed(std::uint64_t number) {
  return static_cast<std::int64_t>(number);
}

std::uint64_t Unsigned(std::int64_t number) {
  return static_cast<std::uint64_t>(number);
}

}  // namespace

Result<void> CreateSchema(const Database& database) {
  // The page size must be set before anything is written: a block takes a few pages of this.
  Result<void> made = database.Execute("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL;");
  if (!made) return made;
  return database.Execute(
      fmt::format("BEGIN; {} PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT;",
                  kTables, kApplicationId, kSchemaVersion));
}

Result<void> CheckSchema(const Database& database, const std::string& path) {
  const Result<std::int64_t> application = database.AskNumber("PRAGMA application_id");
  if (!application || *application != kApplicationId) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("{} is no recording of Sluice{}{}", path, application ? "" : ": ",
                            application ? "" : application.error().detail));
  }
  const Result<std::int64_t> version = database.AskNumber("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  if (*version >= 1 && *version <= kSchemaVersion) return {};
  return Fail(ErrorCode::kInvalidOption,
              fmt::format("{} has schema version {}; this Sluice reads up to version {}: use the "
                          "one that made it, or a later one",
                          path, *version, kSchemaVersion));
}

Result<bool> IsEmpty(const Database& database) {
  const Result<std::int64_t> tables = database.AskNumber("SELECT count(*) FROM sqlite_schema");
  if (!tables) return std::unexpected(tables.error());
  return *tables == 0;
}

std::string InsertExchangeSql() {
  std::string marks = "?";
  for (std::size_t i = 1; i < kColumns.size(); ++i)
    marks += ",?";
  return fmt::format("INSERT INTO exchange ({}) VALUES ({})", fmt::join(kColumns, ","), marks);
}

std::string SelectExchangeSql() {
  return fmt::format("SELECT {} FROM exchange", fmt::join(kColumns, ","));
}

void BindExchange(const ExchangeRow& row, const RecordedExchange& exchange, Statement& insert) {
  int at = 0;
  for (const std::int64_t number :
       {row.id, row.block, Signed(row.place.offset), Signed(row.place.size),
        std::int64_t{exchange.started.time_since_epoch().count()},
        std::int64_t{exchange.duration.count()}, std::int64_t{exchange.upstream_duration.count()},
        Signed(exchange.sequence), Signed(exchange.connection), std::int64_t{exchange.status},
        std::int64_t{exchange.attempts}, Signed(exchange.request.body_bytes),
        Signed(exchange.response.body_bytes), FlagsOf(exchange), std::int64_t{exchange.masked}})
    insert.Bind(at++, number);
  for (const std::string_view text :
       {NameOf(exchange.direction), std::string_view(exchange.protocol),
        std::string_view(exchange.method), std::string_view(exchange.host),
        std::string_view(exchange.target), std::string_view(exchange.listener),
        std::string_view(exchange.route), std::string_view(exchange.upstream),
        std::string_view(exchange.endpoint), std::string_view(exchange.version),
        std::string_view(exchange.reason), std::string_view(exchange.trace_id),
        std::string_view(exchange.span_id), std::string_view(exchange.parent_id)})
    insert.Bind(at++, text);
}

void ReadExchange(const Statement& select, ExchangeRow& row, RecordedExchange& exchange) {
  int at = 0;
  row.id = select.Number(at++);
  row.block = select.Number(at++);
  row.place.offset = Unsigned(select.Number(at++));
  row.place.size = Unsigned(select.Number(at++));
  exchange.started = WallTime(Nanos(select.Number(at++)));
  exchange.duration = Nanos(select.Number(at++));
  exchange.upstream_duration = Nanos(select.Number(at++));
  exchange.sequence = Unsigned(select.Number(at++));
  exchange.connection = Unsigned(select.Number(at++));
  exchange.status = static_cast<int>(select.Number(at++));
  exchange.attempts = static_cast<std::uint32_t>(select.Number(at++));
  exchange.request.body_bytes = Unsigned(select.Number(at++));
  exchange.response.body_bytes = Unsigned(select.Number(at++));
  const std::int64_t flags = select.Number(at++);
  exchange.request.is_truncated = (flags & kRequestTruncated) != 0;
  exchange.response.is_truncated = (flags & kResponseTruncated) != 0;
  exchange.request.is_opaque = (flags & kRequestOpaque) != 0;
  exchange.response.is_opaque = (flags & kResponseOpaque) != 0;
  exchange.masked = static_cast<std::uint32_t>(select.Number(at++));
  exchange.direction = select.Text(at++) == "egress" ? Direction::kEgress : Direction::kIngress;
  for (std::string* text :
       {&exchange.protocol, &exchange.method, &exchange.host, &exchange.target, &exchange.listener,
        &exchange.route, &exchange.upstream, &exchange.endpoint, &exchange.version,
        &exchange.reason, &exchange.trace_id, &exchange.span_id, &exchange.parent_id})
    text->assign(select.Text(at++));
}

}  // namespace sluice::traffic::archive
