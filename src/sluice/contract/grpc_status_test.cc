#include "sluice/contract/grpc_status.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(GrpcStatus, CodesAndNamesAreThoseOfGrpc) {
  EXPECT_EQ(NameOf(GrpcStatus::kOk), "OK");
  EXPECT_EQ(NameOf(GrpcStatus::kUnauthenticated), "UNAUTHENTICATED");
  for (std::size_t i = 0; i < kGrpcStatuses; ++i) {
    const auto status = static_cast<GrpcStatus>(i);
    EXPECT_EQ(CodeOf(status), std::to_string(i));
    EXPECT_EQ(ParseGrpcStatus(CodeOf(status)), status);
  }
}

TEST(GrpcStatus, ANumberWithoutANameIsUnknownAndTextIsNone) {
  EXPECT_EQ(ParseGrpcStatus("17"), GrpcStatus::kUnknown);
  EXPECT_EQ(ParseGrpcStatus("99"), GrpcStatus::kUnknown);
  for (const std::string_view text : {"", "-1", "ok", "1 ", "+1", "100", "0x1"})
    EXPECT_EQ(ParseGrpcStatus(text), std::nullopt) << text;
}

TEST(GrpcStatus, FaultsOfTheServerAreServerErrors) {
  EXPECT_EQ(HttpStatusOf(GrpcStatus::kOk), 200);
  EXPECT_EQ(HttpStatusOf(GrpcStatus::kUnavailable), 503);
  EXPECT_EQ(HttpStatusOf(GrpcStatus::kDeadlineExceeded), 504);
  EXPECT_EQ(HttpStatusOf(GrpcStatus::kInternal), 500);
  EXPECT_EQ(HttpStatusOf(GrpcStatus::kResourceExhausted), 429);
  EXPECT_EQ(HttpStatusOf(GrpcStatus::kUnimplemented), 404);
}

}  // namespace
}  // namespace sluice
