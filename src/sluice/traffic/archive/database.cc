#include "sluice/traffic/archive/database.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

namespace sluice::traffic::archive {
namespace {

// Somebody may look into the file with another program meanwhile.
constexpr int kBusyMillis = 2000;

Error ErrorOf(int code, std::string_view what) {
  ErrorCode ours = ErrorCode::kInputOutput;
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      ours = ErrorCode::kBadResponse;
      break;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      ours = ErrorCode::kPermissionDenied;
      break;
    case SQLITE_CANTOPEN:
      ours = ErrorCode::kNotFound;
      break;
    default:
      break;
  }
  return {.code = ours, .detail = std::string(what)};
}

std::unexpected<Error> LastError(sqlite3* connection) {
  return std::unexpected(ErrorOf(sqlite3_extended_errcode(connection), sqlite3_errmsg(connection)));
}

// SQLite would let everybody read it. Its journal takes the permissions of the file. A file that is
// there stays as it is, and is not opened: closing it would let go of this process's locks on it.
void MakeForOwner(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "wxe");  // x: only where there is none.
  if (file == nullptr) return;                              // SQLite says why.
  std::fclose(file);
  constexpr mode_t kOwnerOnly = 0600;
  ::chmod(path.c_str(), kOwnerOnly);
}

// The path as a URI that tells SQLite not to look for a journal.
std::string ImmutableUri(std::string_view path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

void Statement::Bind(int parameter, std::int64_t value) {
  sqlite3_bind_int64(statement_, parameter + 1, value);
}

void Statement::Bind(int parameter, std::string_view text) {
  // A null pointer would bind NULL.
  sqlite3_bind_text(statement_, parameter + 1, text.empty() ? "" : text.data(),
                    static_cast<int>(text.size()), nullptr);
}

void Statement::BindBytes(int parameter, std::string_view bytes) {
  sqlite3_bind_blob64(statement_, parameter + 1, bytes.empty() ? "" : bytes.data(), bytes.size(),
                      nullptr);
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return LastError(sqlite3_db_handle(statement_));
}

void Statement::Reset() {
  sqlite3_reset(statement_);
}

Result<void> Statement::Run() {
  Result<bool> has_row = true;
  while (has_row && *has_row)
    has_row = Step();
  // The error is told by Step() already.
  sqlite3_reset(statement_);
  if (!has_row) return std::unexpected(std::move(has_row.error()));
  return {};
}

std::int64_t Statement::Number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view Statement::Text(int column) const {
  const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes == nullptr ? std::string_view() : std::string_view(bytes, static_cast<size_t>(size));
}

Result<Database> Database::Open(const std::string& path, Mode mode) {
  int flags = SQLITE_OPEN_NOMUTEX;
  if (mode == Mode::kRead) flags |= SQLITE_OPEN_READONLY;
  if (mode == Mode::kWrite) flags |= SQLITE_OPEN_READWRITE;
  if (mode == Mode::kCreate) flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (mode == Mode::kSalvage) flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
  if (mode == Mode::kCreate) MakeForOwner(path);
  const std::string name = mode == Mode::kSalvage ? ImmutableUri(path) : path;
  sqlite3* connection = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &connection, flags, nullptr);
  Database database(connection);  // To be closed even when opening failed.
  if (code != SQLITE_OK) {
    return std::unexpected(ErrorOf(
        code, connection == nullptr ? "out of memory"
                                    : fmt::format("{}: {}", path, sqlite3_errmsg(connection))));
  }
  sqlite3_busy_timeout(connection, kBusyMillis);
  return database;
}

Database::Database(Database&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)) {}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(connection_, other.connection_);
  return *this;
}

Database::~Database() {
  sqlite3_close_v2(connection_);
}

Result<Statement> Database::Prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(connection_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return LastError(connection_);
  return Statement(statement);
}

Result<void> Database::Execute(const std::string& sql) const {
  if (sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return LastError(connection_);
  return {};
}

Result<std::int64_t> Database::AskNumber(std::string_view sql) const {
  Result<Statement> statement = Prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  const Result<bool> has_row = statement->Step();
  if (!has_row) return std::unexpected(has_row.error());
  return *has_row ? statement->Number(0) : 0;
}

}  // namespace sluice::traffic::archive
