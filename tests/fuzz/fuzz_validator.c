/* Signed answers changed record by record on their way: dropped, altered, renamed, moved, replaced by others that were seen before. However
 * they are changed, nothing becomes secure but what the zones say. Input: one octet: the question, by its top bit where resolution starts,
 * by the next whether others follow and the cache remembers; then changes of six octets each: the number of the reply, kind, section and
 * record, and two of value, see change_kind. */
#include "base/arena.h"
#include "base/bytes.h"
#include "base/require.h"
#include "fuzz.h"
#include "signed_world.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

enum { CHANGE_SIZE = 6, RECORDS_MAX = 256, SEEN_MAX = 128, ARENA_MAX = 1 << 24 };

typedef enum change_kind {
    CHANGE_DROP_RECORD,
    CHANGE_DROP_TYPE,   /* all of the record's type in its section, signatures too */
    CHANGE_RDATA,       /* the octet at the first value gets the second */
    CHANGE_OWNER,       /* that of another record */
    CHANGE_OWNER_LABEL, /* the first octet of its first label */
    CHANGE_TYPE,
    CHANGE_TIME_TO_LIVE,
    CHANGE_SECTION,
    CHANGE_REPEAT,  /* a record seen before, of this or another zone, is added */
    CHANGE_REPLACE, /* likewise in place of this one's rdata */
    CHANGE_FLAGS,
    CHANGE_KINDS
} change_kind_t;

typedef struct changer {
    const uint8_t *changes;
    size_t count;
    unsigned reply;
    arena_t arena; /* of all replies: what was seen before lies there */
    record_t seen[SEEN_MAX];
    unsigned seen_count;
    record_t records[SECTION_COUNT][RECORDS_MAX];
    unsigned counts[SECTION_COUNT];
    uint16_t flags;
} changer_t;

static void remove_at(changer_t *changer, unsigned section, unsigned at)
{
    changer->counts[section]--;
    memmove(&changer->records[section][at], &changer->records[section][at + 1],
            (changer->counts[section] - at) * sizeof changer->records[0][0]);
}

static void add(changer_t *changer, unsigned section, const record_t *record)
{
    if (changer->counts[section] < RECORDS_MAX) {
        changer->records[section][changer->counts[section]++] = *record;
    }
}

static uint8_t *copy(changer_t *changer, const uint8_t *data, size_t size)
{
    uint8_t *memory = arena_alloc(&changer->arena, size + NAME_PADDING);
    REQUIRE(memory);
    memcpy(memory, data, size);
    memset(memory + size, 0, NAME_PADDING);
    return memory;
}

static uint16_t kind_of(const record_t *record)
{
    return record->type == TYPE_RRSIG && record->rdlength > 2 ? load_be16(record->rdata) : record->type;
}

static void drop_type(changer_t *changer, unsigned section, uint16_t type)
{
    for (unsigned i = changer->counts[section]; i-- > 0;) {
        if (kind_of(&changer->records[section][i]) == type) {
            remove_at(changer, section, i);
        }
    }
}

static void change_record(changer_t *changer, unsigned section, unsigned at, const uint8_t *change)
{
    record_t *record = &changer->records[section][at];
    const record_t *other = &changer->seen[(change[4] << 8 | change[5]) % changer->seen_count];
    record_t moved;
    uint8_t *bytes;
    switch ((change_kind_t)(change[1] % CHANGE_KINDS)) {
    case CHANGE_DROP_RECORD:
        remove_at(changer, section, at);
        break;
    case CHANGE_DROP_TYPE:
        drop_type(changer, section, kind_of(record));
        break;
    case CHANGE_RDATA:
        bytes = copy(changer, record->rdata, record->rdlength);
        bytes[record->rdlength ? change[4] % record->rdlength : 0] = change[5];
        record->rdata = bytes;
        break;
    case CHANGE_OWNER:
        record->owner = other->owner;
        break;
    case CHANGE_OWNER_LABEL:
        bytes = copy(changer, record->owner, name_length(record->owner));
        bytes[bytes[0] ? 1 : 0] = bytes[0] ? change[5] : 0;
        record->owner = bytes;
        break;
    case CHANGE_TYPE:
        record->type = other->type;
        break;
    case CHANGE_TIME_TO_LIVE:
        record->ttl_s = (uint32_t)change[4] << change[5] % 32;
        break;
    case CHANGE_SECTION:
        moved = *record;
        remove_at(changer, section, at);
        add(changer, change[5] % SECTION_COUNT, &moved);
        break;
    case CHANGE_REPEAT:
        add(changer, section, other);
        break;
    case CHANGE_REPLACE:
        record->rdata = other->rdata;
        record->rdlength = other->rdlength;
        break;
    case CHANGE_FLAGS:
        changer->flags ^= (uint16_t)((change[4] << 8 | change[5]) & ~FLAG_QR);
        break;
    case CHANGE_KINDS:
        break;
    }
}

static void read_records(changer_t *changer, const message_t *message)
{
    changer->flags = message->flags;
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        changer->counts[section] = 0;
        for (unsigned i = 0; i < message->count[section] && i < RECORDS_MAX; i++) {
            add(changer, section, &message->records[section][i]);
            changer->seen[changer->seen_count % SEEN_MAX] = message->records[section][i];
            changer->seen_count += changer->seen_count < SEEN_MAX;
        }
    }
}

static size_t write_message(const changer_t *changer, const message_t *message, uint8_t *out)
{
    message_writer_t writer;
    message_writer_init(&writer, out, MESSAGE_MAX, message->id, changer->flags);
    message_write_question(&writer, message->question_name, message->question_type, message->question_class);
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        for (unsigned i = 0; i < changer->counts[section]; i++) {
            const record_t *record = &changer->records[section][i];
            if (rdata_check(record->type, record->rrclass, record->rdata, record->rdlength) != STATUS_OK) {
                continue; /* malformed messages are fuzz_resolver_reply's */
            }
            if (message_write_record(&writer, (section_t)section, record->owner, record->type, record->rrclass, record->ttl_s,
                                     record->rdata, record->rdlength) != STATUS_OK) {
                break; /* full */
            }
        }
    }
    if (message_write_opt(&writer, UDP_SIZE_DEFAULT, 0, 0, EDNS_FLAG_DO, NULL, 0) != STATUS_OK) {
        return 0;
    }
    return message_writer_finish(&writer);
}

static size_t tamper(void *context, uint8_t *bytes, size_t size)
{
    changer_t *changer = context;
    message_t message;
    uint8_t *kept = copy(changer, bytes, size);
    unsigned number = changer->reply++;
    if (changer->arena.total > ARENA_MAX / 2 || message_parse(&message, kept, size, &changer->arena) != STATUS_OK) {
        return size;
    }
    read_records(changer, &message);
    bool is_changed = false;
    for (size_t i = 0; i < changer->count; i++) {
        const uint8_t *change = changer->changes + i * CHANGE_SIZE;
        unsigned section = change[2] % SECTION_COUNT;
        bool is_meant = change[0] == number || (change[0] & 0x80);
        if (is_meant && changer->counts[section] > 0 && changer->seen_count > 0) {
            change_record(changer, section, change[3] % changer->counts[section], change);
            is_changed = true;
        }
    }
    return is_changed ? write_message(changer, &message, bytes) : size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { CHANGES_MAX = 64 };
    if (size < 1) {
        return 0;
    }
    changer_t *changer = calloc(1, sizeof *changer);
    REQUIRE(changer);
    arena_init(&changer->arena, 0, ARENA_MAX);
    changer->changes = data + 1;
    changer->count = (size - 1) / CHANGE_SIZE < CHANGES_MAX ? (size - 1) / CHANGE_SIZE : CHANGES_MAX;
    const bool is_long = (data[0] & 0x40) != 0;
    const uint8_t question = data[0] & 0x3f;
    const uint8_t choices[] = {question | 0x40, (question + 16) | 0x40, question + 9};
    const signed_world_way_t way = {data[0] & 0x80 ? SIGNED_WORLD_ISLANDS : SIGNED_WORLD_ROOT, is_long};
    signed_world_ask(signed_world_begin(way, tamper, changer), choices, is_long ? ARRAY_SIZE(choices) : 1);
    arena_clear(&changer->arena);
    free(changer);
    return 0;
}
