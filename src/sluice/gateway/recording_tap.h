// RecordingTap: copies of exchanges, taken as they pass.
//
// What is copied never waits and delays nobody: bytes are added to a copy where they are seen
// anyway, and a copy that finds no room is given up and counted (traffic/tap/tap_queue.h). Callers
// test a pointer first, so that where nothing is recorded nothing is called.
//
// Which exchanges: those in the share (config `record.rules`, `sample_percent`, by `sample_by`),
// and of others some of each class, which is known when the answer's head is there; by then a
// request body that was streamed is gone, and such a copy says so.

#pragma once

#include <string_view>

#include "sluice/contract/bytes.h"
#include "sluice/contract/time.h"
#include "sluice/traffic/tap/tap_queue.h"
#include "sluice/wire/http_head.h"

namespace sluice::gateway {

struct Exchange;

// Part of an Exchange.
struct ExchangeCopy {
  traffic::tap::TapQueue* queue = nullptr;  // That of `copy`, which outlives it.
  traffic::tap::TapQueue::Copy copy;        // Null: this exchange is not recorded.
  bool is_lost = false;                     // It was to be recorded, and found no room.
  bool is_classified = false;               // Its class has been counted.

  void Reset();
};

// These need WorkerContext::tap.
//
// The rest of a request's body will be pumped: what has come of it is copied first, if the exchange
// is in the share.
void CopyStreamedRequest(Exchange& exchange);
// The upstream's answer is about to be sent; `version` is the label of who gave it.
void CopyResponseHead(Exchange& exchange, const wire::ResponseHead& head, std::string_view version);
// An answer of our own, as it is sent.
void CopyLocalResponse(Exchange& exchange, ByteView message, ByteView body);

// These need ExchangeCopy::copy.
//
// A piece of a pumped body, and of the upstream's.
void CopyRequestPiece(Exchange& exchange, ByteView content);
void CopyResponsePiece(Exchange& exchange, ByteView content);
// The exchange is over: the copy goes to the queue.
void FinishCopy(Exchange& exchange, Nanos duration);

}  // namespace sluice::gateway
