#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/format.h"
#include "zone/parser.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t example[32] = "\7example\3com";

typedef struct run {
    status_t status;
    buffer_t records; /* "owner ttl class type rdata", a line each */
    buffer_t messages;
    size_t errors;
    size_t warnings;
    size_t count;
    uint32_t last_line; /* of the last record */
    uint32_t last_column;
} run_t;

static status_t take(void *context, const zone_record_t *record)
{
    run_t *run = context;
    static uint8_t rdata[RDATA_MAX];
    memcpy(rdata, record->rdata, record->rdlength);
    assert_int_equal(rdata_check(record->type, record->rrclass, record->rdata, record->rdlength), STATUS_OK);
    zone_format_record(&run->records, record->owner, record->type, record->rrclass, record->ttl_s, rdata, record->rdlength);
    run->count++;
    run->last_line = record->place->line;
    run->last_column = record->place->column;
    return STATUS_OK;
}

static void run_clear(run_t *run)
{
    buffer_clear(&run->records);
    buffer_clear(&run->messages);
}

static void parse_one_way(run_t *run, const char *text, size_t length, const char *file, bool general_path_only)
{
    *run = (run_t){0};
    buffer_init(&run->records, SIZE_MAX);
    buffer_init(&run->messages, SIZE_MAX);
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 0);
    zone_parser_settings_t settings = {
        .origin = example,
        .rrclass = CLASS_IN,
        .file = file ? file : "test.zone",
        .diagnostics = &diagnostics,
        .allow_include = file != NULL,
        .generate_max = 100000,
        .general_path_only = general_path_only,
        .record = take,
        .context = run,
    };
    run->status = text ? zone_parse_text(&settings, text, length) : zone_parse_file(&settings);
    diagnostics_print(&diagnostics, &run->messages);
    run->errors = diagnostics.errors;
    run->warnings = diagnostics.warnings;
    diagnostics_clear(&diagnostics);
}

/* Every text is parsed both ways, and both must agree in everything. */
static void parse_bytes(run_t *run, const char *text, size_t length, const char *file)
{
    run_t general;
    parse_one_way(run, text, length, file, false);
    parse_one_way(&general, text, length, file, true);
    assert_string_equal(buffer_text(&run->records), buffer_text(&general.records));
    assert_string_equal(buffer_text(&run->messages), buffer_text(&general.messages));
    assert_int_equal(run->status, general.status);
    assert_int_equal(run->last_line, general.last_line);
    assert_int_equal(run->last_column, general.last_column);
    run_clear(&general);
}

static void expect_records(const char *text, const char *records)
{
    run_t run;
    parse_bytes(&run, text, strlen(text), NULL);
    assert_string_equal(buffer_text(&run.messages), "");
    assert_string_equal(buffer_text(&run.records), records);
    assert_int_equal(run.status, STATUS_OK);
    run_clear(&run);
}

/* One warning, and no error. */
static void expect_warning(const char *text, const char *records)
{
    run_t run;
    parse_bytes(&run, text, strlen(text), NULL);
    assert_string_equal(buffer_text(&run.records), records);
    assert_int_equal(run.status, STATUS_OK);
    assert_int_equal(run.warnings, 1);
    run_clear(&run);
}

static void expect_errors(const char *text, const char *records, const char *messages)
{
    run_t run;
    parse_bytes(&run, text, strlen(text), NULL);
    assert_string_equal(buffer_text(&run.messages), messages);
    assert_string_equal(buffer_text(&run.records), records);
    assert_int_equal(run.status, STATUS_MALFORMED);
    run_clear(&run);
}

/* ---- what is right ---- */

static void test_fields_in_any_order(void **state)
{
    (void)state;
    const char *expected = "www.example.com.\t300\tIN\tA\t192.0.2.1\n";
    expect_records("www 300 IN A 192.0.2.1\n", expected);
    expect_records("www IN 300 A 192.0.2.1\n", expected);
    expect_records("www\t300\tA\t192.0.2.1", expected);
    expect_records("$TTL 300\nwww A 192.0.2.1\n", expected);
    expect_records("$TTL 300\nwww IN A 192.0.2.1\n", expected);
    expect_records("WWW.Example.COM. 5m in a 192.0.2.1 ; comment\r\n", "WWW.Example.COM.\t300\tIN\tA\t192.0.2.1\n");
    expect_records("www 300 CLASS1 TYPE1 \\# 4 c0000201\n", expected);
    expect_records("\xef\xbb\xbf\n  ; only a comment\n\t\nwww (300\n IN) A (192.0.2.1)", expected);
}

static void test_owners(void **state)
{
    (void)state;
    expect_records("$TTL 1\n@ A 192.0.2.1\n  A 192.0.2.2\na A 192.0.2.3\n\tAAAA ::1\n",
                   "example.com.\t1\tIN\tA\t192.0.2.1\nexample.com.\t1\tIN\tA\t192.0.2.2\n"
                   "a.example.com.\t1\tIN\tA\t192.0.2.3\na.example.com.\t1\tIN\tAAAA\t::1\n");
    expect_records("$TTL 1\n. NS a.\n\\@ NS .\n\\$x NS \\097\n* NS a\\.b\n", ".\t1\tIN\tNS\ta.\n\\@.example.com.\t1\tIN\tNS\t.\n"
                                                                             "\\$x.example.com.\t1\tIN\tNS\ta.example.com.\n"
                                                                             "*.example.com.\t1\tIN\tNS\ta\\.b.example.com.\n");
    expect_records("$TTL 1\n$ORIGIN sub\na A 192.0.2.1\n$ORIGIN .\na A 192.0.2.2\n$origin b.\na A 192.0.2.3\n",
                   "a.sub.example.com.\t1\tIN\tA\t192.0.2.1\na.\t1\tIN\tA\t192.0.2.2\na.b.\t1\tIN\tA\t192.0.2.3\n");
    expect_records("\"a\" 1 A 192.0.2.1\n", "a.example.com.\t1\tIN\tA\t192.0.2.1\n");
    expect_records("m\xc3\xbcller 1 A 192.0.2.1\n", "m\\195\\188ller.example.com.\t1\tIN\tA\t192.0.2.1\n");
    /* names that are also types or classes */
    expect_records("a 1 IN A 192.0.2.1\nin 1 A 192.0.2.2\nMX 1 MX 0 ns\n", "a.example.com.\t1\tIN\tA\t192.0.2.1\n"
                                                                           "in.example.com.\t1\tIN\tA\t192.0.2.2\n"
                                                                           "MX.example.com.\t1\tIN\tMX\t0 ns.example.com.\n");
}

static void test_ttl_defaults(void **state)
{
    (void)state;
    expect_records("a 7 A 192.0.2.1\nb A 192.0.2.2\n", "a.example.com.\t7\tIN\tA\t192.0.2.1\nb.example.com.\t7\tIN\tA\t192.0.2.2\n");
    expect_records(
        "$TTL 1h30m\na 7 A 192.0.2.1\nb A 192.0.2.2\n$TTL 1w2d3h4m5s\nc A 192.0.2.3\n",
        "a.example.com.\t7\tIN\tA\t192.0.2.1\nb.example.com.\t5400\tIN\tA\t192.0.2.2\nc.example.com.\t788645\tIN\tA\t192.0.2.3\n");
    expect_records("a 2147483647 A 192.0.2.1\n", "a.example.com.\t2147483647\tIN\tA\t192.0.2.1\n");
    expect_records("a 1h30 A 192.0.2.1\n", "a.example.com.\t3630\tIN\tA\t192.0.2.1\n");
    expect_warning("@ SOA a b 1 2 3 4 1H\n@ NS a\n", "example.com.\t3600\tIN\tSOA\ta.example.com. b.example.com. 1 2 3 4 3600\n"
                                                     "example.com.\t3600\tIN\tNS\ta.example.com.\n");
    expect_warning("a 2147483648 A 192.0.2.1\n", "a.example.com.\t2147483647\tIN\tA\t192.0.2.1\n");
    expect_warning("$TTL 4294967295\na A 192.0.2.1\n", "a.example.com.\t2147483647\tIN\tA\t192.0.2.1\n");
    expect_warning(" 1 A 192.0.2.1\n A 192.0.2.2\n", "example.com.\t1\tIN\tA\t192.0.2.1\nexample.com.\t1\tIN\tA\t192.0.2.2\n");
}

static void test_parentheses_quotes_and_comments(void **state)
{
    (void)state;
    expect_records("@ 1 SOA a b ( 1 ; serial\n  2 ; )\n\n 3 4\n5 ) ; end\n@ NS (\na\n)\n",
                   "example.com.\t1\tIN\tSOA\ta.example.com. b.example.com. 1 2 3 4 5\nexample.com.\t1\tIN\tNS\ta.example.com.\n");
    expect_records("a 1 TXT \"a;b(c)\\\"d\" e\\;f \"\" g\"h\n", "a.example.com.\t1\tIN\tTXT\t\"a;b(c)\\\"d\" \"e;f\" \"\" \"g\\\"h\"\n");
    expect_records("a 1 TXT \"over\ntwo lines\" (\"b\"\n\"c\")\nb 1 TXT x\n",
                   "a.example.com.\t1\tIN\tTXT\t\"over\\010two lines\" \"b\" \"c\"\nb.example.com.\t1\tIN\tTXT\t\"x\"\n");
    expect_records("a 1 HTTPS 1 . alpn=\"h2,h3\" port=443\n", "a.example.com.\t1\tIN\tHTTPS\t1 . alpn=\"h2,h3\" port=443\n");
    expect_records("a 1 TXT ((nested))\n", "a.example.com.\t1\tIN\tTXT\t\"nested\"\n");
}

static void test_addresses_both_ways(void **state)
{
    (void)state;
    static const char *const addresses[] = {"::",
                                            "::1",
                                            "1::",
                                            "1:2:3:4:5:6:7::",
                                            "::2:3:4:5:6:7:8",
                                            "1:2:3:4:5:6:7:8",
                                            "a::b:c",
                                            "FFFF::abcd",
                                            "::ffff:1.2.3.4",
                                            "1:2:3:4:5:6:1.2.3.4"};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        char text[100];
        run_t run;
        snprintf(text, sizeof text, "a 1 AAAA %s\n", addresses[i]);
        parse_bytes(&run, text, strlen(text), NULL);
        assert_int_equal(run.status, STATUS_OK);
        run_clear(&run);
    }
    static const char *const wrong[] = {"AAAA 1:2:3:4:5:6:7",
                                        "AAAA 1:2:3:4:5:6:7:8:9",
                                        "AAAA 1::2::3",
                                        "AAAA :1",
                                        "AAAA 1:",
                                        "AAAA 12345::",
                                        "AAAA 1:2:3:4:5:6:7:8::",
                                        "AAAA g::",
                                        "A 1.2.3",
                                        "A 1.2.3.4.5",
                                        "A 256.1.1.1",
                                        "A 1.2.3.4 5",
                                        "A 01.2.3.4",
                                        "A",
                                        "MX 65536 a",
                                        "MX 1",
                                        "NS a..b",
                                        "NS",
                                        "DS 1 13 2 00",
                                        "DS 65536 13 2 00",
                                        "NS a b",
                                        "CNAME \"",
                                        "MX -1 a",
                                        "AAAA",
                                        "DS 1 1 1 zz"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[200];
        run_t run;
        snprintf(text, sizeof text, "a 1 %s\nb 1 A 192.0.2.1\n", wrong[i]);
        parse_bytes(&run, text, strlen(text), NULL);
        assert_int_equal(run.status, STATUS_MALFORMED);
        assert_int_equal(run.errors, 1);
        assert_string_equal(buffer_text(&run.records), "b.example.com.\t1\tIN\tA\t192.0.2.1\n");
        run_clear(&run);
    }
}

static void test_names_at_their_limits(void **state)
{
    (void)state;
    char label[65];
    memset(label, 'x', sizeof label);
    for (int size = 62; size <= 64; size++) {
        for (int labels = 1; labels <= 4; labels++) {
            char text[600] = "";
            size_t at = 0;
            for (int i = 0; i < labels; i++) {
                at += (size_t)snprintf(text + at, sizeof text - at, "%s%.*s", i ? "." : "", size, label);
            }
            snprintf(text + at, sizeof text - at, " 1 A 192.0.2.1\n");
            run_t run;
            parse_bytes(&run, text, strlen(text), NULL);
            bool fits = size < 64 && labels * (size + 1) + 13 <= 255;
            assert_int_equal(run.status, fits ? STATUS_OK : STATUS_MALFORMED);
            assert_int_equal(run.count, fits ? 1 : 0);
            run_clear(&run);
        }
    }
}

static void test_generate(void **state)
{
    (void)state;
    expect_records("$TTL 1\n$GENERATE 1-3 h$ A 192.0.2.$\n", "h1.example.com.\t1\tIN\tA\t192.0.2.1\nh2.example.com.\t1\tIN\tA\t192.0.2.2\n"
                                                             "h3.example.com.\t1\tIN\tA\t192.0.2.3\n");
    expect_records("$GENERATE 0-4/2 ${1,3,d}.x 60 IN PTR ${-0}.a${2,2,x}-${0,2,X}-${8,4,o}.y.\n",
                   "001.x.example.com.\t60\tIN\tPTR\t0.a02-00-0010.y.\n003.x.example.com.\t60\tIN\tPTR\t2.a04-02-0012.y.\n"
                   "005.x.example.com.\t60\tIN\tPTR\t4.a06-04-0014.y.\n");
    /* as named-compilezone writes them */
    expect_records("$GENERATE 26-26 a$ 1 NS ${0,4,n}z.y.\n", "a26.example.com.\t1\tIN\tNS\ta.1.z.y.\n");
    expect_records("$GENERATE 26-26 ${0,7,N} 1 NS y.\n", "A.1.0.0.example.com.\t1\tIN\tNS\ty.\n");
    expect_records("$GENERATE 300-300 a$ 1 NS ${0,0,n}.y.\n", "a300.example.com.\t1\tIN\tNS\tc.2.1.y.\n");
    expect_records("$GENERATE 5-5 a$ 1 NS \\$$$${-2}.y.\n", "a5.example.com.\t1\tIN\tNS\t\\$\\$3.y.\n");
}

static void test_generate_forms(void **state)
{
    (void)state;
    expect_records("$GENERATE 1-1 m$ 1 MX \"10 mail$\"\n", "m1.example.com.\t1\tIN\tMX\t10 mail1.example.com.\n");
    expect_records("$GENERATE 1-1 m$ 1 MX 10 mail$ ; two words\n", "m1.example.com.\t1\tIN\tMX\t10 mail1.example.com.\n");
    expect_records("$GENERATE 1-1 t$ CH 1 TXT a \"b $\"\n", "t1.example.com.\t1\tCH\tTXT\t\"a\" \"b 1\"\n");
    expect_records("$TTL 1\n$GENERATE 1-1 @ A 192.0.2.$\n A 192.0.2.9\n",
                   "example.com.\t1\tIN\tA\t192.0.2.1\nexample.com.\t1\tIN\tA\t192.0.2.9\n");
}

static void test_long_rdata(void **state)
{
    (void)state;
    buffer_t text;
    buffer_init(&text, SIZE_MAX);
    buffer_append_text(&text, "a 1 TYPE65400 \\# 65535 (\n");
    for (int i = 0; i < 65535; i++) {
        buffer_append_text(&text, i % 32 == 31 ? "ab\n" : "ab");
    }
    buffer_append_text(&text, ")\nb 1 TXT (");
    for (int i = 0; i < 255; i++) {
        buffer_append_text(&text, "\n \"");
        for (int j = 0; j < 255; j++) {
            buffer_append_text(&text, "\\001");
        }
        buffer_append_text(&text, "\"");
    }
    buffer_append_text(&text, ")\n");
    run_t run;
    parse_bytes(&run, buffer_text(&text), text.size, NULL);
    assert_string_equal(buffer_text(&run.messages), "");
    assert_int_equal(run.count, 2);
    run_clear(&run);
    buffer_clear(&text);
}

/* ---- what is wrong ---- */

static void test_all_errors_in_one_run(void **state)
{
    (void)state;
    expect_errors("$TTL 300\n"
                  "@ SAO a b 1 2 3 4 5\n"
                  "www A 192.0.2.300\n"
                  "ok A 192.0.2.1\n"
                  "$ORGIN x\n"
                  "mail MXX 10 a\n",
                  "ok.example.com.\t300\tIN\tA\t192.0.2.1\n",
                  "test.zone:2:3: error: unknown record type \"SAO\"\n"
                  "    @ SAO a b 1 2 3 4 5\n"
                  "      ^~~\n"
                  "  hint: did you mean SOA?\n"
                  "test.zone:3:7: error: A: IPv4 address expected, got \"192.0.2.300\"\n"
                  "    www A 192.0.2.300\n"
                  "          ^~~~~~~~~~~\n"
                  "test.zone:5:1: error: unknown directive \"$ORGIN\"\n"
                  "    $ORGIN x\n"
                  "    ^~~~~~\n"
                  "  hint: did you mean $ORIGIN?\n"
                  "test.zone:6:6: error: unknown record type \"MXX\"\n"
                  "    mail MXX 10 a\n"
                  "         ^~~\n"
                  "  hint: did you mean MX?\n");
}

static void test_unbalanced_text_is_told_where_it_began(void **state)
{
    (void)state;
    expect_errors("$TTL 1\n@ SOA a b ( 1 2 3\n    4 5\nwww A 192.0.2.1\n", "www.example.com.\t1\tIN\tA\t192.0.2.1\n",
                  "test.zone:4:1: error: SOA: end of the record expected, got \"www\"\n"
                  "    www A 192.0.2.1\n"
                  "    ^~~\n"
                  "  hint: the parenthesis of line 2, column 11 is still open here\n");
    expect_errors("$TTL 1\na TXT ( x\nb A 192.0.2.1\n", "b.example.com.\t1\tIN\tA\t192.0.2.1\n",
                  "test.zone:2:7: error: this parenthesis is never closed\n"
                  "    a TXT ( x\n"
                  "          ^\n");
    expect_errors("$TTL 1\na TXT \"x\nb A 192.0.2.1\n", "b.example.com.\t1\tIN\tA\t192.0.2.1\n",
                  "test.zone:2:7: error: this quoted string is never closed\n"
                  "    a TXT \"x\n"
                  "          ^\n"
                  "  hint: a quoted string ends with a second \"\n");
    expect_errors("$TTL 1\na A 192.0.2.1 )\nb A 192.0.2.1\n", "b.example.com.\t1\tIN\tA\t192.0.2.1\n",
                  "test.zone:2:15: error: this parenthesis was never opened\n"
                  "    a A 192.0.2.1 )\n"
                  "                  ^\n");
}

static void test_errors_do_not_spread(void **state)
{
    (void)state;
    /* records of a bad owner are left out without a message each */
    expect_errors(
        "$TTL 1\na..b A 192.0.2.1\n  A 192.0.2.2\nc A 192.0.2.3\n", "c.example.com.\t1\tIN\tA\t192.0.2.3\n",
        "test.zone:2:3: error: owner name: an empty label, or a backslash that is not followed by a character or three digits up to 255\n"
        "    a..b A 192.0.2.1\n"
        "      ^\n");
    expect_errors("A 192.0.2.1\n", "",
                  "test.zone:1:3: error: record type or TTL expected, got \"192.0.2.1\"\n"
                  "    A 192.0.2.1\n"
                  "      ^~~~~~~~~\n");
    expect_errors("b 1 IN A\nc 1 IN\n", "",
                  "test.zone:1:9: error: A: IPv4 address expected, but the record ends here\n"
                  "    b 1 IN A\n"
                  "            ^\n"
                  "test.zone:2:7: error: the record ends before its type\n"
                  "    c 1 IN\n"
                  "          ^\n");
    expect_errors("b 4294967296 A 192.0.2.1\nb A 192.0.2.1\nb 1 ANY x\n", "",
                  "test.zone:1:3: error: TTL is too large\n"
                  "    b 4294967296 A 192.0.2.1\n"
                  "      ^~~~~~~~~~\n"
                  "  hint: the largest TTL is 2147483647 (RFC 2181 section 8)\n"
                  "test.zone:2:1: error: this record has no TTL, and no $TTL, no earlier TTL and no SOA stands before it\n"
                  "    b A 192.0.2.1\n"
                  "    ^\n"
                  "  hint: put a $TTL line at the top of the file\n"
                  "test.zone:3:5: error: type ANY cannot stand in a zone\n"
                  "    b 1 ANY x\n"
                  "        ^~~\n");
}

static void test_generate_errors(void **state)
{
    (void)state;
    static const char *const wrong[] = {"$GENERATE",
                                        "$GENERATE 1 a A 1.2.3.4",
                                        "$GENERATE 2-1 a A 1.2.3.4",
                                        "$GENERATE 1-2/0 a A 1.2.3.4",
                                        "$GENERATE 1-2 a$ A 1.2.3.${",
                                        "$GENERATE 1-2 a$ A 1.2.3.${0,1,z}",
                                        "$GENERATE 1-2 a$ A 1.2.3.${-5}",
                                        "$GENERATE 1-300 a$ A 1.2.3.$",
                                        "$GENERATE 1-2 a$.. A 1.2.3.$",
                                        "$GENERATE 1-2 a$ SOA",
                                        "$GENERATE 1-2",
                                        "$GENERATE 1-2 a$",
                                        "$GENERATE 1-2 a${0,256,d} A 1.2.3.4",
                                        "$GENERATE 1-99999999 a$ NS a$",
                                        "$GENERATE 1-2 a$ TXT ("};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[200];
        run_t run;
        snprintf(text, sizeof text, "$TTL 1\n%s\nb 1 A 192.0.2.1\n", wrong[i]);
        parse_bytes(&run, text, strlen(text), NULL);
        assert_int_equal(run.status, STATUS_MALFORMED);
        assert_int_equal(run.errors, 1);
        assert_non_null(strstr(buffer_text(&run.messages), "test.zone:2:"));
        assert_non_null(strstr(buffer_text(&run.records), "b.example.com.\t1\tIN\tA\t192.0.2.1\n"));
        run_clear(&run);
    }
}

/* A range with a digit too many is refused before the first of its records is made. */
static void test_generate_limit(void **state)
{
    (void)state;
    run_t run;
    static const char text[] =
        "$GENERATE 1-60000 a$ 1 A 192.0.2.1\n$GENERATE 1-60000 b$ 1 A 192.0.2.1\n$GENERATE 0-40000/2 c$ 1 A 192.0.2.1\n";
    parse_bytes(&run, text, sizeof text - 1, NULL);
    assert_int_equal(run.errors, 1);
    assert_non_null(strstr(buffer_text(&run.messages), "test.zone:2:1: error: $GENERATE would make more than 100000 records"));
    assert_int_equal(run.count, 60000 + 20001);
    run_clear(&run);
}

static void test_zero_bytes(void **state)
{
    (void)state;
    run_t run;
    static const char text[] = "a 1 A 192.0.2.1\nb\0c 1 A 192.0.2.2\nd 1 TXT \"\0\"\n\0\0\ne 1 A 192.0.2.3\n";
    parse_bytes(&run, text, sizeof text - 1, NULL);
    assert_int_equal(run.errors, 2);
    assert_int_equal(run.count, 3);
    run_clear(&run);
    parse_bytes(&run, "", 0, NULL);
    assert_int_equal(run.status, STATUS_OK);
    assert_int_equal(run.count, 0);
    run_clear(&run);
}

/* Time must stay linear when every record leaves a parenthesis open. */
static void test_runaways_end(void **state)
{
    (void)state;
    buffer_t text;
    buffer_init(&text, SIZE_MAX);
    for (int i = 0; i < 60000; i++) {
        buffer_append_text(&text, "a 1 TXT ( x\n");
    }
    run_t run;
    parse_bytes(&run, buffer_text(&text), text.size, NULL);
    assert_int_equal(run.status, STATUS_MALFORMED);
    assert_true(run.errors <= 102);
    run_clear(&run);
    buffer_clear(&text);
}

/* ---- files ---- */

static char folder[] = "/tmp/test_zone_parser.XXXXXX";

static void write_file(const char *name, const char *text, char path[static 256])
{
    snprintf(path, 256, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void test_include(void **state)
{
    (void)state;
    char path[256];
    run_t run;
    write_file("inner.zone", "$TTL 9\n@ A 192.0.2.1\n$ORIGIN deep\nx A 192.0.2.2\n", path);
    write_file("outer.zone",
               "$TTL 1\na A 192.0.2.3\n$INCLUDE inner.zone sub ; comment\n A 192.0.2.4\n$INCLUDE \"inner.zone\"\nb A 192.0.2.5\n", path);
    parse_bytes(&run, NULL, 0, path);
    assert_string_equal(buffer_text(&run.messages), "");
    assert_string_equal(buffer_text(&run.records), "a.example.com.\t1\tIN\tA\t192.0.2.3\n"
                                                   "sub.example.com.\t9\tIN\tA\t192.0.2.1\n"
                                                   "x.deep.sub.example.com.\t9\tIN\tA\t192.0.2.2\n"
                                                   "a.example.com.\t9\tIN\tA\t192.0.2.4\n"
                                                   "example.com.\t9\tIN\tA\t192.0.2.1\n"
                                                   "x.deep.example.com.\t9\tIN\tA\t192.0.2.2\n"
                                                   "b.example.com.\t9\tIN\tA\t192.0.2.5\n");
    run_clear(&run);
}

static void test_include_errors(void **state)
{
    (void)state;
    char path[256];
    run_t run;
    write_file("bad.zone", "x 1 A 1.2.3\n", path);
    write_file("loop.zone",
               "a 1 A 192.0.2.1\n$INCLUDE loop.zone\n$INCLUDE none.zone\n$INCLUDE bad.zone\n$INCLUDE .\n$INCLUDE\nb 1 A 192.0.2.2\n", path);
    parse_bytes(&run, NULL, 0, path);
    assert_int_equal(run.status, STATUS_MALFORMED);
    assert_int_equal(run.errors, 5);
    assert_int_equal(run.count, 2);
    const char *messages = buffer_text(&run.messages);
    assert_non_null(strstr(messages, "loop.zone:2:10: error: "));
    assert_non_null(strstr(messages, "includes itself"));
    assert_non_null(strstr(messages, "none.zone cannot be read: No such file or directory"));
    assert_non_null(strstr(messages, "bad.zone:1:7: error: A: "));
    assert_non_null(strstr(messages, "Is a directory"));
    assert_non_null(strstr(messages, "loop.zone:6:9: error: a file expected"));
    run_clear(&run);
    for (int i = 0; i < 20; i++) { /* deeper than allowed */
        char name[32];
        char text[64];
        snprintf(name, sizeof name, "deep%d.zone", i);
        snprintf(text, sizeof text, "$INCLUDE deep%d.zone\n", i + 1);
        write_file(name, i == 19 ? "" : text, path);
    }
    snprintf(path, sizeof path, "%s/deep0.zone", folder);
    parse_bytes(&run, NULL, 0, path);
    assert_int_equal(run.errors, 1);
    assert_non_null(strstr(buffer_text(&run.messages), "more than 10 deep"));
    run_clear(&run);
}

/* Each of 9 files includes the next ten times: 10^9 readings, which must end after a few. */
static void test_include_bomb(void **state)
{
    (void)state;
    char path[256];
    run_t run;
    for (int i = 9; i >= 0; i--) {
        char name[32];
        char text[1024] = "a 1 A 192.0.2.1\n";
        snprintf(name, sizeof name, "bomb%d.zone", i); /* the last one written is the first one read */
        for (int line = 0; i < 9 && line < 10; line++) {
            snprintf(text + strlen(text), sizeof text - strlen(text), "$INCLUDE bomb%d.zone\n", i + 1);
        }
        write_file(name, text, path);
    }
    parse_bytes(&run, NULL, 0, path);
    assert_int_equal(run.status, STATUS_MALFORMED);
    assert_int_equal(run.errors, 1); /* told once */
    assert_non_null(strstr(buffer_text(&run.messages), "more than 10000 files are included"));
    assert_true(run.count <= 10001);
    run_clear(&run);
}

/* A pipe that nobody writes to would be waited for for ever. */
static void test_pipes_and_devices(void **state)
{
    (void)state;
    char path[256];
    run_t run;
    write_file("pipe", "", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 0);
    const char *const files[] = {path, "/dev/zero"};
    for (size_t i = 0; i < 2; i++) {
        zone_parser_settings_t settings = {.origin = example,
                                           .rrclass = CLASS_IN,
                                           .file = files[i],
                                           .diagnostics = &diagnostics,
                                           .regular_files_only = true,
                                           .record = take,
                                           .context = &run};
        assert_int_equal(zone_parse_file(&settings), STATUS_UNSUPPORTED);
        assert_int_equal(diagnostics.errors, i + 1);
    }
    diagnostics_clear(&diagnostics);
    write_file("including.zone", "$INCLUDE pipe\n$INCLUDE /dev/zero\n", path);
    parse_bytes(&run, NULL, 0, path); /* included files are never anything else */
    assert_int_equal(run.status, STATUS_MALFORMED);
    assert_int_equal(run.errors, 2);
    assert_non_null(strstr(buffer_text(&run.messages), "pipe cannot be read: a pipe or device, not a file"));
    run_clear(&run);
}

static void test_unreadable_files(void **state)
{
    (void)state;
    run_t run;
    char path[256];
    parse_bytes(&run, NULL, 0, folder);
    assert_int_equal(run.status, STATUS_IO);
    assert_non_null(strstr(buffer_text(&run.messages), "cannot be read: Is a directory"));
    run_clear(&run);
    snprintf(path, sizeof path, "%s/nothing", folder);
    parse_bytes(&run, NULL, 0, path);
    assert_int_equal(run.status, STATUS_IO);
    run_clear(&run);
    write_file("empty.zone", "", path);
    parse_bytes(&run, NULL, 0, path);
    assert_int_equal(run.status, STATUS_OK);
    run_clear(&run);
}

typedef struct shrinker {
    const char *path;
    size_t records;
} shrinker_t;

static status_t shrink_file(void *context, const zone_record_t *record)
{
    (void)record;
    shrinker_t *shrinker = context;
    if (shrinker->records++ == 10) {
        assert_int_equal(truncate(shrinker->path, 4096), 0);
    }
    return STATUS_OK;
}

/* A file that is cut off while it is read is an error, not a shorter zone; and no signal. */
static void test_file_that_shrinks(void **state)
{
    (void)state;
    buffer_t text;
    buffer_init(&text, SIZE_MAX);
    for (int i = 0; i < 200000; i++) {
        buffer_append_text(&text, "a 1 A 192.0.2.1\n");
    }
    char path[256];
    write_file("shrinks.zone", buffer_text(&text), path);
    buffer_clear(&text);
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 0);
    shrinker_t shrinker = {.path = path};
    zone_parser_settings_t settings = {
        .origin = example, .rrclass = CLASS_IN, .file = path, .diagnostics = &diagnostics, .record = shrink_file, .context = &shrinker};
    assert_int_equal(zone_parse_file(&settings), STATUS_IO);
    assert_int_equal(diagnostics.errors, 1);
    assert_string_equal(diagnostics.first->code, "file-changed");
    assert_true(shrinker.records < 200000);
    diagnostics_clear(&diagnostics);
}

/* Records that lie across the pieces in which a file is read. */
static void test_large_file(void **state)
{
    (void)state;
    char path[256];
    buffer_t text;
    buffer_init(&text, SIZE_MAX);
    size_t records = 0;
    while (text.size < (size_t)5 << 20) {
        buffer_printf(&text, "name%zu.example.com. 3600 IN %s\n", records, records % 3 ? "A 192.0.2.1" : "TXT (\"a b\"\n \"c;d\") ; e");
        records++;
    }
    write_file("large.zone", buffer_text(&text), path);
    run_t run;
    parse_bytes(&run, NULL, 0, path);
    assert_string_equal(buffer_text(&run.messages), "");
    assert_int_equal(run.count, records);
    run_t copied;
    parse_bytes(&copied, buffer_text(&text), text.size, NULL);
    assert_string_equal(buffer_text(&run.records), buffer_text(&copied.records));
    run_clear(&run);
    run_clear(&copied);
    buffer_clear(&text);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries));) {
        (void)unlinkat(dirfd(entries), entry->d_name, 0); /* "." and ".." stay */
    }
    closedir(entries);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_in_any_order),
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_ttl_defaults),
        cmocka_unit_test(test_parentheses_quotes_and_comments),
        cmocka_unit_test(test_addresses_both_ways),
        cmocka_unit_test(test_names_at_their_limits),
        cmocka_unit_test(test_generate),
        cmocka_unit_test(test_generate_forms),
        cmocka_unit_test(test_long_rdata),
        cmocka_unit_test(test_all_errors_in_one_run),
        cmocka_unit_test(test_unbalanced_text_is_told_where_it_began),
        cmocka_unit_test(test_errors_do_not_spread),
        cmocka_unit_test(test_generate_errors),
        cmocka_unit_test(test_generate_limit),
        cmocka_unit_test(test_zero_bytes),
        cmocka_unit_test(test_runaways_end),
        cmocka_unit_test(test_include),
        cmocka_unit_test(test_include_errors),
        cmocka_unit_test(test_include_bomb),
        cmocka_unit_test(test_pipes_and_devices),
        cmocka_unit_test(test_unreadable_files),
        cmocka_unit_test(test_file_that_shrinks),
        cmocka_unit_test(test_large_file),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
