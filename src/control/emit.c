#include "control/emit.h"

#include "base/require.h"

#include <jansson.h>
#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

enum { EMIT_DEPTH_MAX = 16 };

struct emitter {
    emit_form_t form;
    bool failed;
    unsigned depth;
    /* JSON: the tree so far; levels[0] is the root's place */
    json_t *root;
    json_t *levels[EMIT_DEPTH_MAX];
    char *key;
    /* YAML: what libfyaml has written */
    struct fy_emitter *yaml;
    buffer_t text;
    emit_kind_t kinds[EMIT_DEPTH_MAX];
};

static const size_t TEXT_MAX = (size_t)4 * 1024 * 1024 * 1024;

static int take_output(struct fy_emitter *yaml, enum fy_emitter_write_type type, const char *text, int length, void *context)
{
    (void)yaml;
    (void)type;
    buffer_append((buffer_t *)context, text, (size_t)length);
    return length;
}

static void put_event(emitter_t *emitter, struct fy_event *event)
{
    if (!event || fy_emit_event(emitter->yaml, event) != 0) {
        emitter->failed = true;
    }
}

static bool start_yaml(emitter_t *emitter)
{
    const struct fy_emitter_cfg settings = {
        .flags = FYECF_MODE_ORIGINAL | FYECF_WIDTH_INF | FYECF_INDENT_2 | FYECF_DOC_START_MARK_OFF | FYECF_DOC_END_MARK_OFF |
                 FYECF_VERSION_DIR_OFF | FYECF_TAG_DIR_OFF,
        .output = take_output,
        .userdata = &emitter->text,
    };
    emitter->yaml = fy_emitter_create(&settings);
    if (!emitter->yaml) {
        return false;
    }
    put_event(emitter, fy_emit_event_create(emitter->yaml, FYET_STREAM_START));
    put_event(emitter, fy_emit_event_create(emitter->yaml, FYET_DOCUMENT_START, 1, NULL, NULL));
    return !emitter->failed;
}

static void emitter_free(emitter_t *emitter)
{
    if (emitter->yaml) {
        fy_emitter_destroy(emitter->yaml);
    }
    json_decref(emitter->root);
    free(emitter->key);
    buffer_clear(&emitter->text);
    free(emitter);
}

emitter_t *emitter_new(emit_form_t form)
{
    emitter_t *emitter = calloc(1, sizeof *emitter);
    if (!emitter) {
        return NULL;
    }
    emitter->form = form;
    buffer_init(&emitter->text, TEXT_MAX);
    if (form == EMIT_YAML && !start_yaml(emitter)) {
        emitter_free(emitter);
        return NULL;
    }
    return emitter;
}

/* Puts a value where the emitter stands; takes the reference. */
static void put_json(emitter_t *emitter, json_t *value)
{
    if (!value) {
        emitter->failed = true;
        return;
    }
    json_t *place = emitter->depth > 0 ? emitter->levels[emitter->depth - 1] : NULL;
    if (!place) {
        emitter->failed |= emitter->root != NULL;
        json_decref(emitter->root);
        emitter->root = value;
    } else if (json_is_array(place)) {
        emitter->failed |= json_array_append_new(place, value) != 0;
    } else {
        emitter->failed |= json_object_set_new(place, emitter->key ? emitter->key : "", value) != 0;
    }
}

void emit_open(emitter_t *emitter, emit_kind_t kind)
{
    REQUIRE(emitter->depth < EMIT_DEPTH_MAX);
    if (emitter->form == EMIT_JSON) {
        json_t *value = kind == EMIT_MAP ? json_object() : json_array();
        put_json(emitter, value);
        emitter->levels[emitter->depth] = value; /* borrowed: the tree owns it */
    } else {
        put_event(emitter, kind == EMIT_MAP ? fy_emit_event_create(emitter->yaml, FYET_MAPPING_START, FYNS_BLOCK, NULL, NULL)
                                            : fy_emit_event_create(emitter->yaml, FYET_SEQUENCE_START, FYNS_BLOCK, NULL, NULL));
    }
    emitter->kinds[emitter->depth++] = kind;
}

void emit_close(emitter_t *emitter)
{
    REQUIRE(emitter->depth > 0);
    emit_kind_t kind = emitter->kinds[--emitter->depth];
    if (emitter->form == EMIT_YAML) {
        put_event(emitter, fy_emit_event_create(emitter->yaml, kind == EMIT_MAP ? FYET_MAPPING_END : FYET_SEQUENCE_END));
    }
}

static void put_scalar(emitter_t *emitter, enum fy_scalar_style style, const char *text, size_t length)
{
    put_event(emitter, fy_emit_event_create(emitter->yaml, FYET_SCALAR, style, text, length, NULL, NULL));
}

void emit_key(emitter_t *emitter, const char *key)
{
    if (emitter->form == EMIT_JSON) {
        free(emitter->key);
        emitter->key = strdup(key);
        emitter->failed |= emitter->key == NULL;
    } else {
        put_scalar(emitter, FYSS_ANY, key, strlen(key));
    }
}

void emit_text_n(emitter_t *emitter, const char *text, size_t length)
{
    if (emitter->form == EMIT_JSON) {
        put_json(emitter, json_stringn(text, length));
    } else {
        put_scalar(emitter, FYSS_ANY, text, length);
    }
}

void emit_text(emitter_t *emitter, const char *text)
{
    emit_text_n(emitter, text, strlen(text));
}

void emit_boolean(emitter_t *emitter, bool value)
{
    if (emitter->form == EMIT_JSON) {
        put_json(emitter, json_boolean(value));
    } else {
        put_scalar(emitter, FYSS_PLAIN, value ? "yes" : "no", value ? 3 : 2);
    }
}

void emit_number_text(emitter_t *emitter, const char *text)
{
    char *end;
    long long number = strtoll(text, &end, 10);
    if (emitter->form == EMIT_JSON && *text && *end == 0) {
        put_json(emitter, json_integer(number));
    } else {
        emit_text(emitter, text);
    }
}

static int append_json(const char *text, size_t length, void *context)
{
    buffer_t *out = context;
    buffer_append(out, text, length);
    return out->status == STATUS_OK ? 0 : -1;
}

status_t emitter_finish(emitter_t *emitter, buffer_t *out)
{
    REQUIRE(emitter->depth == 0);
    if (emitter->form == EMIT_JSON) {
        if (!emitter->root || json_dump_callback(emitter->root, append_json, out, JSON_INDENT(2)) != 0) {
            emitter->failed = true;
        }
        buffer_append_byte(out, '\n');
    } else {
        put_event(emitter, fy_emit_event_create(emitter->yaml, FYET_DOCUMENT_END, 1));
        put_event(emitter, fy_emit_event_create(emitter->yaml, FYET_STREAM_END));
        buffer_append(out, emitter->text.data, emitter->text.size);
        if (out->size > 0 && out->data[out->size - 1] != '\n') {
            buffer_append_byte(out, '\n');
        }
        emitter->failed |= emitter->text.status != STATUS_OK;
    }
    bool failed = emitter->failed;
    emitter_free(emitter);
    return out->status != STATUS_OK ? out->status : failed ? STATUS_NO_MEMORY : STATUS_OK;
}
