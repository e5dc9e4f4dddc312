#include "told.h"

#include "server/recursion.h"
#include "wire/rrtype.h"
#include "zone/parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RRSETS_MAX = 512, SIGNATURE_SIZE = 64, SIGNATURE_FIXED = 18 };

static _Noreturn void give_up(const char *what, const char *about)
{
    fprintf(stderr, "set-up failed: %s: %s\n", what, about);
    abort();
}

typedef struct gathering {
    arena_t *arena;
    rrset_t *rrsets;
    uint16_t count;
    bool is_signed;
    uint32_t ttl_s; /* the least */
} gathering_t;

static void *memory(arena_t *arena, size_t size)
{
    void *at = arena_alloc(arena, size);
    if (!at) {
        give_up("no memory", "told");
    }
    return at;
}

static status_t add_record(void *context, const zone_record_t *record)
{
    gathering_t *gathering = context;
    rrset_t *rrset = gathering->count > 0 ? &gathering->rrsets[gathering->count - 1] : NULL;
    if (!rrset || rrset->type != record->type || !name_equal(rrset->owner, record->owner)) {
        if (gathering->count == RRSETS_MAX) {
            give_up("too many RRsets", "told");
        }
        rrset = &gathering->rrsets[gathering->count++];
        if (rrset_make(rrset, gathering->arena, record->owner, record->type, record->ttl_s, record->rdata, record->rdlength) != STATUS_OK) {
            give_up("no RRset", "told");
        }
    } else {
        uint8_t *data = memory(gathering->arena, rrset->data_size + 2 + record->rdlength);
        memcpy(data, rrset->data, rrset->data_size);
        store_be16(data + rrset->data_size, (uint16_t)record->rdlength);
        memcpy(data + rrset->data_size + 2, record->rdata, record->rdlength);
        rrset->data = data;
        rrset->data_size += (uint32_t)(2 + record->rdlength);
        rrset->count++;
    }
    gathering->ttl_s = record->ttl_s < gathering->ttl_s ? record->ttl_s : gathering->ttl_s;
    return STATUS_OK;
}

/* An RRSIG of the right form, by the parent of the owner, that verifies nothing. */
static void sign(rrset_t *rrset, arena_t *arena)
{
    const uint8_t *signer = *rrset->owner ? rrset->owner + *rrset->owner + 1 : rrset->owner;
    size_t length = name_length(signer);
    size_t size = SIGNATURE_FIXED + length + SIGNATURE_SIZE;
    uint8_t *data = memory(arena, rrset->data_size + 2 + size);
    uint8_t *rrsig = data + rrset->data_size + 2;
    memcpy(data, rrset->data, rrset->data_size);
    store_be16(rrsig - 2, (uint16_t)size);
    memset(rrsig, 0x5a, size);
    store_be16(rrsig, rrset->type);
    rrsig[2] = 13;
    rrsig[3] = (uint8_t)name_labels(rrset->owner);
    store_be32(rrsig + 4, rrset->ttl_s);
    memcpy(rrsig + SIGNATURE_FIXED, signer, length);
    rrset->data = data;
    rrset->signature_count = 1;
    rrset->signature_size = (uint32_t)(2 + size);
}

static void gather(gathering_t *gathering, const char *text)
{
    static const uint8_t root[1 + NAME_PADDING] = {0};
    diagnostics_t diagnostics;
    gathering->rrsets = memory(gathering->arena, RRSETS_MAX * sizeof *gathering->rrsets);
    gathering->count = 0;
    if (!text) {
        return;
    }
    diagnostics_init(&diagnostics, 10);
    const zone_parser_settings_t settings = {
        .origin = root,
        .rrclass = CLASS_IN,
        .file = "told",
        .diagnostics = &diagnostics,
        .record = add_record,
        .context = gathering,
    };
    if (zone_parse_text(&settings, text, strlen(text)) != STATUS_OK) {
        give_up(text, diagnostics.first ? diagnostics.first->message : "?");
    }
    diagnostics_clear(&diagnostics);
    for (unsigned i = 0; gathering->is_signed && i < gathering->count; i++) {
        sign(&gathering->rrsets[i], gathering->arena);
    }
}

void told_answer(const told_t *told, arena_t *arena, resolver_answer_t *answer)
{
    gathering_t gathering = {.arena = arena, .is_signed = told->is_signed, .ttl_s = UINT32_MAX};
    *answer = (resolver_answer_t){
        .rcode = told->rcode,
        .extended_error = told->extended_error,
        .extended_text = told->extended_text,
        .security = told->security,
        .is_stale = told->is_stale,
    };
    gather(&gathering, told->answer);
    answer->answer = gathering.rrsets;
    answer->answer_count = gathering.count;
    gather(&gathering, told->authority);
    answer->authority = gathering.rrsets;
    answer->authority_count = gathering.count;
    answer->ttl_s = told->ttl_s ? told->ttl_s : gathering.ttl_s;
}

void told_put(cache_t *cache, const told_question_t *question, const told_t *told, uint32_t now_s)
{
    uint8_t *out = malloc(MESSAGE_MAX);
    name_t name;
    name_key_t key;
    arena_t arena;
    resolver_answer_t answer;
    recursion_body_t body;
    if (!out || name_from_text(&name, question->name, strlen(question->name), NULL, NULL) != STATUS_OK) {
        give_up("not a name", question->name);
    }
    name_key_init(&key, name.wire, name.length);
    arena_init(&arena, 0, 64 << 20);
    told_answer(told, &arena, &answer);
    const recursion_want_t want = {&key, question->type, question->dnssec_ok, question->checking_disabled};
    recursion_body_make(&want, &answer, out, &body);
    recursion_body_put(cache, &want, &body, now_s);
    arena_clear(&arena);
    free(out);
}
