// Tests of base64() with the examples of RFC 4648.
#include "client/conversation/base64.hpp"

#include <doctest/doctest.h>

namespace parley {

TEST_CASE("the examples of RFC 4648 are encoded as it says") {
    CHECK(base64("") == "");
    CHECK(base64("f") == "Zg==");
    CHECK(base64("fo") == "Zm8=");
    CHECK(base64("foo") == "Zm9v");
    CHECK(base64("foobar") == "Zm9vYmFy");
    CHECK(base64({"\xfb\xff\0", 3}) == "+/8A");
}

} // namespace parley
