/* Every allocation of the builder fails once: no leak, no crash, STATUS_NO_MEMORY. Linked with --wrap for the functions below. */
#include "wire/rrtype.h"
#include "zone/builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* Allocations until one fails; negative: none does. The wrappers have no other way to learn it. */
static long left = -1;
static long taken;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__real_mremap(void *old, size_t old_size, size_t size, int flags, ...);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mremap(void *old, size_t old_size, size_t size, int flags, ...);

static bool fails(void)
{
    taken++;
    return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    return fails() ? MAP_FAILED : __real_mmap(at, size, protection, flags, fd, offset);
}

void *__wrap_mremap(void *old, size_t old_size, size_t size, int flags, ...)
{
    return fails() ? MAP_FAILED : __real_mremap(old, old_size, size, flags);
}

/* Large enough for mappings that grow and an image of its own. */
enum { NAMES = 50000 };

static status_t build(const zone_contents_t **contents)
{
    static const uint8_t apex[] = "\7example";
    zone_builder_t *builder = zone_builder_new(apex, CLASS_IN);
    if (!builder) {
        return STATUS_NO_MEMORY;
    }
    uint8_t rdata[40] = {0};
    status_t status = zone_builder_add(builder, apex, TYPE_SOA, CLASS_IN, 300, rdata, 22, NULL);
    for (unsigned i = 0; status == STATUS_OK && i < NAMES; i++) {
        uint8_t owner[32];
        unsigned number = i * 7919 % NAMES;
        int length = snprintf((char *)owner + 1, 16, "%u", number);
        owner[0] = (uint8_t)length;
        memcpy(owner + 1 + length, apex, sizeof apex);
        status = zone_builder_add(builder, owner, i % 3 == 0 ? TYPE_SRV : TYPE_TXT, CLASS_IN, 300, rdata, 7, NULL);
        if (status == STATUS_OK && i % 50 == 0) {
            memcpy(rdata, "\1\0\0\0\0\24", 6);
            status = zone_builder_add(builder, owner, TYPE_NSEC3, CLASS_IN, 300, rdata, 28, NULL);
            memset(rdata, 0, sizeof rdata);
        }
    }
    if (status == STATUS_OK) {
        status = zone_builder_finish(builder, NULL, contents);
    } else if (zone_builder_finish(builder, NULL, contents) != status) { /* what was collected is not whole */
        status = STATUS_CORRUPT;
    }
    zone_builder_free(builder);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    const zone_contents_t *contents = NULL;
    taken = 0;
    assert_int_equal(build(&contents), STATUS_OK);
    long needed = taken;
    zone_contents_unref(contents);
    assert_true(needed > 20);
    for (long i = 0; i < needed; i++) {
        contents = NULL;
        left = i;
        status_t status = build(&contents);
        left = -1;
        assert_int_equal(status, STATUS_NO_MEMORY);
        assert_null(contents);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
