#include "server/server_cache_file.h"

#include "base/siphash.h"
#include "cache/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, MODE = S_IRUSR | S_IWUSR };

/* The page behind the cache. */
typedef struct trailer {
    uint8_t magic[8];
    uint64_t fingerprint;
    uint64_t checksum; /* of the above */
} trailer_t;

static const uint8_t trailer_magic[8] = {'P', 'R', 'T', 'L', 's', 'e', 't', '1'};

/* ---- the page behind ---- */

static trailer_t *trailer_of(const cache_file_t *file)
{
    return (trailer_t *)(void *)(file->memory + file->budget);
}

static uint64_t trailer_checksum(const trailer_t *trailer)
{
    static const siphash_key_t key = {1, 2}; /* against damage, not against forgers: they could write the rest as well */
    return siphash(&key, trailer, offsetof(trailer_t, checksum));
}

bool cache_file_fingerprint(const cache_file_t *file, uint64_t *fingerprint)
{
    trailer_t trailer;
    memcpy(&trailer, trailer_of(file), sizeof trailer);
    *fingerprint = trailer.fingerprint;
    return memcmp(trailer.magic, trailer_magic, sizeof trailer_magic) == 0 && trailer.checksum == trailer_checksum(&trailer);
}

/* What fails to reach the disk here is in the kernel's memory all the same; only a crash of the system could tell the difference. */
static void sync_pages(void *from, size_t size)
{
    int failed = msync(from, size, MS_SYNC);
    (void)failed;
}

void cache_file_forget_fingerprint(cache_file_t *file)
{
    if (file->memory) {
        memset(trailer_of(file), 0, sizeof(trailer_t));
        sync_pages(file->memory + file->budget, PAGE);
    }
}

void cache_file_set_fingerprint(cache_file_t *file, uint64_t fingerprint)
{
    trailer_t trailer = {.fingerprint = fingerprint};
    if (file->memory) {
        memcpy(trailer.magic, trailer_magic, sizeof trailer_magic);
        trailer.checksum = trailer_checksum(&trailer);
        sync_pages(file->memory, file->budget);
        memcpy(trailer_of(file), &trailer, sizeof trailer);
    }
}

/* ---- opening ---- */

static status_t refuse(buffer_t *why, status_t status, const char *what)
{
    buffer_append_text(why, what);
    return status;
}

static status_t system_failure(buffer_t *why, const char *what, int error)
{
    buffer_printf(why, "%s: %s", what, strerror(error));
    return error == ENOSPC || error == EDQUOT || error == EFBIG ? STATUS_NO_SPACE
           : error == EACCES || error == EPERM                  ? STATUS_DENIED
                                                                : STATUS_IO;
}

/* A file of somebody else's, or of something else, that the operator named by mistake is not written over. */
static status_t check_file(int descriptor, off_t *size, buffer_t *why)
{
    struct stat there;
    uint8_t head[PAGE] = {0};
    if (fstat(descriptor, &there) != 0) {
        return system_failure(why, "it cannot be looked at", errno);
    }
    if (!S_ISREG(there.st_mode) || there.st_nlink != 1) {
        return refuse(why, STATUS_INVALID, "it is not an ordinary file with one name");
    }
    if (there.st_uid != geteuid()) {
        return refuse(why, STATUS_DENIED, "it belongs to another user");
    }
    ssize_t got = pread(descriptor, head, sizeof head, 0);
    if (got < 0) {
        return system_failure(why, "it cannot be read", errno);
    }
    if (!cache_is_file_head(head, (size_t)got)) {
        return refuse(why, STATUS_INVALID, "it holds something else than a cache; remove it if it is not needed");
    }
    if ((there.st_mode & (S_IRWXG | S_IRWXO)) != 0 && fchmod(descriptor, MODE) != 0) {
        return system_failure(why, "it cannot be made private", errno);
    }
    *size = there.st_size;
    return STATUS_OK;
}

/* All blocks, so that no page of the mapping lacks one. */
static status_t give_blocks(int descriptor, off_t before, size_t size, buffer_t *why)
{
    if (ftruncate(descriptor, (off_t)size) != 0) {
        return system_failure(why, "it cannot be given its size", errno);
    }
    int error;
    do {
        error = posix_fallocate(descriptor, 0, (off_t)size);
    } while (error == EINTR);
    if (error != 0) {
        int failed = before < (off_t)size ? ftruncate(descriptor, before) : 0; /* the disk is full: at least not of this */
        (void)failed;
        buffer_printf(why, "there is no room for %zu bytes: %s", size, strerror(error));
        return error == ENOSPC || error == EDQUOT || error == EFBIG ? STATUS_NO_SPACE : STATUS_IO;
    }
    return STATUS_OK;
}

static status_t map_descriptor(cache_file_t *file, buffer_t *why)
{
    off_t before = 0;
    size_t size = file->budget + PAGE;
    if (flock(file->descriptor, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? refuse(why, STATUS_EXISTS, "another process uses it") : system_failure(why, "no lock", errno);
    }
    status_t status = check_file(file->descriptor, &before, why);
    if (status == STATUS_OK) {
        status = give_blocks(file->descriptor, before, size, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file->descriptor, 0);
    if (memory == MAP_FAILED) {
        return system_failure(why, "it cannot be mapped", errno);
    }
    file->memory = memory;
    return STATUS_OK;
}

status_t cache_file_map(cache_file_t *file, const char *path, size_t budget_bytes, buffer_t *why)
{
    *file = (cache_file_t){.budget = budget_bytes & ~(size_t)(PAGE - 1)};
    /* O_NONBLOCK: a pipe of that name is no reason to wait for somebody */
    file->descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, MODE);
    if (file->descriptor < 0) {
        return errno == ELOOP ? refuse(why, STATUS_INVALID, "it is a symbolic link") : system_failure(why, "it cannot be opened", errno);
    }
    status_t status = map_descriptor(file, why);
    if (status != STATUS_OK) {
        close(file->descriptor);
    }
    return status;
}

void cache_file_unmap(cache_file_t *file)
{
    if (file->memory) {
        int failed = munmap(file->memory, file->budget + PAGE);
        (void)failed; /* what we mapped is there to be unmapped */
        close(file->descriptor);
        file->memory = NULL;
    }
}
