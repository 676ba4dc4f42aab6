#include "sluice/wire/http1_body.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

using namespace std::string_literals;

// What became of a body that was fed in pieces of `step` bytes.
struct Decoded {
  std::string data;
  std::string error;
  Bytes consumed = 0;
  bool finished = false;
};

Decoded Decode(BodyDecoder& decoder, std::string_view input, std::size_t step) {
  Decoded decoded;
  while (!input.empty() && !decoder.finished()) {
    const std::string_view part = input.substr(0, step);
    const Result<BodyPiece> piece = decoder.Next(part);
    if (!piece) {
      decoded.error = piece.error().detail;
      return decoded;
    }
    EXPECT_GE(piece->consumed, 1U);
    EXPECT_EQ(piece->finished, decoder.finished());
    decoded.data.append(piece->data);
    decoded.consumed += piece->consumed;
    input.remove_prefix(piece->consumed);
  }
  decoded.finished = decoder.finished();
  return decoded;
}

void ExpectChunks(const std::string& bytes, std::string_view content) {
  for (std::size_t step = 1; step <= bytes.size() + 1; ++step) {
    BodyDecoder decoder;
    decoder.Start(BodyFraming::kChunked, 0, Side::kClient);
    const Decoded decoded = Decode(decoder, bytes + "GET / next", step);
    EXPECT_EQ(decoded.error, "") << bytes;
    EXPECT_EQ(decoded.data, content) << bytes;
    EXPECT_TRUE(decoded.finished) << bytes;
    EXPECT_EQ(decoded.consumed, bytes.size()) << bytes;
    EXPECT_EQ(decoder.decoded_bytes(), content.size());
  }
}

// Refused however it is cut. In pieces, llhttp may refuse a trailer line before it is whole and our
// own rule is asked, so the rule's text is expected of the uncut body only.
void ExpectRefused(std::string_view rule, const std::string& bytes, const BodyLimits& limits = {}) {
  for (std::size_t step = 1; step <= bytes.size() + 1; ++step) {
    BodyDecoder decoder(limits);
    decoder.Start(BodyFraming::kChunked, 0, Side::kClient);
    const Decoded decoded = Decode(decoder, bytes, step);
    EXPECT_NE(decoded.error, "") << bytes;
    if (step > bytes.size()) {
      EXPECT_NE(decoded.error.find(rule), std::string::npos)
          << "got: " << decoded.error << "\nwant: " << rule << "\n"
          << bytes;
    }
    EXPECT_EQ(decoder.Next("0\r\n\r\n").error().code, ErrorCode::kBadRequest);
    EXPECT_FALSE(decoder.finished());
  }
}

TEST(BodyDecoder, HasNothingToReadWhereThereIsNoBody) {
  BodyDecoder decoder;
  EXPECT_TRUE(decoder.finished());
  for (const BodyFraming framing : {BodyFraming::kNone, BodyFraming::kLength}) {
    decoder.Start(framing, 0, Side::kClient);
    EXPECT_TRUE(decoder.finished());
    const Result<BodyPiece> piece = decoder.Next("GET");
    EXPECT_EQ(piece->consumed, 0U);
    EXPECT_TRUE(piece->finished);
    EXPECT_TRUE(decoder.FinishAtClose().has_value());
  }
}

TEST(BodyDecoder, HandsOutAWholeBodyInOnePiece) {
  BodyDecoder decoder;
  const std::string body(64 * kKiB, 'x');
  decoder.Start(BodyFraming::kLength, body.size(), Side::kUpstream);
  const std::string input = body + "HTTP/1.1";
  const Result<BodyPiece> piece = decoder.Next(input);
  EXPECT_EQ(piece->consumed, body.size());
  EXPECT_EQ(piece->data.data(), input.data());
  EXPECT_EQ(piece->data.size(), body.size());
  EXPECT_TRUE(piece->finished);
  EXPECT_EQ(decoder.remaining_length(), 0U);
}

TEST(BodyDecoder, CountsALengthDown) {
  BodyDecoder decoder;
  decoder.Start(BodyFraming::kLength, 5, Side::kClient);
  EXPECT_FALSE(decoder.Next("abc")->finished);
  EXPECT_EQ(decoder.remaining_length(), 2U);
  EXPECT_EQ(decoder.decoded_bytes(), 3U);
  EXPECT_EQ(decoder.FinishAtClose().error().code, ErrorCode::kConnectionClosed);
  EXPECT_EQ(decoder.Next("defg")->data, "de");
  EXPECT_TRUE(decoder.finished());
}

TEST(BodyDecoder, ReadsUntilTheCloseWhereNothingElseTells) {
  BodyDecoder decoder;
  decoder.Start(BodyFraming::kUntilClose, 0, Side::kUpstream);
  EXPECT_EQ(decoder.Next("abc")->data, "abc");
  EXPECT_FALSE(decoder.finished());
  EXPECT_EQ(decoder.remaining_length(), 0U);
  EXPECT_TRUE(decoder.FinishAtClose().has_value());
  EXPECT_TRUE(decoder.finished());
}

TEST(BodyDecoder, ReadsChunksHoweverTheyAreCut) {
  ExpectChunks("0\r\n\r\n", "");
  ExpectChunks("5\r\nhello\r\n0\r\n\r\n", "hello");
  ExpectChunks("1\r\na\r\n0A\r\n0123456789\r\n000\r\n\r\n", "a0123456789");
  ExpectChunks("0000000000000002\r\n\r\n\r\n0\r\n\r\n", "\r\n");
}

TEST(BodyDecoder, DropsChunkExtensions) {
  ExpectChunks("2;a;b=c\r\nhi\r\n0;last\r\n\r\n", "hi");
  ExpectChunks("2;a=\"q;\t x\";b=c\r\nhi\r\n0\r\n\r\n", "hi");
  ExpectChunks("2;chunk-signature=0123abc\r\nhi\r\n0;chunk-signature=ff\r\n\r\n", "hi");
}

// Both are right by the grammar, and nobody sends them: where the two readers disagree we refuse.
TEST(BodyDecoder, RefusesExtensionsThatOnlyLlhttpRefuses) {
  ExpectRefused("llhttp refuses", "2;a=b;c=d\r\nhi\r\n0\r\n\r\n");
  ExpectRefused("llhttp refuses", "2;a=\"\\\"\"\r\nhi\r\n0\r\n\r\n");
}

TEST(BodyDecoder, KeepsTrailersThatMayBeTrailers) {
  const std::string bytes =
      "1\r\na\r\n0\r\nX-Sum: 1 \r\nHost: evil\r\nAuthorization: x\r\nX_under: x\r\n"
      "x-sluice-lane: x\r\nEmpty:\r\n\r\n";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    BodyDecoder decoder;
    decoder.Start(BodyFraming::kChunked, 0, Side::kClient);
    const Decoded decoded = Decode(decoder, bytes, step);
    ASSERT_EQ(decoded.error, "");
    ASSERT_TRUE(decoded.finished);
    ASSERT_EQ(decoder.trailers().size(), 2U);
    EXPECT_EQ(decoder.trailers().Find("x-sum")->value, "1");
    EXPECT_EQ(decoder.trailers().Find("empty")->value, "");
    BodyDecoder moved = std::move(decoder);
    EXPECT_EQ(moved.trailers().Find("x-sum")->value, "1");
  }
}

TEST(BodyDecoder, NeverLetsATrailerFrameAMessage) {
  BodyDecoder decoder;
  decoder.Start(BodyFraming::kChunked, 0, Side::kClient);
  EXPECT_TRUE(Decode(decoder, "0\r\nContent-Length: 5\r\n\r\n", 100).finished);
  EXPECT_TRUE(decoder.trailers().empty());
  ExpectRefused("Transfer-Encoding in the trailers", "0\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(BodyDecoder, RefusesMalformedChunkSizes) {
  for (const std::string& size : {"0x5"s, "+5"s, "-5"s, "_5"s, " 5"s, "\t5"s, ""s, "g"s, "5_0"s,
                                  "5 "s, "5\t"s, "5,5"s, "5.0"s, "5\0"s}) {
    ExpectRefused("chunk size", size + "\r\nhello\r\n0\r\n\r\n");
  }
  ExpectRefused("more than 16 digits", "00000000000000005\r\nhello\r\n0\r\n\r\n");
  ExpectRefused("over 2^63-1", "8000000000000000\r\nhello\r\n0\r\n\r\n");
  ExpectRefused("over 2^63-1", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n");
}

TEST(BodyDecoder, RefusesBareLineEnds) {
  ExpectRefused("bare LF", "5\nhello\r\n0\r\n\r\n");
  ExpectRefused("bare LF", "5;a\nhello\r\n0\r\n\r\n");
  ExpectRefused("bare LF", "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n");
  ExpectRefused("bare CR", "5\rhello\r\n0\r\n\r\n");
  ExpectRefused("no CRLF behind", "5\r\nhello\n0\r\n\r\n");
  ExpectRefused("no CRLF behind", "5\r\nhello0\r\n\r\n");
  ExpectRefused("no CRLF behind", "5\r\nhello world\r\n0\r\n\r\n");
  ExpectRefused("bare CR behind", "5\r\nhello\r0\r\n\r\n");
  ExpectRefused("bare LF", "0\r\n\n");
  ExpectRefused("bare LF", "0\r\nA: b\n\r\n");
  ExpectRefused("bare LF", "0\r\nA: b\r\n\n");
}

TEST(BodyDecoder, RefusesMalformedExtensions) {
  for (const std::string extension :
       {";", ";=b", "; a", ";a ", ";a =b", ";a= b", ";a=", ";a=b c", ";a=\"b\"c", ";a=(", ";\x01",
        ";a=\"\x01\"", ";a;", ";a=\"\\\x7f\""}) {
    ExpectRefused("extension", "2" + extension + "\r\nhi\r\n0\r\n\r\n");
  }
}

TEST(BodyDecoder, RefusesMalformedTrailers) {
  ExpectRefused("obs-fold", "0\r\nA: b\r\n c\r\n\r\n");
  ExpectRefused("obs-fold", "0\r\n A: b\r\n\r\n");
  ExpectRefused("before the colon", "0\r\nA : b\r\n\r\n");
  ExpectRefused("control character", "0\r\nA: b\0\r\n\r\n"s);
  ExpectRefused("control character", "0\r\nA: b\rc\r\n\r\n");
  ExpectRefused("not a token", "0\r\n\xff: b\r\n\r\n");
}

TEST(BodyDecoder, RefusesWhatIsOverALimit) {
  ExpectRefused("extension is too long", "1;" + std::string(256, 'e') + "\r\na\r\n0\r\n\r\n");
  ExpectChunks("1;" + std::string(255, 'e') + "\r\na\r\n0\r\n\r\n", "a");
  const BodyLimits limits{.chunk_extensions_max = 5, .trailer_block_max = 12, .trailers_max = 2};
  ExpectRefused("extensions of the message", "1;abc\r\na\r\n1;a\r\na\r\n0\r\n\r\n", limits);
  ExpectRefused("trailers are too large", "0\r\nA: 1234567890\r\n\r\n", limits);
  ExpectRefused("trailers are too large", "0\r\nABCDEFGHIJKLMN", limits);
  ExpectRefused("too many trailers", "0\r\nA:\r\nB:\r\nC:\r\n", limits);
}

TEST(BodyDecoder, HasTheDefaultLimitsOfThePolicy) {
  EXPECT_EQ(BodyLimits{}.chunk_extension_max, 256U);
  EXPECT_EQ(BodyLimits{}.chunk_extensions_max, 16384U);
}

TEST(BodyDecoder, TellsAnEarlyCloseFromTheEnd) {
  BodyDecoder decoder;
  decoder.Start(BodyFraming::kChunked, 0, Side::kUpstream);
  ASSERT_TRUE(decoder.Next("5\r\nhel"));
  const Result<void> closed = decoder.FinishAtClose();
  EXPECT_EQ(closed.error().code, ErrorCode::kConnectionClosed);
  EXPECT_EQ(closed.error().side, Side::kUpstream);
}

TEST(BodyDecoder, CallsAnUpstreamsFaultABadResponse) {
  BodyDecoder decoder;
  decoder.Start(BodyFraming::kChunked, 0, Side::kUpstream);
  const Result<BodyPiece> piece = decoder.Next("x");
  EXPECT_EQ(piece.error().code, ErrorCode::kBadResponse);
  EXPECT_EQ(piece.error().side, Side::kUpstream);
}

TEST(BodyDecoder, BeginsAnewWithEachBody) {
  BodyDecoder decoder;
  for (int i = 0; i < 3; ++i) {
    decoder.Start(BodyFraming::kChunked, 0, Side::kClient);
    EXPECT_TRUE(decoder.trailers().empty());
    const Decoded decoded = Decode(decoder, "2\r\nhi\r\n0\r\nA: b\r\n\r\n", 100);
    EXPECT_EQ(decoded.data, "hi");
    EXPECT_EQ(decoder.trailers().size(), 1U);
    decoder.Start(BodyFraming::kChunked, 0, Side::kClient);
    EXPECT_FALSE(decoder.Next("zz").has_value());
    decoder.Start(BodyFraming::kLength, 1, Side::kClient);
    EXPECT_EQ(decoder.Next("ab")->data, "a");
  }
}

}  // namespace
}  // namespace sluice::wire
