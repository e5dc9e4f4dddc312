/* The cache file: what a restart finds, and everything that may be wrong with a file. */
#include "../lib/random.h"
#include "base/require.h"
#include "server/cache_store.h"
#include "server/server_cache.h"
#include "wire/edns.h"
#include "wire/rrtype.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOW = 1700000000, BUDGET = 2 << 20, PAGE = 4096, NAMES = 100, LOG_MAX = 65536 };

typedef struct fixture {
    char directory[64];
    char path[96];
    char log_path[96];
    log_t log;
    recursion_settings_t settings;
    trust_anchors_t anchors;
    arena_t arena;
} fixture_t;

static int begin(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    assert_non_null(f);
    (void)snprintf(f->directory, sizeof f->directory, "/tmp/portolan-cache-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    (void)snprintf(f->path, sizeof f->path, "%s/cache", f->directory);
    (void)snprintf(f->log_path, sizeof f->log_path, "%s/log", f->directory);
    int descriptor = open(f->log_path, O_RDWR | O_CREAT | O_APPEND, 0600);
    assert_true(descriptor >= 0);
    log_init(&f->log, descriptor, LOG_INFO);
    trust_anchors_init(&f->anchors);
    assert_int_equal(trust_anchors_add_root(&f->anchors), STATUS_OK);
    resolver_settings_default(&f->settings.resolver);
    f->settings.anchors = &f->anchors;
    f->settings.cache_bytes = BUDGET;
    f->settings.cache_file = f->path;
    arena_init(&f->arena, 0, 1 << 20);
    *state = f;
    return 0;
}

static int end(void **state)
{
    fixture_t *f = *state;
    close(f->log.fd);
    (void)unlink(f->path);
    (void)unlink(f->log_path);
    (void)rmdir(f->directory);
    trust_anchors_clear(&f->anchors);
    arena_clear(&f->arena);
    free(f);
    return 0;
}

static server_cache_t *open_cache(fixture_t *f)
{
    server_cache_t *cache = NULL;
    assert_int_equal(server_cache_new(&cache, &f->settings, &f->log), STATUS_OK);
    return cache;
}

static void assert_logged(fixture_t *f, const char *what)
{
    char text[LOG_MAX];
    ssize_t size = pread(f->log.fd, text, sizeof text - 1, 0);
    assert_true(size >= 0);
    text[size] = 0;
    if (!strstr(text, what)) {
        fail_msg("\"%s\" is not in the log:\n%s", what, text);
    }
    assert_int_equal(ftruncate(f->log.fd, 0), 0);
}

static name_key_t name_of(unsigned number)
{
    char text[64];
    name_t name;
    name_key_t key;
    (void)snprintf(text, sizeof text, "host%u.example.com", number);
    static const uint8_t root[1 + NAME_PADDING] = {0};
    assert_int_equal(name_from_text(&name, text, strlen(text), root, NULL), STATUS_OK);
    name_key_init(&key, name.wire, name.length);
    return key;
}

static store_security_t security_of(unsigned number)
{
    return (store_security_t)(number % 4);
}

static void fill(fixture_t *f, server_cache_t *cache)
{
    store_t *store = cache_store_new(server_cache_content(cache), &f->settings.resolver);
    for (unsigned i = 0; i < NAMES; i++) {
        name_key_t name = name_of(i);
        const uint8_t address[4] = {192, 0, 2, (uint8_t)i};
        rrset_t rrset;
        arena_reset(&f->arena);
        assert_int_equal(rrset_make(&rrset, &f->arena, name.wire, TYPE_A, 600, address, sizeof address), STATUS_OK);
        store_entry_t entry = {.kind = STORE_RRSET,
                               .rank = STORE_RANK_AUTHORITATIVE,
                               .security = security_of(i),
                               .type = TYPE_A,
                               .extended_error = EDE_NONE,
                               .ttl_s = 600,
                               .rrset_count = 1,
                               .zone = name.wire + name.offset[2],
                               .rrsets = &rrset};
        store->operations->put(store, &name, &entry, NOW);
    }
    cache_store_free(store);
}

/* How many of the names are there; whatever is there is as it was put. */
static unsigned count_found(fixture_t *f, server_cache_t *cache)
{
    store_t *store = cache_store_new(server_cache_content(cache), &f->settings.resolver);
    unsigned found = 0;
    for (unsigned i = 0; i < NAMES; i++) {
        name_key_t name = name_of(i);
        store_question_t question = {.name = &name, .type = TYPE_A, .now_s = NOW + 100};
        store_entry_t entry;
        arena_reset(&f->arena);
        if (store->operations->find(store, &question, &f->arena, &entry)) {
            assert_int_equal(entry.kind, STORE_RRSET);
            assert_int_equal(entry.security, security_of(i));
            assert_int_equal(entry.ttl_s, 500);
            assert_int_equal(entry.rrsets[0].data_size, 6);
            assert_int_equal(entry.rrsets[0].data[5], i);
            found++;
        }
    }
    cache_store_free(store);
    return found;
}

/* ---- cases ---- */

static void in_memory(void **state)
{
    fixture_t *f = *state;
    f->settings.cache_file = NULL;
    server_cache_t *cache = open_cache(f);
    fill(f, cache);
    assert_int_equal(count_found(f, cache), NAMES);
    server_cache_free(cache);
    assert_int_equal(access(f->path, F_OK), -1);
}

static void outlives_a_restart(void **state)
{
    fixture_t *f = *state;
    struct stat there;
    server_cache_t *cache = open_cache(f);
    assert_logged(f, "cache.empty");
    fill(f, cache);
    server_cache_free(cache);
    assert_int_equal(stat(f->path, &there), 0);
    assert_int_equal(there.st_mode & 0777, 0600);
    assert_int_equal(there.st_size, BUDGET + PAGE);
    assert_true(there.st_blocks * 512 >= BUDGET); /* every block is there */
    cache = open_cache(f);
    assert_logged(f, "entries=100");
    assert_int_equal(count_found(f, cache), NAMES);
    server_cache_free(cache);
}

static void is_private(void **state)
{
    fixture_t *f = *state;
    struct stat there;
    server_cache_free(open_cache(f));
    assert_int_equal(chmod(f->path, 0664), 0);
    server_cache_free(open_cache(f));
    assert_int_equal(stat(f->path, &there), 0);
    assert_int_equal(there.st_mode & 0777, 0600);
}

static void is_emptied_under_other_settings(void **state)
{
    fixture_t *f = *state;
    server_cache_t *cache = open_cache(f);
    fill(f, cache);
    server_cache_free(cache);
    negative_anchor_t negative = {.until_s = 0};
    negative.name.length = 1;
    f->settings.negative = &negative;
    f->settings.negative_count = 1;
    cache = open_cache(f);
    assert_logged(f, "cache.flushed");
    assert_int_equal(count_found(f, cache), 0);
    fill(f, cache);
    server_cache_follow(cache, &f->settings);
    assert_int_equal(count_found(f, cache), NAMES);
    f->settings.negative_count = 0;
    server_cache_follow(cache, &f->settings);
    assert_logged(f, "cache.flushed");
    assert_int_equal(count_found(f, cache), 0);
    fill(f, cache);
    server_cache_free(cache);
    cache = open_cache(f);
    assert_logged(f, "cache.restored");
    assert_int_equal(count_found(f, cache), NAMES);
    server_cache_free(cache);
}

static void is_emptied_with_another_size(void **state)
{
    fixture_t *f = *state;
    server_cache_t *cache = open_cache(f);
    fill(f, cache);
    server_cache_free(cache);
    f->settings.cache_bytes = 2 * BUDGET;
    cache = open_cache(f);
    assert_logged(f, "it had another size");
    assert_int_equal(count_found(f, cache), 0);
    fill(f, cache);
    server_cache_free(cache);
    f->settings.cache_bytes = BUDGET;
    cache = open_cache(f);
    assert_logged(f, "it had another size");
    fill(f, cache);
    assert_int_equal(count_found(f, cache), NAMES);
    server_cache_free(cache);
}

static void is_locked(void **state)
{
    fixture_t *f = *state;
    server_cache_t *first = open_cache(f);
    fill(f, first);
    server_cache_t *second = open_cache(f);
    assert_logged(f, "another process uses it");
    assert_int_equal(count_found(f, second), 0);
    fill(f, second); /* from memory it works as well */
    assert_int_equal(count_found(f, second), NAMES);
    server_cache_free(second);
    assert_int_equal(count_found(f, first), NAMES);
    server_cache_free(first);
    second = open_cache(f);
    assert_logged(f, "cache.restored");
    server_cache_free(second);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void other_files_are_left_alone(void **state)
{
    fixture_t *f = *state;
    struct stat there;
    write_file(f->path, "$ORIGIN example.com.\n");
    server_cache_t *cache = open_cache(f);
    assert_logged(f, "it holds something else than a cache");
    fill(f, cache);
    assert_int_equal(count_found(f, cache), NAMES);
    server_cache_free(cache);
    assert_int_equal(stat(f->path, &there), 0);
    assert_int_equal(there.st_size, strlen("$ORIGIN example.com.\n"));
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(symlink("/etc/passwd", f->path), 0);
    server_cache_free(open_cache(f));
    assert_logged(f, "symbolic link");
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(mkfifo(f->path, 0600), 0);
    server_cache_free(open_cache(f));
    assert_logged(f, "not an ordinary file");
    f->settings.cache_file = "/nowhere/at/all";
    server_cache_free(open_cache(f));
    assert_logged(f, "it cannot be opened");
}

/* Bytes turned at random, in the whole file or in its records: entries may be missing, none is wrong, and the cache goes on. */
static void damage_is_survived(void **state)
{
    fixture_t *f = *state;
    uint64_t random = 7;
    for (unsigned round = 0; round < 60; round++) {
        server_cache_t *cache = open_cache(f);
        fill(f, cache);
        server_cache_free(cache);
        int descriptor = open(f->path, O_RDWR);
        assert_true(descriptor >= 0);
        for (unsigned i = 0; i < 20u << round % 8; i++) {
            uint8_t byte = (uint8_t)random_next(&random);
            off_t at = (off_t)random_below(&random, round % 2 ? BUDGET + PAGE : BUDGET / 4) + (round % 2 ? 0 : 4096);
            assert_int_equal(pwrite(descriptor, &byte, 1, at), 1);
        }
        close(descriptor);
        cache = open_cache(f);
        (void)count_found(f, cache);
        fill(f, cache);
        assert_int_equal(count_found(f, cache), NAMES);
        (void)cache_flush_all(server_cache_content(cache));
        assert_int_equal(count_found(f, cache), 0);
        server_cache_free(cache);
    }
}

static void a_file_cut_short(void **state)
{
    fixture_t *f = *state;
    const off_t sizes[] = {0, 7, 8, 100, PAGE, BUDGET / 2, BUDGET, BUDGET + PAGE - 1};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        server_cache_t *cache = open_cache(f);
        fill(f, cache);
        server_cache_free(cache);
        assert_int_equal(truncate(f->path, sizes[i]), 0);
        cache = open_cache(f);
        fill(f, cache);
        assert_int_equal(count_found(f, cache), NAMES);
        server_cache_free(cache);
        (void)unlink(f->path);
    }
}

static bool write_map(const char *path, const char *text)
{
    int descriptor = open(path, O_WRONLY);
    bool is_written = descriptor >= 0 && write(descriptor, text, strlen(text)) == (ssize_t)strlen(text);
    if (descriptor >= 0) {
        close(descriptor);
    }
    return is_written;
}

/* Mounts that nobody else sees; for who is not root, as the root of a user namespace. */
static bool own_mounts(void)
{
    char users[32];
    char groups[32];
    (void)snprintf(users, sizeof users, "0 %u 1", (unsigned)getuid());
    (void)snprintf(groups, sizeof groups, "0 %u 1", (unsigned)getgid());
    if (unshare(CLONE_NEWNS) != 0 && (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 || !write_map("/proc/self/setgroups", "deny") ||
                                      !write_map("/proc/self/uid_map", users) || !write_map("/proc/self/gid_map", groups))) {
        return false;
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* In a file system of 1 MiB of its own. 0: as it should be; 77: the system does not let us make one. */
static int on_a_full_disk(fixture_t *f)
{
    if (!own_mounts() || mount("none", f->directory, "tmpfs", 0, "size=1m") != 0) {
        return 77;
    }
    server_cache_t *cache = NULL;
    struct stat there;
    if (server_cache_new(&cache, &f->settings, &f->log) != STATUS_OK) {
        return 1;
    }
    fill(f, cache); /* every page of a mapping without blocks would be a SIGBUS */
    if (count_found(f, cache) != NAMES) {
        return 2;
    }
    server_cache_free(cache);
    return stat(f->path, &there) == 0 && there.st_size == 0 ? 0 : 3;
}

static void a_full_disk(void **state)
{
    fixture_t *f = *state;
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(on_a_full_disk(f));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_logged(f, "there is no room");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_memory, begin, end),
        cmocka_unit_test_setup_teardown(outlives_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(is_private, begin, end),
        cmocka_unit_test_setup_teardown(is_emptied_under_other_settings, begin, end),
        cmocka_unit_test_setup_teardown(is_emptied_with_another_size, begin, end),
        cmocka_unit_test_setup_teardown(is_locked, begin, end),
        cmocka_unit_test_setup_teardown(other_files_are_left_alone, begin, end),
        cmocka_unit_test_setup_teardown(damage_is_survived, begin, end),
        cmocka_unit_test_setup_teardown(a_file_cut_short, begin, end),
        cmocka_unit_test_setup_teardown(a_full_disk, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
