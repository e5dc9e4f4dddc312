/* The mnemonics that some integers of rdata may be written as. Private to the rdata implementation. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rdata_word {
    const char *text;
    uint32_t value;
} rdata_word_t;

typedef struct rdata_words {
    const rdata_word_t *list; /* ended by a NULL text */
    uint32_t maximum;         /* largest value of the field */
    const char *expected;     /* what the field is, for people */
} rdata_words_t;

/* The words of a field; the code must be of a field that has some. */
const rdata_words_t *rdata_words(uint8_t code);
bool rdata_word_find(const rdata_words_t *words, const char *text, size_t length, uint32_t *value);
