/* What a server of the virtual internet does to its own answers, beyond what zone_signer.h can do to its zones: a list of changes, applied
 * in order to each answer that they are meant for. */
#pragma once

#include <stdint.h>

typedef enum sim_change_kind {
    CHANGE_DROP,               /* records of (owner, type), or for RRSIG of those covering `covered`; NULL and 0: any */
    CHANGE_DROP_DENIAL,        /* the NSEC or NSEC3 that matches or covers `owner`, with its RRSIGs */
    CHANGE_DROP_NTH_DENIAL,    /* the NSEC or NSEC3 RRset number `value` of the authority section, with its RRSIGs */
    CHANGE_DROP_NTH_SIGNATURE, /* its RRSIGs alone */
    CHANGE_ADD,                /* the RRset (owner, type) of `zone` with its RRSIGs, to `section`; under the owner `name`, if given */
    CHANGE_ADD_DENIAL,         /* the NSEC or NSEC3 of `zone` that matches or covers `owner`, with its RRSIGs, to the authority section */
    CHANGE_RENAME,             /* records of the owner `owner` get `name`; NULL: all of `section` */
    CHANGE_RCODE,              /* value */
    CHANGE_TTL,                /* value, of records of (owner, type) */
    CHANGE_CLEAR,              /* the section is emptied */
} sim_change_kind_t;

typedef struct sim_change {
    sim_change_kind_t kind;
    const char *for_name; /* question that it is meant for; NULL and 0: any */
    uint16_t for_type;
    const char *owner;
    uint16_t type;
    uint16_t covered;
    unsigned section; /* section_t */
    uint32_t value;
    const char *zone;
    const char *name;
} sim_change_t;
