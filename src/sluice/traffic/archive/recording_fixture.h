// A file of its own for each test, and exchanges to put into it.

#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/traffic/archive/recording_reader.h"
#include "sluice/traffic/archive/recording_writer.h"

namespace sluice::traffic::archive {

class RecordingTest : public testing::Test {
 protected:
  RecordingTest()
      : path_(testing::TempDir() + "recording_" +
              testing::UnitTest::GetInstance()->current_test_info()->name() + ".db") {
    RemoveFiles();
  }
  ~RecordingTest() override { RemoveFiles(); }

  static wire::recording::RecordedExchange Exchange(int number) {
    wire::recording::RecordedExchange exchange;
    exchange.started = WallTime(std::chrono::seconds(1'767'225'600) + std::chrono::seconds(number));
    exchange.duration = std::chrono::milliseconds(number);
    exchange.sequence = static_cast<std::uint64_t>(number);
    exchange.route = number % 2 == 0 ? "even" : "odd";
    exchange.trace_id = std::string(31, '0') + std::to_string(number % 10);
    exchange.request.head = "GET /item/" + std::to_string(number) + " HTTP/1.1\r\nHost: a.test\r\n";
    exchange.response.head = "HTTP/1.1 200 OK\r\n";
    exchange.response.body = "body of " + std::to_string(number);
    exchange.response.body_bytes = exchange.response.body.size();
    FillFromHeads(exchange);
    return exchange;
  }

  static std::vector<wire::recording::RecordedExchange> Exchanges(int first, int count) {
    std::vector<wire::recording::RecordedExchange> exchanges;
    for (int i = 0; i < count; ++i)
      exchanges.push_back(Exchange(first + i));
    return exchanges;
  }

  static Result<void> Append(RecordingWriter& writer,
                             const std::vector<wire::recording::RecordedExchange>& exchanges) {
    std::vector<const wire::recording::RecordedExchange*> list;
    for (const auto& exchange : exchanges)
      list.push_back(&exchange);
    return writer.Append(list);
  }

  [[nodiscard]] std::unique_ptr<RecordingWriter> Writer(RecordingOptions options = {}) const {
    options.path = path_;
    return *RecordingWriter::Open(options);
  }
  [[nodiscard]] std::unique_ptr<RecordingReader> Reader() const {
    return *RecordingReader::Open(path_);
  }

  std::string path_;

 private:
  void RemoveFiles() const {
    for (const char* suffix : {"", "-wal", "-shm"})
      std::remove((path_ + suffix).c_str());
  }
};

}  // namespace sluice::traffic::archive
