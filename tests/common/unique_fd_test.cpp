// Tests of unique_fd: a descriptor is closed once, by its owner.
#include "common/unique_fd.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

namespace parley {

namespace {
int open_null() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int descriptor) { return fcntl(descriptor, F_GETFD) != -1; }
} // namespace

TEST_CASE("a descriptor is closed with its owner") {
    int descriptor = -1;
    {
        const unique_fd owner{open_null()};
        descriptor = owner.get();
        CHECK(owner);
        CHECK(is_open(descriptor));
    }
    CHECK_FALSE(is_open(descriptor));
}

TEST_CASE("no descriptor is nothing to close") {
    const unique_fd none;
    CHECK_FALSE(none);
    CHECK(none.get() == -1);
}

TEST_CASE("a descriptor that is moved has one owner") {
    unique_fd first{open_null()};
    const int descriptor = first.get();
    unique_fd second{std::move(first)};
    CHECK(first.get() == -1);
    CHECK(second.get() == descriptor);
    unique_fd third{open_null()};
    const int replaced = third.get();
    third = std::move(second);
    CHECK(third.get() == descriptor);
    CHECK_FALSE(is_open(replaced));
    CHECK(is_open(descriptor));
}

TEST_CASE("an owner that is assigned to itself keeps its descriptor") {
    unique_fd owner{open_null()};
    auto& owner_alias = owner;
    owner = std::move(owner_alias);
    CHECK(is_open(owner.get()));
}

TEST_CASE("a descriptor that is given away is closed by whoever took it") {
    int descriptor = -1;
    {
        unique_fd owner{open_null()};
        descriptor = owner.release();
        CHECK_FALSE(owner);
    }
    CHECK(is_open(descriptor));
    unique_fd taker{descriptor};
    taker.reset();
    CHECK_FALSE(is_open(descriptor));
}

} // namespace parley
