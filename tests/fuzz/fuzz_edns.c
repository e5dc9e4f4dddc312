/* The options of an OPT: whatever they are, what is made of them stays within its bounds. */
#include "base/require.h"
#include "fuzz.h"
#include "wire/edns.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    edns_t edns = {.present = true};
    uint16_t used = size > UINT16_MAX ? UINT16_MAX : (uint16_t)size;
    edns_read_options(&edns, data, used);
    REQUIRE(edns.options == data && edns.options_size == used);
    REQUIRE(edns.cookie_length == 0 || edns.cookie_length == 8 || (edns.cookie_length >= 16 && edns.cookie_length <= 40));
    REQUIRE(!(edns.cookie_malformed && edns.cookie_length != 0));
    REQUIRE(edns.cookie_length == 0 || memmem(data, used, edns.cookie, edns.cookie_length));
    return 0;
}
