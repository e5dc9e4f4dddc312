/* Files that the configuration names and that are read with it. */
#include "control/config_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *config_read_path(config_t *config, const config_item_t *item, const yaml_node_t *node)
{
    /* a list's item, read as the path it consists of */
    const config_item_t path = {.path = item->path, .type = CONFIG_PATH, .size = sizeof(char *), .minimum = 1, .maximum = 4095};
    const value_context_t context = {.arena = &config->settings->arena, .directory = config->directory};
    const char *text = NULL;
    value_error_t error;
    status_t status = value_parse(&path, node->text, node->length, &context, (void *)&text, &error);
    if (status == STATUS_INVALID) {
        config_report(config, "bad-value", node, &error);
    }
    config->out_of_memory |= status == STATUS_NO_MEMORY;
    return status == STATUS_OK ? text : NULL;
}

static bool report_file(config_t *config, const yaml_node_t *node, const char *path, const char *what)
{
    /* blanks and the name of a type: somebody meant a record */
    bool is_record = memmem(node->text, node->length, " ", 1) != NULL && node->text[0] != '/';
    yaml_report(&config->document, DIAGNOSTIC_ERROR, "cannot-read", node, 0,
                is_record ? "a record is written OWNER DS ... or OWNER DNSKEY ..." : NULL, "cannot read %s: %s", path, what);
    return false;
}

/* Never waits: a pipe or a device is no configuration. */
bool config_read_content(config_t *config, const yaml_node_t *node, const char *path, size_t maximum, buffer_t *content)
{
    buffer_init(content, maximum);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return report_file(config, node, path, strerror(errno));
    }
    struct stat identity;
    if (fstat(fd, &identity) != 0 || !S_ISREG(identity.st_mode)) {
        close(fd);
        return report_file(config, node, path, "this is no regular file");
    }
    enum { STRIDE = 65536 };
    ssize_t n = 1;
    int error = 0;
    while (n > 0 && error == 0) {
        uint8_t *room = buffer_reserve(content, STRIDE);
        n = room ? read(fd, room, STRIDE) : 0;
        error = n < 0 ? errno : 0;
        content->size += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    if (error != 0) {
        return report_file(config, node, path, strerror(error));
    }
    if (content->status == STATUS_NO_SPACE) {
        return report_file(config, node, path, "it is too large");
    }
    config->out_of_memory |= content->status != STATUS_OK;
    return content->status == STATUS_OK;
}

void config_relay(config_t *config, const yaml_node_t *node, diagnostics_t *findings)
{
    for (const diagnostic_t *entry = findings->first; entry; entry = entry->next) {
        size_t at = entry->place.line <= 1 && entry->place.column > 0 ? entry->place.column - 1 : 0;
        yaml_report(&config->document, entry->severity, entry->code, node, at, entry->hint, "%s", entry->message);
    }
    diagnostics_clear(findings);
}
