/* The schema table as JSON Schema, for editors and for checks elsewhere. */
#include "control/schema.h"

#include "base/require.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define DURATION_PATTERN "^([0-9]+(ms|s|m|h|d))+$"
#define SECONDS_PATTERN  "^([0-9]+(s|m|h|d))+$"
#define PORTS_PATTERN    "^[0-9]+-[0-9]+$"
#define SIZE_PATTERN     "^[0-9]+(B|KiB|MiB|GiB)$"
#define LISTEN_PATTERN   "^dns://([0-9.]+|\\[[0-9A-Fa-f:.]+(%[^\\]]+)?\\])(:[0-9]+)?$"

static json_t *item_schema(const config_item_t *item);

static void set(json_t *object, const char *key, json_t *value)
{
    int failed = json_object_set_new(object, key, value); /* without memory the whole dump fails: see config_schema_json() */
    (void)failed;
}

static json_t *string_schema(const char *pattern)
{
    json_t *schema = json_pack("{s:s}", "type", "string");
    if (schema && pattern) {
        set(schema, "pattern", json_string(pattern));
    }
    return schema;
}

static json_t *number_schema(const config_item_t *item)
{
    return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)item->minimum, "maximum", (json_int_t)item->maximum);
}

/* A list, or one value where a list may stand. */
static json_t *list_schema(json_t *entry, size_t least)
{
    json_t *copy = json_deep_copy(entry);
    return json_pack("{s:[o, {s:s, s:o, s:I}]}", "anyOf", copy, "type", "array", "items", entry, "minItems", (json_int_t)least);
}

/* The properties and required keys of a section. */
static json_t *section_schema(const char *path)
{
    const config_item_t *item;
    json_t *properties = json_object();
    json_t *required = json_array();
    for (size_t i = 0; (item = config_schema_at(i)) != NULL; i++) {
        if (config_item_is_below(item, path) && item->type != CONFIG_LATER) {
            set(properties, config_item_key(item), item_schema(item));
            if (item->is_required) {
                json_array_append_new(required, json_string(config_item_key(item)));
            }
        }
    }
    bool strict = json_array_size(required) > 0;
    json_t *schema =
        strict
            ? json_pack("{s:s, s:b, s:o, s:O}", "type", "object", "additionalProperties", 0, "properties", properties, "required", required)
            : json_pack("{s:[s, s], s:b, s:o}", "type", "object", "null", "additionalProperties", 0, "properties", properties);
    json_decref(required);
    return schema;
}

static json_t *choice_schema(const config_item_t *item)
{
    json_t *values = json_array();
    for (const config_choice_t *choice = item->choices; choice->text; choice++) {
        json_array_append_new(values, json_string(choice->text));
    }
    return json_pack("{s:o}", "enum", values);
}

static json_t *boolean_schema(void)
{
    return json_pack("{s:[b, b, s, s, s, s]}", "enum", 1, 0, "yes", "no", "on", "off");
}

/* Zones by name: each a list of servers, or a section. */
static json_t *delegates_schema(const char *path)
{
    return json_pack("{s:[s, s], s:{s:[o, o]}}", "type", "object", "null", "additionalProperties", "anyOf",
                     list_schema(string_schema(NULL), 1), section_schema(path));
}

/* Records by type and a TTL, or a word. */
static json_t *local_data_schema(void)
{
    json_t *records = json_pack("{s:s, s:o, s:{s:o}, s:i}", "type", "object", "additionalProperties", list_schema(string_schema(NULL), 1),
                                "properties", "ttl", string_schema(SECONDS_PATTERN), "minProperties", 1);
    return json_pack("{s:[s, s], s:{s:[{s:[s, s]}, o]}}", "type", "object", "null", "additionalProperties", "anyOf", "enum", "nxdomain",
                     "nodata", records);
}

static json_t *parts_schema(const config_item_t *item)
{
    switch (item->type) {
    case CONFIG_ZONES:
        return json_pack("{s:[s, s], s:o}", "type", "object", "null", "additionalProperties", section_schema("zones.*"));
    case CONFIG_LISTEN:
        return list_schema(string_schema(LISTEN_PATTERN), 1);
    case CONFIG_SERVERS:
        return list_schema(string_schema(NULL), 1);
    case CONFIG_FORWARD:
        return delegates_schema("resolver.forward.*");
    case CONFIG_STUB:
        return delegates_schema("resolver.stub.*");
    case CONFIG_LOCAL_DATA:
        return local_data_schema();
    case CONFIG_NEGATIVE:
        return json_pack("{s:[{s:[s, s], s:o}, o]}", "anyOf", "type", "object", "null", "additionalProperties", string_schema(NULL),
                         list_schema(string_schema(NULL), 0));
    default: /* the lists of addresses, prefixes and files */
        return list_schema(string_schema(NULL), 0);
    }
}

static json_t *value_schema(const config_item_t *item)
{
    switch (item->type) {
    case CONFIG_SECTION:
        return item->size == 0 ? section_schema(item->path)
                               : json_pack("{s:[o, o]}", "anyOf", boolean_schema(), section_schema(item->path));
    case CONFIG_BOOLEAN:
        return boolean_schema();
    case CONFIG_INTEGER:
        return number_schema(item);
    case CONFIG_SIZE:
        return json_pack("{s:[o, o]}", "anyOf", number_schema(item), string_schema(SIZE_PATTERN));
    case CONFIG_DURATION:
        return string_schema(DURATION_PATTERN);
    case CONFIG_SECONDS:
        return string_schema(SECONDS_PATTERN);
    case CONFIG_PORTS:
        return string_schema(PORTS_PATTERN);
    case CONFIG_CHOICE:
        return choice_schema(item);
    case CONFIG_TEXT:
    case CONFIG_PATH:
    case CONFIG_HINTS:
        return json_pack("{s:s, s:I, s:I}", "type", "string", "minLength", (json_int_t)item->minimum, "maxLength",
                         (json_int_t)item->maximum);
    case CONFIG_LATER:
        return NULL;
    default:
        return parts_schema(item);
    }
}

static json_t *initial_value(const config_item_t *item)
{
    switch (item->type) {
    case CONFIG_BOOLEAN:
        return json_boolean(strcmp(item->initial, "yes") == 0);
    case CONFIG_INTEGER:
    case CONFIG_SIZE: {
        char *end;
        long long number = strtoll(item->initial, &end, 10);
        return *end == 0 ? json_integer(number) : json_string(item->initial);
    }
    case CONFIG_LISTEN:
    case CONFIG_ADDRESSES:
    case CONFIG_PREFIXES:
    case CONFIG_ANCHORS: {
        json_t *list = json_array();
        for (const char *text = item->initial; *text;) {
            size_t length = strcspn(text, " ");
            json_array_append_new(list, json_stringn(text, length));
            text += length + strspn(text + length, " ");
        }
        return list;
    }
    default:
        return json_string(item->initial);
    }
}

static json_t *item_schema(const config_item_t *item)
{
    json_t *schema = value_schema(item);
    bool is_text = item->type >= CONFIG_TEXT && item->type != CONFIG_PORTS; /* the word is one of the texts */
    if (item->none && !is_text) {
        schema = json_pack("{s:[{s:s}, o]}", "anyOf", "const", item->none, schema);
    }
    if (schema) {
        set(schema, "description", json_string(item->summary));
        if (item->initial) {
            set(schema, "default", initial_value(item));
        }
    }
    return schema;
}

static int append(const char *text, size_t length, void *context)
{
    buffer_t *out = context;
    buffer_append(out, text, length);
    return out->status == STATUS_OK ? 0 : -1;
}

status_t config_schema_json(buffer_t *out)
{
    json_t *schema = section_schema("");
    status_t status = STATUS_NO_MEMORY;
    if (schema) {
        set(schema, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
        set(schema, "title", json_string("Portolan configuration"));
        status = json_dump_callback(schema, append, out, JSON_INDENT(2)) == 0 ? STATUS_OK : STATUS_NO_MEMORY;
        buffer_append_byte(out, '\n');
    }
    json_decref(schema);
    return status;
}
