#include "sluice/platform/sim/pipe.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kStart{1h};
constexpr LinkOptions kNarrow{
    .latency = 1ms, .send_buffer_bytes = 4, .receive_buffer_bytes = 6, .segment_bytes_max = 3};

std::vector<SteadyTime> Transmit(Pipe& pipe, SteadyTime now, const LinkOptions& link) {
  std::vector<SteadyTime> arrivals;
  pipe.Transmit(now, link, arrivals);
  return arrivals;
}

std::string Read(Pipe& pipe, std::size_t bytes_max, SteadyTime grant_at) {
  std::string room(bytes_max, '?');
  room.resize(pipe.Read(room, grant_at));
  return room;
}

TEST(Pipe, SendsAsMuchAsTheReaderHasRoomFor) {
  Pipe pipe(/*random=*/nullptr);
  pipe.Write("0123456789ab");
  EXPECT_FALSE(pipe.Drained(kNarrow));

  EXPECT_EQ(Transmit(pipe, kStart, kNarrow), std::vector{kStart + 1ms});
  EXPECT_FALSE(pipe.Drained(kNarrow));  // 6 are on the wire, 6 wait, 4 may.

  EXPECT_EQ(pipe.Arrive(kStart + 1ms - 1ns, kNarrow).bytes, 0U);
  EXPECT_EQ(pipe.Arrive(kStart + 1ms, kNarrow).bytes, 6U);
  EXPECT_EQ(Read(pipe, 100, kStart + 2ms), "012345");
}

TEST(Pipe, GoesOnOnceTheReaderHasGrantedWhatItRead) {
  Pipe pipe(/*random=*/nullptr);
  pipe.Write("0123456789ab");
  (void)Transmit(pipe, kStart, kNarrow);
  (void)pipe.Arrive(kStart + 1ms, kNarrow);
  EXPECT_EQ(Read(pipe, 2, kStart + 2ms), "01");

  pipe.TakeGrants(kStart + 2ms - 1ns);
  EXPECT_TRUE(Transmit(pipe, kStart + 2ms, kNarrow).empty());
  pipe.TakeGrants(kStart + 2ms);
  EXPECT_EQ(Transmit(pipe, kStart + 2ms, kNarrow), std::vector{kStart + 3ms});

  EXPECT_TRUE(pipe.Drained(kNarrow));
  EXPECT_EQ(pipe.Arrive(kStart + 3ms, kNarrow).bytes, 2U);
  EXPECT_EQ(Read(pipe, 100, kStart + 4ms), "234567");
}

TEST(Pipe, BringsTheEndBehindTheLastByte) {
  Pipe pipe(/*random=*/nullptr);
  pipe.Write("01234567");
  pipe.End();
  (void)Transmit(pipe, kStart, kNarrow);
  EXPECT_FALSE(pipe.Arrive(kStart + 1ms, kNarrow).end);
  (void)Read(pipe, 100, kStart + 1ms);
  pipe.TakeGrants(kStart + 1ms);

  (void)Transmit(pipe, kStart + 1ms, kNarrow);
  const Pipe::Arrived rest = pipe.Arrive(kStart + 2ms, kNarrow);

  EXPECT_EQ(rest.bytes, 2U);
  EXPECT_TRUE(rest.end);
  EXPECT_TRUE(pipe.end_arrived());
  EXPECT_TRUE(Transmit(pipe, kStart + 2ms, kNarrow).empty());  // The end comes once.
}

TEST(Pipe, ResetDropsWhatHasNotLeftAndComesBehindWhatHas) {
  Pipe pipe(/*random=*/nullptr);
  pipe.Write("0123456789ab");
  (void)Transmit(pipe, kStart, kNarrow);

  EXPECT_EQ(pipe.Reset(kStart), kStart + 1ms);
  EXPECT_EQ(pipe.Reset(kStart + 1h), kStart + 1ms);
  EXPECT_TRUE(Transmit(pipe, kStart, kNarrow).empty());
  EXPECT_FALSE(pipe.Arrive(kStart, kNarrow).reset);
  const Pipe::Arrived arrived = pipe.Arrive(kStart + 1ms, kNarrow);

  EXPECT_EQ(arrived.bytes, 6U);
  EXPECT_TRUE(arrived.reset);
  EXPECT_FALSE(pipe.Arrive(kStart + 2ms, kNarrow).reset);  // It comes once.
}

TEST(Pipe, ResetAtOnceTakesBackWhatIsOnTheWire) {
  Pipe pipe(/*random=*/nullptr);
  pipe.Write("012345");
  (void)Transmit(pipe, kStart, kNarrow);

  pipe.ResetAtOnce(kStart);
  const Pipe::Arrived arrived = pipe.Arrive(kStart, kNarrow);

  EXPECT_EQ(arrived.bytes, 0U);
  EXPECT_TRUE(arrived.reset);
}

TEST(Pipe, DropsWhatDoesNotFitTheSendBuffer) {
  Pipe pipe(/*random=*/nullptr);
  pipe.Write("0123456789abcdef");
  (void)Transmit(pipe, kStart, kNarrow);

  pipe.DropOverflow(kNarrow);
  EXPECT_TRUE(pipe.Drained(kNarrow));
  (void)pipe.Arrive(kStart + 1ms, kNarrow);
  EXPECT_EQ(Read(pipe, 100, kStart + 1ms), "012345");
  pipe.TakeGrants(kStart + 1ms);
  (void)Transmit(pipe, kStart + 1ms, kNarrow);
  (void)pipe.Arrive(kStart + 2ms, kNarrow);

  EXPECT_EQ(Read(pipe, 100, kStart + 2ms), "6789");
}

TEST(Pipe, SpacesPiecesByItsBandwidth) {
  const LinkOptions link{.latency = 1ms, .bytes_per_second = 1000, .segment_bytes_max = 3};
  Pipe pipe(/*random=*/nullptr);
  pipe.Write("0123456");

  EXPECT_EQ(Transmit(pipe, kStart, link), (std::vector{kStart + 4ms, kStart + 7ms, kStart + 8ms}));
}

TEST(Pipe, CutsAtEveryPlaceSoonerOrLaterAndLosesNothing) {
  const std::string bytes = "0123456789";
  std::vector<bool> cut_at(bytes.size() + 1);
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    Pipe pipe(&random);
    pipe.Write(bytes);
    (void)Transmit(pipe, kStart, LinkOptions());
    std::string read;
    while (read.size() < bytes.size()) {
      (void)pipe.Arrive(kStart + 1s, LinkOptions());
      if (pipe.unread() == 0) continue;
      read += Read(pipe, 100, kStart + 1s);
      cut_at[read.size()] = true;
    }
    ASSERT_EQ(read, bytes) << "seed " << seed;
  }
  for (std::size_t i = 1; i <= bytes.size(); ++i)
    EXPECT_TRUE(cut_at[i]) << i;
}

TEST(Pipe, SaysWhenMoreHasArrivedThanOneCutPiece) {
  Random random(/*seed=*/1);
  Pipe pipe(&random);
  pipe.Write(std::string(1000, 'x'));
  (void)Transmit(pipe, kStart, LinkOptions());
  Bytes arrived_bytes = 0;
  Pipe::Arrived arrived;
  do {
    arrived = pipe.Arrive(kStart + 1s, LinkOptions());
    arrived_bytes += arrived.bytes;
  } while (arrived.more);

  EXPECT_EQ(arrived_bytes, 1000U);
}

}  // namespace
}  // namespace sluice::sim
