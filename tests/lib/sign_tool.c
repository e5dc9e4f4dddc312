/* Signs a zone file with the tests' own signer (zone_signer.h), for tests/differential/test_zone_signer.py.
 *
 *     sign_tool ZONE FILE DENIAL ALGORITHM SECONDS
 *
 * DENIAL: nsec, nsec3 (two additional iterations, a salt), optout; ALGORITHM: its number. Signatures are valid an hour before and a month
 * behind SECONDS. The signed zone goes to standard output. */
#include "base/require.h"
#include "wire/rrtype.h"
#include "zone/format.h"
#include "zone/loader.h"
#include "zone_signer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOUR_S = 3600, MONTH_S = 30 * 86400 };

static status_t print(void *context, const void *text, size_t size)
{
    (void)context;
    return fwrite(text, 1, size, stdout) == size ? STATUS_OK : STATUS_IO;
}

static const zone_contents_t *load(const char *apex, const char *path)
{
    name_t name;
    const zone_contents_t *contents;
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 10);
    REQUIRE(name_from_text(&name, apex, strlen(apex), NULL, NULL) == STATUS_OK);
    name_lower(name.wire, name.length);
    if (zone_load(name.wire, CLASS_IN, path, NULL, &diagnostics, &contents) != STATUS_OK) {
        fprintf(stderr, "%s: %s\n", path, diagnostics.first ? diagnostics.first->message : "cannot be loaded");
        exit(1);
    }
    diagnostics_clear(&diagnostics);
    return contents;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: sign_tool ZONE FILE nsec|nsec3|optout ALGORITHM SECONDS\n");
        return 2;
    }
    uint8_t algorithm = (uint8_t)strtoul(argv[4], NULL, 10);
    uint32_t now_s = (uint32_t)strtoul(argv[5], NULL, 10);
    signing_key_t *keys[] = {signing_key_new(1, algorithm, SIGNING_KSK), signing_key_new(2, algorithm, SIGNING_ZSK)};
    zone_signing_t signing = {
        .keys = (const signing_key_t *const *)keys,
        .key_count = 2,
        .inception_s = now_s - HOUR_S,
        .expiration_s = now_s + MONTH_S,
    };
    if (strcmp(argv[3], "nsec") != 0) {
        bool is_opt_out = strcmp(argv[3], "optout") == 0;
        signing.denial = is_opt_out ? ZONE_DENIAL_OPT_OUT : ZONE_DENIAL_NSEC3;
        signing.iterations = is_opt_out ? 0 : 2;
        signing.salt_size = is_opt_out ? 0 : 2;
        memcpy(signing.salt, "\xbe\xef", 2);
    }
    const zone_contents_t *plain = load(argv[1], argv[2]);
    const zone_contents_t *contents = zone_sign(plain, &signing);
    status_t status = zone_format(contents, print, NULL);
    zone_contents_unref(plain);
    zone_contents_unref(contents);
    signing_key_free(keys[0]);
    signing_key_free(keys[1]);
    return status == STATUS_OK ? 0 : 1;
}
