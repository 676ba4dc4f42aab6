// Database and Statement: what archive/ uses of SQLite, with our errors.
//
// The one place that opens files outside platform/: SQLite does its own I/O. Blocking: for threads
// of a worker pool and for commands, never for a loop. One thread at a time uses a database and its
// statements.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sluice/contract/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sluice::traffic::archive {

class Database;

// A prepared statement. Parameters and columns count from 0.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  [[nodiscard]] bool is_prepared() const { return statement_ != nullptr; }

  // Text and bytes must live until Reset() or the next Step() that ends.
  void Bind(int parameter, std::int64_t value);
  void Bind(int parameter, std::string_view text);
  void BindBytes(int parameter, std::string_view bytes);

  // True: a row is there. False: the end. Fails with kInputOutput, or kBadResponse where the file
  // is damaged.
  [[nodiscard]] Result<bool> Step();
  // To its beginning, with its parameters as they are.
  void Reset();
  // Step() to the end, then Reset().
  [[nodiscard]] Result<void> Run();

  [[nodiscard]] std::int64_t Number(int column) const;
  // Valid until the next Step() or Reset().
  [[nodiscard]] std::string_view Text(int column) const;

 private:
  friend class Database;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  sqlite3_stmt* statement_ = nullptr;
};

class Database {
 public:
  enum class Mode : std::uint8_t {
    kRead,
    kWrite,
    kCreate,
    kSalvage,  // Reads what is there of a damaged file: its journal is left aside, nobody writes.
  };

  // A file that is made is for its owner alone (0600), and so is its journal: what is recorded is
  // nobody else's. Fails with kNotFound, kPermissionDenied or kInputOutput. A file that is no
  // database is noticed by the first statement.
  [[nodiscard]] static Result<Database> Open(const std::string& path, Mode mode);
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  ~Database();

  // Fails as Statement::Step().
  [[nodiscard]] Result<Statement> Prepare(std::string_view sql) const;
  // Runs one or more statements without results.
  [[nodiscard]] Result<void> Execute(const std::string& sql) const;
  // The first column of the only row.
  [[nodiscard]] Result<std::int64_t> AskNumber(std::string_view sql) const;

 private:
  explicit Database(sqlite3* connection) : connection_(connection) {}

  sqlite3* connection_ = nullptr;
};

}  // namespace sluice::traffic::archive
