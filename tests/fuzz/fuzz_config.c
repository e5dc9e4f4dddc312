/* Configuration text: whatever it holds, it gives complete settings or at least one error, never both, never neither. */
#include "base/require.h"
#include "control/config.h"
#include "fuzz.h"

#include <string.h>

/* libfyaml 0.7 forgets a buffer when it refuses a quoted scalar; what this program leaks still counts. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml";
}

static void check_settings(const server_settings_t *settings)
{
    REQUIRE(settings->listen_count > 0);
    REQUIRE(settings->udp_size_max >= 512 && settings->udp_size_max <= 4096);
    for (size_t i = 0; i < settings->zone_count; i++) {
        REQUIRE(settings->zones[i].file && settings->zones[i].file[0] == '/');
        REQUIRE(i == 0 || name_compare(settings->zones[i - 1].name.wire, settings->zones[i].name.wire) < 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    server_settings_t *settings = NULL;
    diagnostics_t diagnostics;
    buffer_t text;
    diagnostics_init(&diagnostics, 50);
    buffer_init(&text, 1 << 20);
    status_t status = config_load_text((const char *)data, size, "fuzz.yaml", "/zones", &settings, &diagnostics);
    REQUIRE(status == STATUS_OK || status == STATUS_INVALID);
    REQUIRE((status == STATUS_OK) == (settings != NULL) && (status == STATUS_OK) == (diagnostics.errors == 0));
    if (settings) {
        check_settings(settings);
    }
    diagnostics_print(&diagnostics, &text);
    server_settings_free(settings);
    diagnostics_clear(&diagnostics);
    buffer_clear(&text);
    return 0;
}
