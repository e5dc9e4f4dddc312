/* YAML text as a small tree of nodes that know where they stand, made from libfyaml's events.
 *
 * Invariants: nodes live in the document's arena, their texts there or in the source, which must stay in place; a mapping's children are
 * key, value, key, value ... in the order of the file, duplicates included (whoever knows the schema reports them); an alias is one
 * node that leads to its target, so that no text can make the tree larger than itself; depth, size and uses of aliases are bounded.
 * Immutable once read, but for the count of aliases followed. One thread at a time.
 */
#pragma once

#include "base/arena.h"
#include "base/diagnostic.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    YAML_DEPTH_MAX = 16,               /* the deepest setting stands at 4 */
    YAML_ANCHORS_MAX = 1000,           /* different anchors of a file */
    YAML_ALIASED_MAX = 4 * 1000 * 1000 /* nodes seen through aliases in all: what stops "billion laughs" */
};

typedef enum yaml_kind { YAML_NULL, YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING, YAML_ALIAS } yaml_kind_t;

typedef struct yaml_node {
    struct yaml_node *next; /* sibling */
    union {
        struct yaml_node *first;  /* YAML_SEQUENCE, YAML_MAPPING */
        struct yaml_node *target; /* YAML_ALIAS; never another alias */
    };
    const char *text;  /* YAML_SCALAR: the value, escapes resolved, not terminated */
    uint32_t length;   /* of text */
    uint32_t offset;   /* of the node in the source, bytes */
    uint32_t extent;   /* bytes of it in the source, at most to the end of its line; 0: unknown */
    uint32_t line;     /* from 1 */
    uint32_t children; /* count */
    uint32_t weight;   /* nodes below it, aliases counted as one */
    uint8_t kind;      /* yaml_kind_t */
    bool plain;        /* a scalar without quotes */
    bool open;         /* while reading: its end was not seen yet */
} yaml_node_t;

typedef struct yaml_document {
    const char *name; /* the file as people know it */
    const char *source;
    size_t size;
    yaml_node_t *root; /* NULL: nothing there */
    bool is_complete;  /* false: a syntax error ended the reading; the tree holds what stood before it */
    size_t aliased;    /* nodes followed through aliases so far */
    arena_t arena;
    diagnostics_t *diagnostics;
} yaml_document_t;

/* Reads one document; every complaint goes to diagnostics. source: size bytes, size < 4 GiB, need not end in a zero.
 * STATUS_OK: perhaps with errors in diagnostics (then is_complete is false); STATUS_NO_MEMORY. The caller clears in any case. */
status_t yaml_read(yaml_document_t *document, const char *source, size_t size, const char *name, diagnostics_t *diagnostics) MUST_USE;
void yaml_clear(yaml_document_t *document);

/* The node itself, or what an alias leads to, counting. NULL with an error reported once: more than YAML_ALIASED_MAX. */
const yaml_node_t *yaml_follow(yaml_document_t *document, const yaml_node_t *node);

/* Reports at a node. `at` bytes into its text (when the source shows the text as it is), `hint` or NULL. */
void yaml_report(yaml_document_t *document, diagnostic_severity_t severity, const char *code, const yaml_node_t *node, size_t at,
                 const char *hint, const char *format, ...) __attribute__((format(printf, 7, 8)));

/* "a mapping", "a list", "a single value", "nothing" */
const char *yaml_kind_text(const yaml_node_t *node);
