#include "resolver/hosts.h"

#include "base/require.h"

#include <stdio.h>
#include <string.h>

typedef struct hosts_line {
    const hosts_reader_t *reader;
    const char *text;
    size_t length; /* to the end of the line */
    size_t end;    /* to the comment */
    uint32_t number;
    bool has_error;
} hosts_line_t;

typedef struct hosts_word {
    const char *text;
    size_t length;
} hosts_word_t;

static void report(hosts_line_t *line, diagnostic_severity_t severity, const char *code, const hosts_word_t *at, const char *message)
{
    enum { SHOWN_MAX = 60 };
    const diagnostic_place_t place = {
        .file = line->reader->file,
        .line = line->number,
        .column = (uint32_t)(at->text - line->text) + 1,
        .length = (uint32_t)at->length,
        .source = line->text,
        .source_length = line->length,
    };
    line->has_error |= severity == DIAGNOSTIC_ERROR;
    diagnostics_add(line->reader->diagnostics, severity, code, &place, NULL, "%s: \"%.*s\"", message,
                    (int)(at->length < SHOWN_MAX ? at->length : SHOWN_MAX), at->text);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word at or behind *at; false: the line is over. */
static bool next_word(const hosts_line_t *line, size_t *at, hosts_word_t *word)
{
    while (*at < line->end && is_blank(line->text[*at])) {
        ++*at;
    }
    size_t start = *at;
    while (*at < line->end && !is_blank(line->text[*at])) {
        ++*at;
    }
    *word = (hosts_word_t){line->text + start, *at - start};
    return word->length > 0;
}

static bool is_host_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

static bool read_name(hosts_line_t *line, const hosts_word_t *word, name_t *name)
{
    static const uint8_t root[1 + NAME_PADDING] = {0};
    for (size_t i = 0; i < word->length; i++) {
        if (!is_host_character(word->text[i])) {
            const hosts_word_t place = {word->text + i, 1};
            report(line, DIAGNOSTIC_ERROR, "bad-name", &place, "this character may not stand in the name of a host");
            return false;
        }
    }
    size_t at = 0;
    status_t status = name_from_text(name, word->text, word->length, root, &at);
    if (status != STATUS_OK || name->length <= 1) {
        report(line, DIAGNOSTIC_ERROR, "bad-name", word,
               status == STATUS_LIMIT ? "a label of a name has at most 63 bytes, a name 255" : "not the name of a host");
        return false;
    }
    name_lower(name->wire, name->length);
    return true;
}

static status_t read_line(hosts_line_t *line)
{
    size_t at = 0;
    hosts_word_t word;
    resolver_address_t address;
    if (!next_word(line, &at, &word)) {
        return STATUS_OK;
    }
    if (!resolver_address_from_text(&address, word.text, word.length)) {
        const char *scope = memchr(word.text, '%', word.length);
        if (scope && resolver_address_from_text(&address, word.text, (size_t)(scope - word.text))) {
            report(line, DIAGNOSTIC_WARNING, "scoped-address", &word, "left out: DNS cannot tell of an address with an interface");
        } else {
            report(line, DIAGNOSTIC_ERROR, "bad-address", &word, "an IP address expected, got");
        }
        return STATUS_OK;
    }
    const hosts_word_t first = word;
    status_t status = STATUS_OK;
    unsigned names = 0;
    bool is_first = true;
    while (status == STATUS_OK && next_word(line, &at, &word)) {
        name_t name;
        if (read_name(line, &word, &name)) {
            status = line->reader->entry(line->reader->context, &address, &name, is_first);
            is_first = false;
        }
        names++;
    }
    if (names == 0) {
        report(line, DIAGNOSTIC_ERROR, "no-name", &first, "no name stands behind this address");
    }
    return status;
}

status_t hosts_parse(const hosts_reader_t *reader, const char *text, size_t length)
{
    bool has_error = false;
    uint32_t number = 0;
    const char *end = text + length;
    for (const char *start = text; start < end;) {
        const char *newline = memchr(start, '\n', (size_t)(end - start));
        hosts_line_t line = {.reader = reader, .text = start, .number = ++number};
        line.length = (size_t)((newline ? newline : end) - start);
        const char *comment = line.length > 0 ? memchr(start, '#', line.length) : NULL;
        line.end = comment ? (size_t)(comment - start) : line.length;
        status_t status = read_line(&line);
        if (status != STATUS_OK) {
            return status;
        }
        has_error |= line.has_error;
        start = newline ? newline + 1 : end;
    }
    return has_error ? STATUS_MALFORMED : STATUS_OK;
}

void hosts_reverse_name(const resolver_address_t *address, name_t *name)
{
    enum { TEXT_MAX = 80 };
    char text[TEXT_MAX];
    size_t used = 0;
    if (address->family == RESOLVER_IPV4) {
        const uint8_t *b = address->bytes;
        used = (size_t)snprintf(text, sizeof text, "%u.%u.%u.%u.in-addr.arpa.", b[3], b[2], b[1], b[0]);
    } else {
        for (unsigned i = 16; i-- > 0;) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%x.%x.", address->bytes[i] & 15u, address->bytes[i] >> 4);
        }
        used += (size_t)snprintf(text + used, sizeof text - used, "ip6.arpa.");
    }
    status_t status = name_from_text(name, text, used, NULL, NULL);
    REQUIRE(status == STATUS_OK);
}
