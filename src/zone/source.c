#include "zone/source.h"

#include "base/require.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Streams (pipes, files of /proc) have no size beforehand: they are read into a mapping that doubles. */
static const size_t STREAM_MAX = (size_t)4 << 30;
/* So much parsed text is moved over at once: large enough that moving what is left costs nothing, small enough to stay in the cache. */
static const size_t SLIDE_MIN = (size_t)2 << 20;

static bool reserve(zone_source_t *source, size_t text_size)
{
    size_t size = text_size + SOURCE_PADDING;
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        return false;
    }
    source->base = base;
    source->filled = base;
    source->reserved = size;
    return true;
}

static ssize_t read_some(int fd, void *to, size_t size)
{
    ssize_t got;
    do {
        got = read(fd, to, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

static void stop_reading(zone_source_t *source)
{
    if (source->fd >= 0) {
        close(source->fd);
        source->fd = -1;
    }
}

static void note_change(zone_source_t *source)
{
    struct stat now;
    if (fstat(source->fd, &now) == 0 &&
        (now.st_size != source->identity.st_size || memcmp(&now.st_mtim, &source->identity.st_mtim, sizeof now.st_mtim) != 0 ||
         source->read_size != (uint64_t)source->identity.st_size)) {
        source->identity.st_size = -1; /* what zone_source_has_changed() looks at */
    }
}

bool zone_source_fill(zone_source_t *source)
{
    if (source->fd < 0) {
        return false;
    }
    uint8_t *end = source->base + (source->filled - source->base);
    uint64_t left = (uint64_t)source->identity.st_size - source->read_size;
    ssize_t got = left == 0 ? 0 : read_some(source->fd, end, left < SOURCE_STRIDE ? (size_t)left : SOURCE_STRIDE);
    if (got > 0) {
        source->read_size += (uint64_t)got;
        source->filled = end + got;
        end[got] = 0;
        return true;
    }
    if (got < 0) {
        source->error_number = errno;
    }
    note_change(source);
    stop_reading(source);
    return false;
}

bool zone_source_has_changed(const zone_source_t *source)
{
    return source->identity.st_size < 0;
}

static status_t read_stream(zone_source_t *source)
{
    if (!reserve(source, SOURCE_STRIDE)) {
        return STATUS_NO_MEMORY;
    }
    size_t size = 0;
    for (;;) {
        size_t room = source->reserved - SOURCE_PADDING - size;
        if (room == 0) {
            if (source->reserved > STREAM_MAX) {
                return STATUS_LIMIT;
            }
            void *larger = mremap(source->base, source->reserved, source->reserved * 2, MREMAP_MAYMOVE);
            if (larger == MAP_FAILED) {
                return STATUS_NO_MEMORY;
            }
            source->base = larger;
            source->reserved *= 2;
            continue;
        }
        ssize_t got = read_some(source->fd, source->base + size, room);
        if (got < 0) {
            return STATUS_IO;
        }
        if (got == 0) {
            break;
        }
        size += (size_t)got;
    }
    source->filled = source->base + size;
    stop_reading(source);
    return STATUS_OK;
}

status_t zone_source_open(zone_source_t *source, const char *path, bool regular_only)
{
    *source = (zone_source_t){.fd = -1};
    source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (regular_only ? O_NONBLOCK : 0)); /* a pipe without a writer */
    if (source->fd < 0) {
        return STATUS_IO;
    }
    status_t status = STATUS_IO;
    if (fstat(source->fd, &source->identity) != 0) {
        goto out;
    }
    if (S_ISDIR(source->identity.st_mode)) {
        errno = EISDIR;
        goto out;
    }
    if (regular_only && !S_ISREG(source->identity.st_mode)) {
        status = STATUS_UNSUPPORTED;
        goto out;
    }
    if (S_ISREG(source->identity.st_mode) && source->identity.st_size > 0) {
        status = reserve(source, (size_t)source->identity.st_size) ? STATUS_OK : STATUS_NO_MEMORY;
    } else {
        status = read_stream(source);
    }
out:
    if (status != STATUS_OK) {
        int why = errno;
        zone_source_close(source);
        errno = why;
    }
    return status;
}

status_t zone_source_copy(zone_source_t *source, const char *text, size_t length)
{
    *source = (zone_source_t){.fd = -1};
    if (!reserve(source, length)) {
        return STATUS_NO_MEMORY;
    }
    if (length > 0) {
        memcpy(source->base, text, length);
    }
    source->filled = source->base + length;
    return STATUS_OK;
}

void zone_source_close(zone_source_t *source)
{
    stop_reading(source);
    if (source->base) {
        munmap(source->base, source->reserved);
    }
    source->base = NULL;
    source->filled = NULL;
}

size_t zone_source_slide(zone_source_t *source, const uint8_t *position)
{
    DEBUG_ASSERT(position >= source->base && position <= source->filled);
    size_t parsed = (size_t)(position - source->base);
    if (parsed < SLIDE_MIN || source->fd < 0) {
        return 0;
    }
    size_t left = (size_t)(source->filled - position);
    memmove(source->base, position, left);
    source->base[left] = 0;
    source->filled = source->base + left;
    return parsed;
}
