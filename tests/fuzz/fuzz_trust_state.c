/* The files that trust is kept in: whatever they hold is refused, or read to what is written and read the same again. */
#include "base/require.h"
#include "dnssec/rollover.h"
#include "fuzz.h"
#include "server/negative_anchors.h"

#include <string.h>

static void check_same(buffer_t *one, buffer_t *other)
{
    REQUIRE(one->status == STATUS_OK && other->status == STATUS_OK);
    REQUIRE(one->size == other->size && memcmp(one->data, other->data, one->size) == 0);
}

static void read_rollover(const char *text, size_t size)
{
    rollover_t rollover, again;
    buffer_t first, second;
    unsigned line;
    rollover_init(&rollover);
    rollover_init(&again);
    buffer_init(&first, 2 * ROLLOVER_STATE_MAX);
    buffer_init(&second, 2 * ROLLOVER_STATE_MAX);
    if (rollover_read(&rollover, text, size, &line) == STATUS_OK) {
        trust_anchors_t configured, effective;
        rollover_write(&rollover, &first);
        REQUIRE(rollover_read(&again, buffer_text(&first), first.size, &line) == STATUS_OK);
        rollover_clear(&rollover); /* points come back in reverse order */
        rollover_write(&again, &second);
        REQUIRE(rollover_read(&rollover, buffer_text(&second), second.size, &line) == STATUS_OK);
        buffer_reset(&second);
        rollover_write(&rollover, &second);
        check_same(&first, &second);
        trust_anchors_init(&configured);
        trust_anchors_init(&effective);
        status_t status = rollover_effective(&rollover, &configured, &effective);
        REQUIRE(status == STATUS_OK || status == STATUS_INVALID || status == STATUS_MALFORMED);
        trust_anchors_clear(&configured);
        trust_anchors_clear(&effective);
    } else {
        REQUIRE(rollover.points == NULL && rollover.count == 0);
    }
    rollover_clear(&rollover);
    rollover_clear(&again);
    buffer_clear(&first);
    buffer_clear(&second);
}

static void read_negative(const char *text, size_t size)
{
    negative_anchors_t anchors, again;
    buffer_t first, second;
    unsigned line;
    negative_anchors_init(&anchors);
    negative_anchors_init(&again);
    buffer_init(&first, NEGATIVE_ANCHORS_TEXT_MAX);
    buffer_init(&second, NEGATIVE_ANCHORS_TEXT_MAX);
    if (negative_anchors_read(&anchors, text, size, &line) == STATUS_OK) {
        timed_anchor_t gone;
        negative_anchors_write(&anchors, &first);
        REQUIRE(negative_anchors_read(&again, buffer_text(&first), first.size, &line) == STATUS_OK);
        negative_anchors_write(&again, &second);
        check_same(&first, &second);
        while (negative_anchors_expire(&anchors, UINT64_MAX / 2, &gone)) {
            REQUIRE(gone.until_s > gone.since_s);
        }
        REQUIRE(anchors.count == 0);
    } else {
        REQUIRE(anchors.count == 0);
    }
    negative_anchors_clear(&anchors);
    negative_anchors_clear(&again);
    buffer_clear(&first);
    buffer_clear(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_rollover((const char *)data, size);
    read_negative((const char *)data, size);
    return 0;
}
