#include "tools/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

int tool_no_operands(const command_t *command, int argc, char **argv)
{
    const tool_option_t none[] = {{NULL, NULL, NULL}};
    int done = tool_options(command, none, &argc, argv);
    return done >= 0 ? done : tool_operands(command, argc, 0, 0);
}

int64_t show_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

const char *show_text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "-";
}

bool show_truth(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

void show_duration(int64_t seconds)
{
    static const struct {
        int64_t factor;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    unsigned shown = 0;
    for (size_t i = 0; i < 4 && shown < 2; i++) {
        int64_t count = seconds / units[i].factor;
        if (count > 0 || (i == 3 && shown == 0)) {
            printf("%s%" PRId64 " %c", shown > 0 ? " " : "", count, units[i].unit);
            seconds -= count * units[i].factor;
            shown++;
        }
    }
}

void show_time(int64_t seconds)
{
    struct tm parts;
    char line[32];
    time_t when = (time_t)seconds;
    gmtime_r(&when, &parts);
    strftime(line, sizeof line, "%Y-%m-%d %H:%M:%S UTC", &parts);
    printf("%s", line);
}

void show_bytes(int64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double amount = (double)bytes;
    size_t unit = 0;
    for (; amount >= 1024 && unit < 4; unit++) {
        amount /= 1024;
    }
    printf(unit == 0 ? "%.0f %s" : "%.1f %s", amount, units[unit]);
}
