/*
 * The main program that turns a fuzz target into a plain test: it hands every file below the directories and files named
 * on its command line to LLVMFuzzerTestOneInput, and each file's every prefix of a power-of-two length as well, so that a
 * parser also sees its corpus cut short. A directory without a file is a failure: a test that reads nothing proves nothing.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { INPUT_MAX_BYTES = 4 * 1024 * 1024, PATH_MAX_BYTES = 4096 };

/* Every run gets a block of exactly its size, so that AddressSanitizer sees a read of one byte too many. */
static bool run_input(const uint8_t *data, size_t size_bytes)
{
    uint8_t *copy = calloc(1, size_bytes > 0 ? size_bytes : 1);
    if (copy == NULL) {
        return false;
    }
    if (size_bytes > 0) {
        memcpy(copy, data, size_bytes);
    }
    LLVMFuzzerTestOneInput(copy, size_bytes);
    free(copy);
    return true;
}

static bool replay_file(const char *path)
{
    bool good = false;
    uint8_t *data = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    data = malloc(INPUT_MAX_BYTES);
    if (data == NULL) {
        goto out;
    }
    size_t size_bytes = fread(data, 1, INPUT_MAX_BYTES, file);
    if (ferror(file) != 0) {
        fprintf(stderr, "%s: cannot read\n", path);
        goto out;
    }
    good = run_input(data, size_bytes);
    for (size_t cut = 1; good && cut < size_bytes; cut *= 2) {
        good = run_input(data, cut);
    }
out:
    free(data);
    (void)fclose(file);
    return good;
}

static size_t replay_path(const char *path, bool *good);

static size_t replay_directory(const char *path, bool *good)
{
    size_t count = 0;
    struct dirent **entries = NULL;
    int found = scandir(path, &entries, NULL, alphasort);
    if (found < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        *good = false;
        return 0;
    }
    for (int i = 0; i < found; i++) {
        char child[PATH_MAX_BYTES];
        if (entries[i]->d_name[0] != '.') {
            int length = snprintf(child, sizeof(child), "%s/%s", path, entries[i]->d_name);
            if (length > 0 && (size_t)length < sizeof(child)) {
                count += replay_path(child, good);
            } else {
                *good = false;
            }
        }
        free(entries[i]);
    }
    free(entries);
    return count;
}

static size_t replay_path(const char *path, bool *good)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        *good = false;
        return 0;
    }
    if (S_ISDIR(status.st_mode)) {
        return replay_directory(path, good);
    }
    if (!replay_file(path)) {
        *good = false;
    }
    return 1;
}

int main(int argc, char **argv)
{
    bool good = true;
    size_t count = 0;
    (void)run_input(NULL, 0);
    for (int i = 1; i < argc; i++) {
        count += replay_path(argv[i], &good);
    }
    printf("%zu inputs replayed\n", count);
    return good && count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
