/* Questions by name, type and flags: chained, keyed, of a size fixed at the start (its users hold their own limits). */
#include "resolver/state.h"

#include <stdlib.h>
#include <string.h>

bool question_table_init(question_table_t *table, size_t expected)
{
    size_t size = 64;
    while (size < expected) {
        size *= 2;
    }
    table->slots = calloc(size, sizeof(question_node_t *));
    table->mask = size - 1;
    table->count = 0;
    return table->slots != NULL;
}

void question_table_clear(question_table_t *table)
{
    free(table->slots);
    table->slots = NULL;
}

static uint64_t hash_of(const siphash_key_t *key, const question_node_t *node)
{
    uint64_t hash = siphash(key, node->name->wire, node->name->length);
    return hash ^ ((uint64_t)node->type << 16 | node->flags) * UINT64_C(0x9e3779b97f4a7c15);
}

static bool is_same(const question_node_t *a, const question_node_t *b)
{
    return a->type == b->type && a->flags == b->flags && a->name->length == b->name->length &&
           memcmp(a->name->wire, b->name->wire, a->name->length) == 0;
}

question_node_t *question_table_find(const question_table_t *table, const siphash_key_t *key, const question_node_t *wanted)
{
    uint64_t hash = hash_of(key, wanted);
    question_node_t *node = table->slots[hash & table->mask];
    while (node && !(node->hash == hash && is_same(node, wanted))) {
        node = node->next;
    }
    return node;
}

void question_table_add(question_table_t *table, const siphash_key_t *key, question_node_t *node)
{
    node->hash = hash_of(key, node);
    question_node_t **slot = &table->slots[node->hash & table->mask];
    node->next = *slot;
    *slot = node;
    table->count++;
}

void question_table_remove(question_table_t *table, question_node_t *node)
{
    question_node_t **slot = &table->slots[node->hash & table->mask];
    while (*slot != node) {
        REQUIRE(*slot);
        slot = &(*slot)->next;
    }
    *slot = node->next;
    table->count--;
}
