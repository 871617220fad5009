// Tests of pipes between processes: typed values, the end of input, a full pipe, and a killed sender.
#include "common/multiprocessing/pipe.hpp"
#include "common/multiprocessing/process.hpp"

#include <cstdint>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;

namespace parley {

TEST_CASE("a receiver in another process gets the values in order, and then the end of input") {
    one_way_pipe<std::vector<int>> pipe;
    process child{"receiver", [&] {
                      pipe.writer.close();
                      int sum = 0;
                      while (const auto values = pipe.reader.receive())
                          for (const int value : *values) sum = sum * 10 + value;
                      return sum;
                  }};
    child.start();
    pipe.reader.close();
    CHECK(pipe.writer.send({1}));
    CHECK(pipe.writer.send({}));
    CHECK(pipe.writer.send({2, 3}));
    pipe.writer.close();
    child.join();
    CHECK(child.end()->exit_code() == 123);
}

TEST_CASE("both ends of a duplex pipe send and receive") {
    duplex_pipe<int, std::string> pipe;
    process child{"child", [&] {
                      pipe.first.close();
                      while (const auto number = pipe.second.receive())
                          if (!pipe.second.send("got " + std::to_string(*number))) return 1;
                      return 0;
                  }};
    child.start();
    pipe.second.close();
    CHECK(pipe.first.send(1));
    CHECK(pipe.first.receive() == "got 1");
    CHECK(pipe.first.send(2));
    pipe.first.shutdown_write();
    CHECK(pipe.first.receive() == "got 2");
    CHECK(pipe.first.receive() == std::nullopt);
    child.join();
    CHECK(child.end()->exit_code() == 0);
}

TEST_CASE("a value that is larger than the pipe's buffer arrives whole") {
    one_way_pipe<std::string> pipe;
    process child{"sender", [&] {
                      pipe.reader.close();
                      return pipe.writer.send(std::string(20'000'000, 'x')) && pipe.writer.send("y") ? 0 : 1;
                  }};
    child.start();
    pipe.writer.close();
    const auto value = pipe.reader.receive();
    REQUIRE(value);
    CHECK(value->size() == 20'000'000);
    CHECK(value->find_first_not_of('x') == std::string::npos);
    CHECK(pipe.reader.receive() == "y");
    CHECK(pipe.reader.receive() == std::nullopt);
}

TEST_CASE("receive with a time limit tells a value, a timeout and the end of input apart") {
    one_way_pipe<int> pipe;
    CHECK(pipe.reader.receive(0ms).status == receive_status::timed_out);
    CHECK(pipe.reader.receive(1ms).status == receive_status::timed_out);
    CHECK(pipe.writer.send(7));
    CHECK(pipe.reader.receive(0ms).value == 7);
    pipe.writer.close();
    CHECK(pipe.reader.receive(0ms).status == receive_status::end_of_input);
}

TEST_CASE("the first part of a value is kept if the time is over, and dropped at the end of input") {
    auto [near, far] = make_message_channels();
    const std::uint32_t length = 4;
    const auto send_part = [&](const void* part, std::size_t size) {
        REQUIRE(send(near.descriptor(), part, size, 0) == static_cast<ssize_t>(size));
        CHECK(far.receive(0ms).status == receive_status::timed_out);
    };
    send_part(&length, 3);
    send_part(reinterpret_cast<const char*>(&length) + 3, 1);
    send_part("abc", 3);
    REQUIRE(send(near.descriptor(), "d\1\0\0", 4, 0) == 4);
    CHECK(far.receive(0ms).value == "abcd");
    CHECK(far.receive(0ms).status == receive_status::timed_out);
    near.close();
    CHECK(far.receive(0ms).status == receive_status::end_of_input);
}

TEST_CASE("send returns false if the reader is gone, even if it is killed while the pipe is full") {
    one_way_pipe<std::string> full;
    one_way_pipe<std::string> started;
    process child{"reader", [&] {
                      full.writer.close();
                      (void)started.writer.send("yes");
                      for (;;) ::pause();
                  }};
    child.start();
    full.reader.close();
    REQUIRE(started.reader.receive());
    process killer{"killer", [&, reader = child.pid()] { ::kill(reader, SIGKILL); }};
    killer.start();
    // Blocks, since nothing is read, until the last copy of the reading end is closed.
    CHECK(!full.writer.send(std::string(50'000'000, 'x')));
    CHECK(!full.writer.send("y"));
    child.join();
    CHECK(child.end()->signal() == SIGKILL);
}

TEST_CASE("a sender that is killed in the middle of a value is the end of input") {
    one_way_pipe<std::string> pipe;
    process child{"sender", [&] {
                      pipe.reader.close();
                      if (!pipe.writer.send("first")) return;
                      (void)pipe.writer.send(std::string(50'000'000, 'x')); // blocks: the pipe is full
                  }};
    child.start();
    pipe.writer.close();
    CHECK(pipe.reader.receive() == "first");
    child.kill();
    child.join();
    CHECK(pipe.reader.receive() == std::nullopt);
}

TEST_CASE("misuse of a pipe is told") {
    auto [near, far] = make_message_channels();
    CHECK_THROWS_WITH_AS((void)near.send(std::string(message_channel::max_message + 1, 'x')),
                         doctest::Contains("at most 67108864"), std::length_error);
    const std::uint32_t length = 0xffff'ffff;
    REQUIRE(send(near.descriptor(), &length, sizeof length, 0) == sizeof length);
    CHECK_THROWS_WITH_AS((void)far.receive(0ms), doctest::Contains("damaged"), std::runtime_error);
    near.close();
    CHECK_THROWS_AS((void)near.send("x"), std::logic_error);
    CHECK_THROWS_AS((void)near.receive(0ms), std::logic_error);
}

} // namespace parley
