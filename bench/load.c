#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static bool index_queries(query_set_t *set, size_t size)
{
    size_t capacity = size / 14 + 1; /* the length and a header are the least that a query has */
    set->offsets = malloc(capacity * sizeof(*set->offsets));
    if (set->offsets == NULL) {
        return false;
    }
    size_t at = 0;
    while (at + 2 <= size) {
        size_t length = (size_t)(set->bytes[at] << 8 | set->bytes[at + 1]);
        if (length < 12 || at + 2 + length > size) {
            return false;
        }
        set->offsets[set->count++] = (uint32_t)(at + 2);
        at += 2 + length;
    }
    return at == size && set->count > 0;
}

bool query_set_load(query_set_t *set, const char *path)
{
    *set = (query_set_t){0};
    bool good = false;
    struct stat status;
    FILE *file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &status) != 0 || status.st_size <= 0 || status.st_size > UINT32_MAX) {
        goto out;
    }
    set->bytes = malloc((size_t)status.st_size);
    if (set->bytes == NULL || fread(set->bytes, 1, (size_t)status.st_size, file) != (size_t)status.st_size) {
        goto out;
    }
    good = index_queries(set, (size_t)status.st_size);
out:
    if (file != NULL) {
        (void)fclose(file);
    }
    if (!good) {
        fprintf(stderr, "%s: not a readable query file\n", path);
        query_set_free(set);
    }
    return good;
}

void query_set_free(query_set_t *set)
{
    free(set->bytes);
    free(set->offsets);
    *set = (query_set_t){0};
}

bool load_number_parse(const char *text, unsigned minimum, unsigned maximum, unsigned *value)
{
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < minimum || number > maximum) {
        fprintf(stderr, "%s: not a number from %u to %u\n", text, minimum, maximum);
        return false;
    }
    *value = (unsigned)number;
    return true;
}

bool load_target_parse(load_target_t *target, const char *address, const char *port)
{
    unsigned number = 0;
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    *target = (load_target_t){0};
    if (!load_number_parse(port, 1, 65535, &number)) {
        return false;
    }
    if (inet_pton(AF_INET, address, &ipv4.sin_addr) == 1) {
        ipv4.sin_port = htons((uint16_t)number);
        memcpy(&target->address, &ipv4, sizeof(ipv4));
        target->address_size = sizeof(ipv4);
    } else if (inet_pton(AF_INET6, address, &ipv6.sin6_addr) == 1) {
        ipv6.sin6_port = htons((uint16_t)number);
        memcpy(&target->address, &ipv6, sizeof(ipv6));
        target->address_size = sizeof(ipv6);
    } else {
        fprintf(stderr, "%s: not an address\n", address);
        return false;
    }
    return true;
}

double load_now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void load_result_count(load_result_t *result, const uint8_t *message, size_t size)
{
    result->answers++;
    result->bytes += size;
    result->rcodes[message[3] & 15]++;
}

void load_result_print(const load_result_t *result)
{
    printf("{\"answers\": %llu, \"lost\": %llu, \"bad\": %llu, \"bytes\": %llu, \"seconds\": %.6f, \"rcodes\": {",
           (unsigned long long)result->answers, (unsigned long long)result->lost, (unsigned long long)result->bad,
           (unsigned long long)result->bytes, result->seconds);
    const char *separator = "";
    for (unsigned i = 0; i < 16; i++) {
        if (result->rcodes[i] > 0) {
            printf("%s\"%u\": %llu", separator, i, (unsigned long long)result->rcodes[i]);
            separator = ", ";
        }
    }
    printf("}}\n");
}
