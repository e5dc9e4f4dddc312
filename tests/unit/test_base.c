/* The base layer: arena, buffer, bytes, diagnostics, log, SipHash, status. */
#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/diagnostic.h"
#include "base/log.h"
#include "base/require.h"
#include "base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- arena ---- */

static void arenas_hand_out_separate_memory(void **state)
{
    (void)state;
    arena_t arena;
    unsigned char *blocks[200];
    arena_init(&arena, 256, 1 << 20);
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
        blocks[i] = arena_alloc(&arena, i * 3);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)i, i * 3);
    }
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
        for (size_t j = 0; j < i * 3; j++) {
            assert_int_equal(blocks[i][j], i);
        }
    }
    assert_string_equal(arena_strndup(&arena, "abcdef", 3), "abc");
    arena_clear(&arena);
    assert_int_equal(arena.total, 0);
}

static void arenas_keep_their_maximum(void **state)
{
    (void)state;
    arena_t arena;
    arena_init(&arena, 100, 1000);
    size_t got = 0;
    while (arena_alloc(&arena, 16)) {
        got += 16;
        assert_true(arena.total <= 1000);
    }
    assert_in_range(got, 800, 1000);
    assert_null(arena_alloc(&arena, 1001));
    arena_clear(&arena);
    assert_non_null(arena_alloc(&arena, 900)); /* more than a chunk, less than the maximum */
    arena_clear(&arena);

    arena_init(&arena, 0, SIZE_MAX);
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 8));
    assert_null(arena_strndup(&arena, "", SIZE_MAX));
    arena_clear(&arena);
}

static void warm_arenas_do_not_allocate(void **state)
{
    (void)state;
    arena_t arena;
    arena_init(&arena, 1024, 1 << 20);
    void *first = arena_alloc(&arena, 100);
    assert_non_null(first);
    arena_reset(&arena);
    assert_ptr_equal(arena_alloc(&arena, 100), first);
    for (int i = 0; i < 100; i++) {
        assert_non_null(arena_alloc(&arena, 100));
    }
    arena_reset(&arena);
    assert_int_equal(arena.total, 1024);
    assert_int_equal(arena.used, 0);
    arena_clear(&arena);
}

/* ---- buffer ---- */

static void buffers_grow_to_their_maximum(void **state)
{
    (void)state;
    buffer_t buffer;
    buffer_init(&buffer, 100);
    assert_string_equal(buffer_text(&buffer), "");
    buffer_append_text(&buffer, "one");
    buffer_printf(&buffer, " %d %s", 2, "three");
    buffer_append_byte(&buffer, '!');
    assert_string_equal(buffer_text(&buffer), "one 2 three!");
    assert_int_equal(buffer.size, 12);
    for (int i = 0; i < 30; i++) {
        buffer_append_text(&buffer, "0123456789");
        assert_true(buffer.size <= buffer.capacity && buffer.capacity <= 100);
    }
    assert_int_equal(buffer.status, STATUS_NO_SPACE);
    assert_int_equal(buffer.size, 92);
    buffer_append_byte(&buffer, 'x'); /* it would fit, but the error stays */
    assert_int_equal(buffer.size, 92);
    assert_string_equal(buffer_text(&buffer), "");
    buffer_reset(&buffer);
    assert_int_equal(buffer.status, STATUS_OK);
    buffer_append(&buffer, "\0\1", 2);
    assert_memory_equal(buffer.data, "\0\1", 2);
    assert_null(buffer_reserve(&buffer, SIZE_MAX));
    assert_int_equal(buffer.status, STATUS_NO_SPACE);
    buffer_clear(&buffer);
    assert_null(buffer.data);
}

/* ---- bytes ---- */

static void bytes_are_in_network_order(void **state)
{
    (void)state;
    uint8_t data[15];
    byte_writer_t writer = byte_writer(data, sizeof data);
    byte_write_u8(&writer, 0x01);
    byte_write_u16(&writer, 0x0203);
    byte_write_u32(&writer, 0x04050607);
    byte_write_u48(&writer, UINT64_C(0x08090a0b0c0d));
    byte_write(&writer, "\16\17", 2);
    assert_false(writer.failed);
    assert_int_equal(byte_writer_left(&writer), 0);
    for (uint8_t i = 0; i < sizeof data; i++) {
        assert_int_equal(data[i], i + 1);
    }
    byte_reader_t reader = byte_reader(data, sizeof data);
    assert_int_equal(byte_read_u8(&reader), 0x01);
    assert_int_equal(byte_read_u16(&reader), 0x0203);
    assert_int_equal(byte_read_u32(&reader), 0x04050607);
    assert_true(byte_read_u48(&reader) == UINT64_C(0x08090a0b0c0d));
    assert_memory_equal(byte_read(&reader, 2), "\16\17", 2);
    assert_int_equal(byte_reader_left(&reader), 0);
    assert_false(reader.failed);
}

static void errors_of_bytes_stick(void **state)
{
    (void)state;
    uint8_t data[3] = {1, 2, 3};
    byte_reader_t reader = byte_reader(data, sizeof data);
    assert_int_equal(byte_read_u32(&reader), 0);
    assert_true(reader.failed);
    assert_int_equal(byte_read_u8(&reader), 0);
    assert_null(byte_read(&reader, 0));
    assert_int_equal(reader.position, 0);

    byte_writer_t writer = byte_writer(data, sizeof data);
    byte_write_u16(&writer, 0);
    byte_write_u16(&writer, 0xffff);
    byte_write_u8(&writer, 0xff);
    assert_true(writer.failed);
    assert_int_equal(writer.position, 2);
    assert_int_equal(data[2], 3);
    assert_null(byte_reserve(&writer, SIZE_MAX));
}

/* ---- diagnostics ---- */

static void diagnostics_point_at_the_place(void **state)
{
    (void)state;
    diagnostics_t list;
    buffer_t out;
    const char source[] = "a\tIN \xc3\xa4 1.2.3 ; rest of the file";
    char file[] = "zone";
    diagnostics_init(&list, 3);
    buffer_init(&out, 4096);
    diagnostic_place_t place = {.file = file, .line = 7, .column = 9, .length = 5, .source = source, .source_length = 13};
    diagnostics_add(&list, DIAGNOSTIC_ERROR, "bad", &place, "an address has four parts", "%s expected", "IPv4 address");
    memset(file, 'x', 4); /* texts are copied */
    diagnostics_add(&list, DIAGNOSTIC_WARNING, "odd", &(diagnostic_place_t){.file = "zone", .line = 8}, NULL, "no place in the line");
    diagnostics_add(&list, DIAGNOSTIC_ERROR, "all", &(diagnostic_place_t){.file = NULL}, NULL, "no file");
    diagnostics_add(&list, DIAGNOSTIC_ERROR, "all", &(diagnostic_place_t){.file = NULL}, NULL, "one too many");
    diagnostics_print(&list, &out);
    assert_string_equal(buffer_text(&out), "zone:7:9: error: IPv4 address expected\n"
                                           "    a\tIN \xc3\xa4 1.2.3\n"
                                           "     \t     ^~~~~\n"
                                           "  hint: an address has four parts\n"
                                           "zone:8: warning: no place in the line\n"
                                           "(input): error: no file\n"
                                           "(1 more not shown)\n");
    assert_int_equal(list.errors, 3);
    assert_int_equal(list.warnings, 1);
    assert_int_equal(list.kept, 3);
    diagnostics_clear(&list);
    assert_int_equal(list.errors + list.kept, 0);
    buffer_clear(&out);
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
    (void)state;
    diagnostics_t list;
    buffer_t out;
    diagnostics_init(&list, 0);
    buffer_init(&out, 4096);
    diagnostic_place_t place = {.file = "f", .line = 1, .column = 1, .source = "\033[31m\177", .source_length = 6};
    diagnostics_add(&list, DIAGNOSTIC_ERROR, "bad", &place, NULL, "x");
    diagnostics_print(&list, &out);
    assert_string_equal(buffer_text(&out), "f:1:1: error: x\n    ?[31m?\n    ^\n");
    diagnostics_clear(&list);
    buffer_reset(&out);
    /* C1 in UTF-8 and as a byte, an overlong escape, the beginning of a character; and a caret in the right place */
    static const char hostile[] = "\303\244\302\233\233\340\200\233\303b";
    place = (diagnostic_place_t){.file = "\033c", .line = 1, .column = 9, .length = 2, .source = hostile, .source_length = 10};
    diagnostics_add(&list, DIAGNOSTIC_WARNING, "bad", &place, "try \033]0;x\007", "got \"\033[31m\302\233\303\244\n\"");
    diagnostics_print(&list, &out);
    assert_string_equal(buffer_text(&out), "?c:1:9: warning: got \"?[31m??\303\244?\"\n"
                                           "    \303\244???????b\n"
                                           "           ^~\n"
                                           "  hint: try ?]0;x?\n");
    diagnostics_clear(&list);
    buffer_clear(&out);
}

static void suggestions_are_close(void **state)
{
    (void)state;
    static const char *const words[] = {"listen", "zones", "user", "log", NULL};
    assert_string_equal(diagnostics_suggest("lisen", 5, words), "listen");
    assert_string_equal(diagnostics_suggest("zone", 4, words), "zones");
    assert_string_equal(diagnostics_suggest("lgo-and-more", 3, words) ? "some" : "none", "none"); /* two slips in three letters */
    assert_null(diagnostics_suggest("completely", 10, words));
    assert_null(diagnostics_suggest("", 0, words));
    char longest[200];
    memset(longest, 'a', sizeof longest);
    assert_null(diagnostics_suggest(longest, sizeof longest, words));
}

/* ---- log ---- */

static size_t read_line(int fd, char *line, size_t size)
{
    ssize_t got = read(fd, line, size - 1);
    line[got > 0 ? got : 0] = 0;
    return got > 0 ? (size_t)got : 0;
}

static void log_lines_cannot_be_forged(void **state)
{
    (void)state;
    int ends[2];
    char line[8192];
    log_t log;
    assert_int_equal(pipe(ends), 0);
    log_init(&log, ends[1], LOG_INFO);
    log.no_time = true;
    log_event(&log, LOG_INFO, "zone.loaded", LOG_TEXT("zone", "example.com"), LOG_NUMBER("serial", 4294967295u), LOG_NUMBER("delta", -1));
    read_line(ends[0], line, sizeof line);
    assert_string_equal(line, "info zone.loaded zone=example.com serial=4294967295 delta=-1\n");
    log_event(&log, LOG_ERROR, "x", LOG_TEXT("a", "two words"), LOG_TEXT("b", "q\"=\\\n\x7f"), LOG_TEXT("c", ""), LOG_TEXT("d", NULL));
    read_line(ends[0], line, sizeof line);
    assert_string_equal(line, "error x a=\"two words\" b=\"q\\\"=\\\\\\x0a\\x7f\" c=\"\" d=\"\"\n");

    /* What a terminal takes for the beginning of an escape sequence: C1, raw and as UTF-8, and text that is not UTF-8. */
    log_event(&log, LOG_ERROR, "x", LOG_TEXT("a", "z\xc3\xbcrich"),
              LOG_TEXT("b", "\xc2\x9b"
                            "2J"),
              LOG_TEXT("c", "\x9b"
                            "2J\xc3"));
    read_line(ends[0], line, sizeof line);
    assert_string_equal(line, "error x a=z\xc3\xbcrich b=\"\\xc2\\x9b2J\" c=\"\\x9b2J\\xc3\"\n");

    char longest[6000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    log_event(&log, LOG_ERROR, "x", LOG_TEXT("a", longest), LOG_TEXT("b", longest));
    size_t length = read_line(ends[0], line, sizeof line);
    assert_true(length <= 4096);
    assert_string_equal(line + length - 5, "a...\n");
    assert_ptr_equal(strchr(line, '\n'), line + length - 1);

    log.no_time = false;
    log_event(&log, LOG_NOTICE, "x", LOG_NUMBER("a", 1));
    read_line(ends[0], line, sizeof line);
    assert_int_equal(line[4], '-');
    assert_int_equal(line[10], 'T');
    assert_string_equal(line + 26, "Z notice x a=1\n");
    close(ends[0]);
    close(ends[1]);
}

static unsigned evaluated(unsigned *count)
{
    return ++*count;
}

static void low_levels_cost_nothing(void **state)
{
    (void)state;
    unsigned count = 0;
    log_t log;
    log_init(&log, -1, LOG_WARNING);
    log_event(&log, LOG_NOTICE, "x", LOG_NUMBER("a", evaluated(&count)));
    log_event(NULL, LOG_ERROR, "x", LOG_NUMBER("a", evaluated(&count)));
    assert_int_equal(count, 0);
    log_event(&log, LOG_WARNING, "x", LOG_NUMBER("a", evaluated(&count))); /* a closed log does not stop anything */
    assert_int_equal(count, 1);
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        log_level_t again;
        assert_int_equal(log_level_from_text(log_level_text((log_level_t)level), &again), STATUS_OK);
        assert_int_equal(again, level);
    }
    log_level_t none;
    assert_int_equal(log_level_from_text("Error", &none), STATUS_NOT_FOUND);
}

/* ---- the rest ---- */

/* Aumasson and Bernstein 2012, appendix A (15 bytes); the others as OpenSSL computes them. */
static void siphash_vectors(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        uint64_t hash;
    } cases[] = {
        {0, UINT64_C(0x726fdb47dd0e0e31)},  {1, UINT64_C(0x74f839c593dc67fd)}, {7, UINT64_C(0xab0200f58b01d137)},
        {8, UINT64_C(0x93f5f5799a932462)},  {9, UINT64_C(0x9e0082df0ba9e4b0)}, {15, UINT64_C(0xa129ca6149be45e5)},
        {16, UINT64_C(0x3f2acc7f57c29bdb)},
    };
    const siphash_key_t key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t *exact = malloc(cases[i].size > 0 ? cases[i].size : 1);
        assert_non_null(exact);
        for (size_t j = 0; j < cases[i].size; j++) {
            exact[j] = (uint8_t)j;
        }
        assert_true(siphash(&key, exact, cases[i].size) == cases[i].hash);
        free(exact);
    }
}

static void every_status_has_a_sentence(void **state)
{
    (void)state;
    for (int a = STATUS_OK; a <= STATUS_CORRUPT; a++) {
        assert_string_not_equal(status_text((status_t)a), "unknown status");
        for (int b = STATUS_OK; b < a; b++) {
            assert_string_not_equal(status_text((status_t)a), status_text((status_t)b));
        }
    }
    assert_string_equal(status_text((status_t)9999), "unknown status");
}

static void checks_report_once_and_requirements_abort(void **state)
{
    (void)state;
    int ends[2];
    char text[1024];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        unsigned good = 0;
        for (int i = 0; i < 3; i++) {
            good += CHECK(i == 0);
        }
        REQUIRE(good == 99);
        _exit(0);
    }
    close(ends[1]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    size_t length = read_line(ends[0], text, sizeof text);
    assert_true(length > 0);
    const char *check = strstr(text, "unexpected: not (i == 0)");
    assert_non_null(check);
    assert_null(strstr(check + 1, "unexpected"));
    assert_non_null(strstr(text, "contract broken: good == 99"));
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arenas_hand_out_separate_memory), cmocka_unit_test(arenas_keep_their_maximum),
        cmocka_unit_test(warm_arenas_do_not_allocate),     cmocka_unit_test(buffers_grow_to_their_maximum),
        cmocka_unit_test(bytes_are_in_network_order),      cmocka_unit_test(errors_of_bytes_stick),
        cmocka_unit_test(diagnostics_point_at_the_place),  cmocka_unit_test(control_characters_do_not_reach_the_terminal),
        cmocka_unit_test(suggestions_are_close),           cmocka_unit_test(log_lines_cannot_be_forged),
        cmocka_unit_test(low_levels_cost_nothing),         cmocka_unit_test(siphash_vectors),
        cmocka_unit_test(every_status_has_a_sentence),     cmocka_unit_test(checks_report_once_and_requirements_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
