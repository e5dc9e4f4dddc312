#include "server/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MODE = S_IRUSR | S_IWUSR | S_IRGRP,
    DIRECTORY_MODE = S_IRWXU | S_IRGRP | S_IXGRP,
    PIECE = 16384,
};

static status_t status_of(int error)
{
    switch (error) {
    case ENOENT:
        return STATUS_NOT_FOUND;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return STATUS_NO_SPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return STATUS_DENIED;
    case ELOOP:
        return STATUS_INVALID;
    default:
        return STATUS_IO;
    }
}

static status_t path_of(const state_file_t *file, const char *suffix, char path[static PATH_MAX])
{
    int length = snprintf(path, PATH_MAX, "%s/%s%s", file->directory, file->name, suffix);
    return length > 0 && length < PATH_MAX ? STATUS_OK : STATUS_LIMIT;
}

/* ---- reading ---- */

static status_t read_all(int fd, buffer_t *out)
{
    for (;;) {
        uint8_t piece[PIECE];
        ssize_t got = read(fd, piece, sizeof piece);
        if (got == 0) {
            return out->status;
        }
        if (got < 0 && errno != EINTR) {
            return status_of(errno);
        }
        if (got > 0) {
            buffer_append(out, piece, (size_t)got);
        }
        if (out->status != STATUS_OK) {
            return out->status;
        }
    }
}

status_t state_file_read(const state_file_t *file, buffer_t *out)
{
    char path[PATH_MAX];
    struct stat there;
    status_t status = path_of(file, "", path);
    if (status != STATUS_OK) {
        return status;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); /* a pipe of that name is no reason to wait for somebody */
    if (fd < 0) {
        return status_of(errno);
    }
    if (fstat(fd, &there) != 0) {
        status = status_of(errno);
    } else if (!S_ISREG(there.st_mode)) {
        status = STATUS_INVALID;
    } else {
        status = read_all(fd, out);
    }
    close(fd);
    return status;
}

/* ---- writing ---- */

static status_t write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno != EINTR) {
            return status_of(errno);
        }
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return fsync(fd) == 0 ? STATUS_OK : status_of(errno);
}

/* The name itself must be on the disk, too. */
static status_t sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return status_of(errno);
    }
    status_t status = fsync(fd) == 0 ? STATUS_OK : status_of(errno);
    close(fd);
    return status;
}

static int open_new(const state_file_t *file, const char *path)
{
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    int fd = open(path, flags, FILE_MODE);
    if (fd < 0 && errno == ENOENT && mkdir(file->directory, DIRECTORY_MODE) == 0) {
        fd = open(path, flags, FILE_MODE);
    }
    return fd;
}

status_t state_file_write(const state_file_t *file, const void *data, size_t size)
{
    char path[PATH_MAX];
    char new_path[PATH_MAX];
    status_t status = path_of(file, "", path);
    status = status == STATUS_OK ? path_of(file, ".new", new_path) : status;
    if (status != STATUS_OK) {
        return status;
    }
    int fd = open_new(file, new_path);
    if (fd < 0) {
        return status_of(errno);
    }
    status = write_all(fd, data, size);
    if (close(fd) != 0 && status == STATUS_OK) {
        status = status_of(errno);
    }
    if (status == STATUS_OK && rename(new_path, path) != 0) {
        status = status_of(errno);
    }
    if (status != STATUS_OK) {
        int error = errno;
        (void)unlink(new_path);
        errno = error;
        return status;
    }
    return sync_directory(file->directory);
}

status_t state_file_set_aside(const state_file_t *file)
{
    char path[PATH_MAX];
    char aside[PATH_MAX];
    status_t status = path_of(file, "", path);
    status = status == STATUS_OK ? path_of(file, ".bad", aside) : status;
    if (status == STATUS_OK && rename(path, aside) != 0) {
        status = status_of(errno);
    }
    return status;
}
