/* The schema table as pages for people: docs/configuration.md and man/portolan.yaml.5. */
#include "control/config.h"
#include "control/schema.h"
#include "control/value.h"

#include <string.h>

static const char intro[] = "One file of YAML, `" CONFIG_FILE_DEFAULT
                            "` unless `portoland --config FILE` says otherwise. Every setting has a default: an empty file "
                            "is a good one, and makes a validating resolver for this machine and its local networks. `portolan config "
                            "check` tells all that is wrong with a file, in one run; `portolan reload` "
                            "makes a changed file current, "
                            "as a whole or not at all.";

static const char example_text[] = "listen:\n"
                                   "  - dns://0.0.0.0:53\n"
                                   "  - \"dns://[::]:53\"\n"
                                   "zones:\n"
                                   "  example.com: { file: example.com.zone, allow-transfer: [192.0.2.53] }\n"
                                   "  \".\":         { file: root.zone }\n"
                                   "resolver:\n"
                                   "  allow: [loopback, private, linklocal]\n"
                                   "  forward: { corp.example: [10.0.0.53] }\n"
                                   "user: portolan\n"
                                   "state: " CONFIG_STATE_DEFAULT "\n"
                                   "control: " CONFIG_CONTROL_DEFAULT "\n";

static const char notation[] =
    "Durations carry a unit: `500ms`, `10s`, `2m`, `1h`, `1d`, `1m30s`. Sizes are bytes, or carry `KiB`, `MiB`, `GiB`. `yes`, `true` and "
    "`on` are the same, so are `no`, `false` and `off`. Where a list is expected, a single value is a list of one. Relative paths count "
    "from the directory of the configuration file. Anchors and aliases of YAML work; tags, merge keys and a second document do not.";

/* ---- what a value looks like ---- */

static void print_range(const config_item_t *item, const char *what, buffer_t *out)
{
    config_item_t plain = *item;
    plain.none = NULL;
    plain.size = sizeof(uint64_t);
    buffer_printf(out, "%s from ", what);
    value_print(&plain, &item->minimum, out);
    buffer_append_text(out, " to ");
    value_print(&plain, &item->maximum, out);
}

static void print_type(const config_item_t *item, buffer_t *out)
{
    switch (item->type) {
    case CONFIG_SECTION:
        buffer_append_text(out, item->size > 0 ? "mapping, yes or no" : "mapping");
        break;
    case CONFIG_ZONES:
        buffer_append_text(out, "mapping");
        break;
    case CONFIG_BOOLEAN:
        buffer_append_text(out, "yes or no");
        break;
    case CONFIG_INTEGER:
        print_range(item, "number", out);
        break;
    case CONFIG_SIZE:
        print_range(item, "bytes", out);
        break;
    case CONFIG_DURATION:
    case CONFIG_SECONDS:
        print_range(item, "duration", out);
        break;
    case CONFIG_CHOICE:
        for (const config_choice_t *choice = item->choices; choice->text; choice++) {
            buffer_printf(out, "%s%s", choice == item->choices ? "" : choice[1].text ? ", " : " or ", choice->text);
        }
        break;
    case CONFIG_TEXT:
        buffer_printf(out, "text of at most %llu bytes", (unsigned long long)item->maximum);
        break;
    case CONFIG_PATH:
        buffer_append_text(out, "path");
        break;
    case CONFIG_LISTEN:
        buffer_append_text(out, "list of listeners");
        break;
    case CONFIG_PORTS:
        buffer_append_text(out, "two numbers from 1 to 65535, LOW-HIGH");
        break;
    case CONFIG_ADDRESSES:
        buffer_append_text(out, "list of addresses");
        break;
    case CONFIG_PREFIXES:
        buffer_append_text(out, "list of addresses and prefixes");
        break;
    case CONFIG_SOURCES:
        buffer_printf(out, "list of at most %llu addresses", (unsigned long long)item->maximum);
        break;
    case CONFIG_SERVERS:
        buffer_append_text(out, "list of addresses, with `:PORT` if it is not 53");
        break;
    case CONFIG_FORWARD:
    case CONFIG_STUB:
        buffer_append_text(out, "mapping of zones to addresses");
        break;
    case CONFIG_LOCAL_DATA:
        buffer_append_text(out, "mapping of names to records");
        break;
    case CONFIG_HOSTS:
        buffer_append_text(out, "list of paths");
        break;
    case CONFIG_HINTS:
        buffer_append_text(out, "path");
        break;
    case CONFIG_ANCHORS:
        buffer_append_text(out, "list of paths and records");
        break;
    case CONFIG_NEGATIVE:
        buffer_append_text(out, "list of names, or mapping of names to times");
        break;
    case CONFIG_LATER:
        break;
    }
    if (item->none) {
        buffer_printf(out, ", or %s", item->none);
    }
}

static bool is_shown(const config_item_t *item)
{
    return item->type != CONFIG_LATER;
}

/* ---- Markdown ---- */

static void markdown_item(const config_item_t *item, buffer_t *out)
{
    const char *star = strstr(item->path, ".*.");
    if (star) {
        buffer_printf(out, "### `%.*s.NAME.%s`\n\n", (int)(star - item->path), item->path, star + 3);
    } else {
        buffer_printf(out, "### `%s`\n\n", item->path);
    }
    buffer_printf(out, "%s\n\n- Value: ", item->summary);
    print_type(item, out);
    if (item->initial) {
        buffer_printf(out, "\n- Default: `%s`", item->initial);
    } else if (item->is_required) {
        buffer_append_text(out, "\n- Required");
    }
    if (item->example) {
        buffer_printf(out, "\n- Example: `%s: %s`", config_item_key(item), item->example);
    }
    if (item->is_fixed) {
        buffer_append_text(out, "\n- Taken at start: a reload that changes it is refused");
    }
    buffer_append_text(out, "\n\n");
}

void config_reference_markdown(buffer_t *out)
{
    const config_item_t *item;
    buffer_printf(out,
                  "# Configuration\n\n<!-- Made by `portolan config reference`; change src/control/schema.c instead. -->\n\n%s\n\n"
                  "```yaml\n%s```\n\n%s\n\n## Settings\n\n",
                  intro, example_text, notation);
    for (size_t i = 0; (item = config_schema_at(i)) != NULL; i++) {
        if (is_shown(item)) {
            markdown_item(item, out);
        }
    }
    buffer_append_text(out, "## Not in this version\n\n");
    for (size_t i = 0; (item = config_schema_at(i)) != NULL; i++) {
        if (item->type == CONFIG_LATER) {
            buffer_printf(out, "- `%s`: %s\n", item->path, item->summary);
        }
    }
    buffer_append_text(out, "- Listeners other than `dns://`: `dot://`, `doh://`, `doq://`.\n\n"
                            "They are known and refused with a message that says so.\n");
}

/* ---- manual page ---- */

/* Text with Markdown code marks as roff, bold for code. */
static void manual_text(const char *text, buffer_t *out)
{
    bool code = false;
    bool line_start = true;
    for (; *text; text++) {
        if (*text == '`') {
            buffer_append_text(out, code ? "\\fR" : "\\fB");
            code = !code;
        } else if (*text == '\\') {
            buffer_append_text(out, "\\e");
        } else if (*text == '-') {
            buffer_append_text(out, "\\-");
        } else if ((*text == '.' || *text == '\'') && line_start) {
            buffer_printf(out, "\\&%c", *text);
        } else {
            buffer_append_byte(out, (uint8_t)*text);
        }
        line_start = *text == '\n';
    }
}

static void manual_item(const config_item_t *item, buffer_t *out)
{
    const char *star = strstr(item->path, ".*.");
    buffer_t value;
    buffer_init(&value, 4096);
    buffer_append_text(out, ".TP\n.B ");
    if (star) {
        buffer_printf(&value, "%.*s.NAME.%s", (int)(star - item->path), item->path, star + 3);
    } else {
        buffer_append_text(&value, item->path);
    }
    manual_text(buffer_text(&value), out);
    buffer_append_byte(out, '\n');
    manual_text(item->summary, out);
    buffer_reset(&value);
    buffer_append_text(&value, "\n(");
    print_type(item, &value);
    if (item->initial) {
        buffer_printf(&value, "; default %s", item->initial);
    } else if (item->is_required) {
        buffer_append_text(&value, "; required");
    }
    buffer_append_text(&value, item->is_fixed ? "; taken at start)\n" : ")\n");
    manual_text(buffer_text(&value), out);
    buffer_clear(&value);
}

void config_reference_manual(buffer_t *out)
{
    const config_item_t *item;
    buffer_append_text(out, ".\\\" Made by `portolan config reference --manual`; change src/control/schema.c instead.\n"
                            ".TH PORTOLAN.YAML 5 \"\" \"Portolan " PORTOLAN_VERSION "\" \"Portolan\"\n"
                            ".SH NAME\nportolan.yaml \\- configuration of the Portolan DNS server\n.SH DESCRIPTION\n");
    manual_text(intro, out);
    buffer_append_text(out, "\n.PP\n.nf\n.RS\n");
    manual_text(example_text, out);
    buffer_append_text(out, ".RE\n.fi\n.PP\n");
    manual_text(notation, out);
    buffer_append_text(out, "\n.SH SETTINGS\n");
    for (size_t i = 0; (item = config_schema_at(i)) != NULL; i++) {
        if (is_shown(item)) {
            manual_item(item, out);
        }
    }
    buffer_append_text(out, ".SH FILES\n.TP\n.B " CONFIG_FILE_DEFAULT "\nThe file that is read when none is named.\n"
                            ".SH SEE ALSO\n.BR portoland (8),\n.BR portolan (1)\n");
}
