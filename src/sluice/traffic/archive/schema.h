// The schema of recordings, and what tells a recording from other files. docs/formats/recording.md
// is its reference for people.
//
// A recording says which schema it has (`PRAGMA user_version`). What a later schema adds an earlier
// reader would lose silently, so it refuses it and says which version it is.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/contract/result.h"
#include "sluice/traffic/archive/database.h"
#include "sluice/wire/recording/block.h"
#include "sluice/wire/recording/recorded_exchange.h"

namespace sluice::traffic::archive {

inline constexpr std::int64_t kSchemaVersion = 1;
// `PRAGMA application_id`: "SLUR".
inline constexpr std::int64_t kApplicationId = 0x534c5552;

// Makes an empty database a recording. In one transaction: it is one whole, or none.
[[nodiscard]] Result<void> CreateSchema(const Database& database);

// Fails with kInvalidOption where the file is no recording, or one of a later schema; `path` is for
// the message.
[[nodiscard]] Result<void> CheckSchema(const Database& database, const std::string& path);

// True for a database with nothing in it.
[[nodiscard]] Result<bool> IsEmpty(const Database& database);

// One row of the table `exchange`.
struct ExchangeRow {
  std::int64_t id = 0;
  std::int64_t block = 0;
  wire::recording::RecordPlace place;
};

// INSERT and SELECT of whole rows; the SELECT goes on with a WHERE.
[[nodiscard]] std::string InsertExchangeSql();
[[nodiscard]] std::string SelectExchangeSql();

// The exchange without its heads and bodies. Its texts must live until the statement has run.
void BindExchange(const ExchangeRow& row,
                  const wire::recording::RecordedExchange& exchange,
                  Statement& insert);
// Replaces what BindExchange() tells.
void ReadExchange(const Statement& select,
                  ExchangeRow& row,
                  wire::recording::RecordedExchange& exchange);

}  // namespace sluice::traffic::archive
