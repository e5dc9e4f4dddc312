/* Building messages. */
#include "wire/message.h"

#include "base/require.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <string.h>

enum { POINTER = 0xc000, POINTER_REACH = 0x4000, QUESTION = 0, COUNT_AT = 4 };

void message_writer_init(message_writer_t *writer, uint8_t *out, size_t capacity, uint16_t id, uint16_t flags)
{
    writer->bytes = byte_writer(out, capacity < MESSAGE_MAX ? capacity : MESSAGE_MAX);
    writer->section = SECTION_ANSWER;
    writer->suffix_count = 0;
    memset(writer->counts, 0, sizeof writer->counts);
    byte_write_u16(&writer->bytes, id);
    byte_write_u16(&writer->bytes, flags);
    uint8_t *counts = byte_reserve(&writer->bytes, sizeof writer->counts);
    if (counts) {
        memset(counts, 0, sizeof writer->counts);
    }
}

/* ---- names ---- */

/* Is the name at `offset` of the message, which this writer wrote, the suffix of key that begins at `at`? */
static bool suffix_is_at(const message_writer_t *writer, size_t offset, const name_key_t *key, size_t at)
{
    const uint8_t *message = writer->bytes.data;
    for (;;) {
        while (message[offset] >= POINTER >> 8) { /* ours lead backwards, to a label */
            offset = load_be16(message + offset) & (POINTER_REACH - 1);
        }
        uint8_t length = message[offset];
        if (length != key->wire[at]) {
            return false;
        }
        if (length == 0) {
            return true;
        }
        uint8_t label[NAME_LABEL_MAX];
        memcpy(label, message + offset + 1, length);
        name_lower(label, length);
        if (memcmp(label, key->wire + at + 1, length) != 0) {
            return false;
        }
        offset += length + 1u;
        at += length + 1u;
    }
}

/* Where the suffix of so many labels stands in the message already; 0: nowhere. */
static uint16_t find_suffix(const message_writer_t *writer, const name_key_t *key, unsigned labels)
{
    uint32_t hash = (uint32_t)key->hash[labels];
    for (unsigned i = 0; i < writer->suffix_count; i++) {
        if (writer->suffix_hash[i] == hash && suffix_is_at(writer, writer->suffix_offset[i], key, key->offset[labels])) {
            return writer->suffix_offset[i];
        }
    }
    return 0;
}

static void remember_suffix(message_writer_t *writer, uint32_t hash, size_t offset)
{
    if (writer->suffix_count < COMPRESSION_ENTRIES_MAX && offset < POINTER_REACH) {
        writer->suffix_hash[writer->suffix_count] = hash;
        writer->suffix_offset[writer->suffix_count] = (uint16_t)offset;
        writer->suffix_count++;
    }
}

/* Labels as they are given until a suffix that stands in the message already, then a pointer to it (RFC 1035 4.1.4). */
static void write_name(message_writer_t *writer, const uint8_t *name)
{
    byte_writer_t *bytes = &writer->bytes;
    name_key_t key;
    name_key_init(&key, name, name_length(name));
    for (unsigned labels = key.labels; labels > 0; labels--) {
        uint16_t found = find_suffix(writer, &key, labels);
        if (found != 0) {
            byte_write_u16(bytes, (uint16_t)(POINTER | found));
            return;
        }
        const uint8_t *label = name + key.offset[labels];
        size_t offset = bytes->position;
        byte_write(bytes, label, *label + 1u);
        if (bytes->failed) {
            return; /* nothing that is not in the message may be remembered */
        }
        remember_suffix(writer, (uint32_t)key.hash[labels], offset);
    }
    byte_write_u8(bytes, 0);
}

/* ---- questions and records ---- */

void message_write_question(message_writer_t *writer, const uint8_t *name, uint16_t type, uint16_t rrclass)
{
    REQUIRE(writer->counts[1] + writer->counts[2] + writer->counts[3] == 0);
    write_name(writer, name);
    byte_write_u16(&writer->bytes, type);
    byte_write_u16(&writer->bytes, rrclass);
    writer->counts[QUESTION]++;
}

/* Rdata whose names may be compressed: what lies between them as it is, and the names as names. */
static void write_compressed(message_writer_t *writer, uint16_t type, const uint8_t *rdata, size_t rdlength)
{
    size_t done = 0;
    size_t at = 0;
    while (rdata_next_name(type, rdata, rdlength, &at) == STATUS_OK) {
        byte_write(&writer->bytes, rdata + done, at - done);
        write_name(writer, rdata + at);
        at += name_length(rdata + at);
        done = at;
    }
    byte_write(&writer->bytes, rdata + done, rdlength - done);
}

static void write_rdata(message_writer_t *writer, uint16_t type, uint16_t rrclass, const uint8_t *rdata, size_t rdlength)
{
    const rrtype_info_t *info = rrtype_info(type);
    uint8_t *length = byte_reserve(&writer->bytes, 2);
    size_t begin = writer->bytes.position;
    if (info && (info->flags & RRTYPE_COMPRESSED) != 0 && rdata_check(type, rrclass, rdata, rdlength) == STATUS_OK) {
        write_compressed(writer, type, rdata, rdlength);
    } else {
        byte_write(&writer->bytes, rdata, rdlength);
    }
    if (length) {
        store_be16(length, (uint16_t)(writer->bytes.position - begin));
    }
}

status_t message_write_record(message_writer_t *writer, section_t section, const uint8_t *owner, uint16_t type, uint16_t rrclass,
                              uint32_t ttl_s, const uint8_t *rdata, size_t rdlength)
{
    REQUIRE(section < SECTION_COUNT && section >= writer->section);
    uint16_t *count = &writer->counts[1 + section];
    const byte_writer_t before = writer->bytes;
    const uint16_t suffix_count = writer->suffix_count;
    if (before.failed || *count == UINT16_MAX || rdlength > RDATA_MAX) {
        return STATUS_NO_SPACE;
    }
    write_name(writer, owner);
    byte_write_u16(&writer->bytes, type);
    byte_write_u16(&writer->bytes, rrclass);
    byte_write_u32(&writer->bytes, ttl_s);
    write_rdata(writer, type, rrclass, rdata, rdlength);
    if (writer->bytes.failed) {
        writer->bytes = before;
        writer->suffix_count = suffix_count;
        return STATUS_NO_SPACE;
    }
    writer->section = section;
    ++*count;
    return STATUS_OK;
}

status_t message_write_opt(message_writer_t *writer, uint16_t udp_size, uint8_t extended_rcode, uint8_t version, uint16_t flags,
                           const uint8_t *options, size_t options_size)
{
    static const uint8_t root[] = {0};
    uint32_t ttl = (uint32_t)extended_rcode << 24 | (uint32_t)version << 16 | flags;
    return message_write_record(writer, SECTION_ADDITIONAL, root, TYPE_OPT, udp_size, ttl, options, options_size);
}

size_t message_writer_finish(message_writer_t *writer)
{
    if (writer->bytes.failed) {
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(writer->counts); i++) {
        store_be16(writer->bytes.data + COUNT_AT + 2 * i, writer->counts[i]);
    }
    return writer->bytes.position;
}
