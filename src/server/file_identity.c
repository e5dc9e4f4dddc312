#include "server/file_identity.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct included_file {
    struct included_file *next;
    file_identity_t identity;
    char path[];
} included_file_t;

struct included_files {
    unsigned references;
    bool is_incomplete;
    included_file_t *first;
};

status_t file_identity_read(const char *file, file_identity_t *identity)
{
    struct stat status;
    if (stat(file, &status) != 0) {
        *identity = (file_identity_t){.device = 0};
        return STATUS_IO;
    }
    *identity = (file_identity_t){.device = status.st_dev,
                                  .inode = status.st_ino,
                                  .size = status.st_size,
                                  .changed_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec};
    return STATUS_OK;
}

bool file_identity_equal(const file_identity_t *a, const file_identity_t *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size && a->changed_ns == b->changed_ns;
}

void included_files_add(included_files_t **files, const char *path)
{
    if (!*files) {
        *files = calloc(1, sizeof **files);
        if (!*files) {
            return;
        }
        (*files)->references = 1;
    }
    size_t size = strlen(path) + 1;
    included_file_t *file = malloc(sizeof *file + size);
    if (!file) {
        (*files)->is_incomplete = true;
        return;
    }
    file->next = (*files)->first;
    memcpy(file->path, path, size);
    (void)!file_identity_read(path, &file->identity); /* one that is not there has no identity until it comes */
    (*files)->first = file;
}

bool included_files_changed(const included_files_t *files)
{
    if (!files) {
        return false;
    }
    for (const included_file_t *file = files->first; file; file = file->next) {
        file_identity_t now;
        (void)!file_identity_read(file->path, &now);
        if (!file_identity_equal(&now, &file->identity)) {
            return true;
        }
    }
    return files->is_incomplete;
}

included_files_t *included_files_ref(included_files_t *files)
{
    if (files) {
        files->references++;
    }
    return files;
}

void included_files_unref(included_files_t *files)
{
    if (!files || --files->references > 0) {
        return;
    }
    for (included_file_t *file = files->first; file;) {
        included_file_t *next = file->next;
        free(file);
        file = next;
    }
    free(files);
}
