/* A stream cut into reads of any size, with turns ended anywhere, gives the same messages as the stream in one piece.
 *
 * Input: a control byte before each read: bits 0..5 how many bytes (times 97 with bit 6), bit 7 whether messages are left unread until the
 * next turn. The reads take their bytes from the whole of the input, round and round. */
#include "base/bytes.h"
#include "base/require.h"
#include "fuzz.h"
#include "net/framing.h"
#include "net/truncate.h"

#include <stdlib.h>
#include <string.h>

enum { STREAM_MAX = 1 << 20, TURNS_MAX = 4000 };

typedef struct replayed {
    uint8_t *bytes; /* the stream so far */
    size_t size;
    size_t taken; /* up to where messages were handed out */
} replayed_t;

static void take_messages(framing_t *framing, replayed_t *replayed)
{
    const uint8_t *message = NULL;
    size_t size = 0;
    while (framing_next(framing, &message, &size)) {
        const uint8_t *expected = replayed->bytes + replayed->taken;
        REQUIRE(replayed->size - replayed->taken >= 2 + size);
        REQUIRE(load_be16(expected) == size);
        REQUIRE(memcmp(expected + 2, message, size) == 0);
        replayed->taken += 2 + size;
    }
    size_t left = replayed->size - replayed->taken;
    REQUIRE(left == framing_held(framing));
    REQUIRE(left < 2 || left - 2 < load_be16(replayed->bytes + replayed->taken));
}

static void run(framing_t *framing, uint8_t *scratch, net_budget_t *budget, replayed_t *replayed, const uint8_t *data, size_t size)
{
    for (size_t turn = 0; turn < size && turn < TURNS_MAX; turn++) {
        size_t wanted = (size_t)(data[turn] & 0x3f) * (data[turn] & 0x40 ? 97 : 1);
        uint8_t *where = NULL;
        size_t room = 0;
        if (!framing_has_next(framing)) {
            if (framing_room(framing, scratch, budget, &where, &room) != STATUS_OK) {
                return;
            }
            wanted = wanted < room ? wanted : room;
            for (size_t i = 0; i < wanted && replayed->size < STREAM_MAX; i++) {
                where[i] = replayed->bytes[replayed->size] = data[replayed->size % size];
                replayed->size++;
                framing_add(framing, 1);
            }
        }
        if (!(data[turn] & 0x80)) {
            take_messages(framing, replayed);
        }
        if (framing_keep(framing, budget) != STATUS_OK) {
            return;
        }
        memset(scratch, 0xee, FRAMING_SCRATCH_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    framing_t framing = {.data = NULL};
    net_budget_t budget = {.maximum = FRAMING_MAX + FRAMING_MEDIUM};
    replayed_t replayed = {.bytes = malloc(STREAM_MAX)};
    uint8_t *scratch = malloc(FRAMING_SCRATCH_MAX);
    if (size > 0 && replayed.bytes && scratch) {
        run(&framing, scratch, &budget, &replayed, data, size);
        memcpy(replayed.bytes, data, size < STREAM_MAX ? size : STREAM_MAX);
        size_t cut = net_truncate(replayed.bytes, size < STREAM_MAX ? size : STREAM_MAX);
        REQUIRE(cut <= size);
    }
    framing_clear(&framing, &budget);
    REQUIRE(budget.used == 0);
    free(replayed.bytes);
    free(scratch);
    return 0;
}
