// The attack scenarios of the gateway's specification that need nothing but this room. What they
// promise: an ambiguous message is refused before a byte of it could be sent on, and what is sent
// on has one meaning.

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/wire/http1_body.h"
#include "sluice/wire/http1_head_reader.h"
#include "sluice/wire/http1_write.h"

namespace sluice::wire {
namespace {

using namespace std::string_literals;

std::string Join(std::initializer_list<std::string_view> parts) {
  std::string joined;
  for (const std::string_view part : parts)
    joined.append(part);
  return joined;
}

// What the origin would see of the head; empty when it was refused (or did not end).
std::string Forwarded(std::string_view bytes) {
  RequestHeadReader reader;
  const Result<HeadProgress> progress = reader.Feed(bytes);
  if (!progress || !progress->complete) return {};
  std::string out;
  EXPECT_TRUE(AppendRequestHead(reader.head(), {}, out).has_value());
  return out;
}

std::size_t Count(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

// One way to read it: lines of printable ASCII that end in CRLF, one framing field at most, in its
// one spelling.
void ExpectCanonical(const std::string& forwarded) {
  std::string lower;
  for (const char c : forwarded) {
    const auto byte = static_cast<unsigned char>(c);
    EXPECT_TRUE((byte >= 0x20 && byte < 0x7f) || c == '\r' || c == '\n') << forwarded;
    lower.push_back(static_cast<char>(std::tolower(byte)));
  }
  EXPECT_EQ(Count(lower, "\r\n"), Count(lower, "\n")) << forwarded;
  EXPECT_EQ(Count(lower, "\r\n"), Count(lower, "\r")) << forwarded;
  EXPECT_EQ(Count(lower, "encoding"), Count(forwarded, "\r\nTransfer-Encoding: chunked\r\n"))
      << forwarded;
  EXPECT_LE(Count(lower, "encoding") + Count(lower, "length"), 1U) << forwarded;
}

TEST(HttpScenarios, R1_ClTeIsRefusedWhateverTheOrder) {
  const std::string body = "0\r\n\r\nG";
  const std::string length = "Content-Length: 6\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  for (const std::string& fields : {length + chunked, chunked + length}) {
    RequestHeadReader reader;
    const Result<HeadProgress> progress =
        reader.Feed("POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body);
    ASSERT_FALSE(progress.has_value());
    EXPECT_EQ(StatusOf(progress.error().code), 400);
  }
}

// The list of smuggler's exhaustive.py: each byte that no name or value may have, around the name,
// the colon and the value of Transfer-Encoding, and the classic disguises.
std::vector<std::string> TransferEncodingMutations() {
  std::vector<std::string> mutations;
  for (int byte = 0x01; byte <= 0xff; ++byte) {
    if (byte >= 0x20 && byte < 0x7f) continue;
    const std::string b(1, static_cast<char>(byte));
    mutations.push_back(Join({b, "Transfer-Encoding: chunked\r\n"}));
    mutations.push_back(Join({"Transfer-Encoding", b, ": chunked\r\n"}));
    mutations.push_back(Join({"Transfer-Encoding:", b, "chunked\r\n"}));
    mutations.push_back(Join({"Transfer-Encoding: chunked", b, "\r\n"}));
  }
  for (const std::string_view disguise :
       {"Transfer-Encoding : chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "Transfer-Encoding: \r\n\tchunked\r\n",
        "X: X\r\n Transfer-Encoding: chunked\r\n",
        "X: X\nTransfer-Encoding: chunked\r\n",
        "X: X\rTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding: chunked, cow\r\n",
        "Transfer-Encoding: 'chunked'\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: chunk\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunkedx\r\n",
        "Transfer-Encoding: CHUNKED\r\n",
        "TRANSFER-ENCODING: chunked\r\n",
        "tRANSFER-ENCODING: chunked\r\n",
        "Transfer_Encoding: chunked\r\n",
        "Transfer Encoding: chunked\r\n",
        "Transfer-Encoding:chunked\r\n",
        "Transfer-Encoding:  chunked\r\n",
        "Transfer-Encoding: chunked \r\n",
        "Transfer-Encoding;: chunked\r\n",
        "Transfer-Encoding: chunked;\r\n",
        "Transfer-Encoding:: chunked\r\n",
        "Transfer-Encoding=chunked\r\n",
        "Transfer-Encoding\r\n: chunked\r\n",
        "Transfer-\r\nEncoding: chunked\r\n",
        "Content-Encoding: chunked\r\n",
        "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n"}) {
    mutations.emplace_back(disguise);
  }
  return mutations;
}

TEST(HttpScenarios, R3_EachTransferEncodingDisguiseIsRefusedOrMadeCanonical) {
  const std::vector<std::string> mutations = TransferEncodingMutations();
  EXPECT_GE(mutations.size(), 670U);
  std::size_t refused = 0;
  std::size_t rebuilt = 0;
  for (const std::string& mutation : mutations) {
    for (const std::string_view length : {"", "Content-Length: 5\r\n"}) {
      for (const bool is_length_first : {true, false}) {
        const std::string fields =
            is_length_first ? Join({length, mutation}) : Join({mutation, length});
        const std::string forwarded =
            Forwarded(Join({"POST / HTTP/1.1\r\nHost: a\r\n", fields, "\r\n0\r\n\r\n"}));
        ++(forwarded.empty() ? refused : rebuilt);
        if (forwarded.empty() || mutation.starts_with("Content-Encoding")) continue;
        ExpectCanonical(forwarded);
      }
    }
  }
  EXPECT_GT(refused, 2'600U);
  EXPECT_GE(rebuilt, 10U);
}

TEST(HttpScenarios, R3_EachContentLengthDisguiseIsRefusedOrMadeCanonical) {
  for (int byte = 0x01; byte <= 0xff; ++byte) {
    if (byte >= 0x20 && byte < 0x7f) continue;
    const std::string b(1, static_cast<char>(byte));
    for (const std::string& line :
         {Join({b, "Content-Length: 5\r\n"}), Join({"Content-Length", b, ": 5\r\n"}),
          Join({"Content-Length:", b, "5\r\n"}), Join({"Content-Length: 5", b, "\r\n"}),
          Join({"Content-Length: 5", b, "5\r\n"})}) {
      const std::string forwarded =
          Forwarded(Join({"POST / HTTP/1.1\r\nHost: a\r\n", line, "\r\nhello"}));
      if (!forwarded.empty()) {
        ExpectCanonical(forwarded);
        EXPECT_EQ(Count(forwarded, "Content-Length: 5\r\n"), 1U);
      }
    }
  }
}

TEST(HttpScenarios, R4_FoldedAndDisguisedFieldsAreRefused) {
  for (const std::string& lines :
       {"A: b\r\n c\r\n"s, "A: b\r\n\tc\r\n"s, "A : b\r\n"s, "A\t: b\r\n"s, "A: b\0c\r\n"s,
        "A: b\rc\r\n"s, "A: \0\r\n"s, "A: b\r\r\n"s}) {
    EXPECT_EQ(Forwarded("GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n"), "") << lines;
  }
  EXPECT_EQ(Forwarded("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), "");
  EXPECT_EQ(Forwarded("GET / HTTP/1.1\r\n\tHost: a\r\n\r\n"), "");
  EXPECT_NE(Forwarded("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n"), "");
}

// Removes one CR at a time from a message that is well-formed with all of them.
TEST(HttpScenarios, R5_EachBareLineFeedIsRefused) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string body = "5;x\r\nhello\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t cr = head.find('\r'); cr != std::string::npos; cr = head.find('\r', cr + 1)) {
    std::string bare = head;
    bare.erase(cr, 1);
    RequestHeadReader reader;
    EXPECT_FALSE(reader.Feed(bare).has_value()) << bare;
  }
  for (std::size_t cr = body.find('\r'); cr != std::string::npos; cr = body.find('\r', cr + 1)) {
    std::string_view rest;
    std::string bare = body;
    bare.erase(cr, 1);
    BodyDecoder decoder;
    decoder.Start(BodyFraming::kChunked, 0, Side::kClient);
    bool is_refused = false;
    for (rest = bare; !rest.empty() && !decoder.finished() && !is_refused;) {
      const Result<BodyPiece> piece = decoder.Next(rest);
      is_refused = !piece.has_value();
      if (piece) rest.remove_prefix(piece->consumed);
    }
    EXPECT_TRUE(is_refused) << bare;
  }
}

TEST(HttpScenarios, R5_EachBareCarriageReturnIsRefused) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t lf = head.find('\n'); lf != std::string::npos; lf = head.find('\n', lf + 1)) {
    std::string bare = head;
    bare.erase(lf, 1);
    EXPECT_EQ(Forwarded(bare), "") << bare;
  }
}

}  // namespace
}  // namespace sluice::wire
