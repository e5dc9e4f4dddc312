#include "control/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { SOCKET_MODE = 0660, DIRECTORY_MODE = 0755, BACKLOG = 64, CONNECT_TIMEOUT_S = 5 };

static status_t address_of(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof address->sun_path) {
        return STATUS_INVALID;
    }
    memcpy(address->sun_path, path, length + 1);
    return STATUS_OK;
}

static status_t system_error(buffer_t *why, const char *what, const char *path)
{
    status_t status = errno == EACCES || errno == EPERM || errno == EROFS ? STATUS_DENIED : STATUS_IO;
    buffer_printf(why, "%s %s: %s", what, path, strerror(errno));
    return status;
}

/* The account that the server will be, or NULL: no change. */
static const struct passwd *future_account(const char *user)
{
    return geteuid() == 0 ? getpwnam(user ? user : "portolan") : NULL;
}

/* Makes what was just made the account's. In a directory that others may write to, something else can stand there by now: a link is not
 * followed, and nothing changes hands that is of another type or has a second name. */
static int give_away(const char *path, mode_t type, const struct passwd *account)
{
    struct stat there;
    int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    int result = fstat(fd, &there);
    if (result == 0 && ((there.st_mode & S_IFMT) != type || (type != S_IFDIR && there.st_nlink != 1))) {
        errno = EEXIST;
        result = -1;
    }
    if (result == 0) {
        result = fchownat(fd, "", account->pw_uid, account->pw_gid, AT_EMPTY_PATH);
    }
    int reason = errno;
    close(fd);
    errno = reason;
    return result;
}

/* Makes every missing directory above path; those made belong to account. */
static status_t make_directories(const char *path, const struct passwd *account, buffer_t *why)
{
    char directory[sizeof((struct sockaddr_un *)0)->sun_path];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        size_t length = (size_t)(slash - path);
        memcpy(directory, path, length);
        directory[length] = 0;
        if (mkdir(directory, DIRECTORY_MODE) == 0) {
            if (account && give_away(directory, S_IFDIR, account) < 0) {
                return system_error(why, "cannot give away", directory);
            }
        } else if (errno != EEXIST) {
            struct stat there; /* a directory that exists in one that is read-only */
            int error = errno;
            if (stat(directory, &there) < 0 || !S_ISDIR(there.st_mode)) {
                errno = error;
                return system_error(why, "cannot make the directory", directory);
            }
        }
    }
    return STATUS_OK;
}

/* Removes what a server that is gone has left; STATUS_EXISTS if one is there. */
static status_t clear_way(const char *path, buffer_t *why)
{
    struct stat there;
    if (lstat(path, &there) < 0) {
        return errno == ENOENT ? STATUS_OK : system_error(why, "cannot look at", path);
    }
    if (!S_ISSOCK(there.st_mode)) {
        buffer_printf(why, "%s is there and is not a socket", path);
        return STATUS_EXISTS;
    }
    int fd = -1;
    status_t status = control_socket_connect(path, &fd);
    if (status == STATUS_OK) {
        close(fd);
        buffer_printf(why, "another server answers at %s", path);
        return STATUS_EXISTS;
    }
    if (status != STATUS_NOT_FOUND) {
        return system_error(why, "cannot find out who is at", path);
    }
    return unlink(path) == 0 || errno == ENOENT ? STATUS_OK : system_error(why, "cannot remove the old socket", path);
}

/* The mode is right from the first moment, and no chmod() can be led astray by a link; nobody can connect before listen(). */
static status_t bind_socket(int fd, const char *path, const struct sockaddr_un *address, const struct passwd *account, buffer_t *why)
{
    mode_t before = umask(0777 & ~SOCKET_MODE);
    int result = bind(fd, (const struct sockaddr *)address, sizeof *address);
    umask(before);
    if (result < 0) {
        return system_error(why, "cannot make the control socket", path);
    }
    if ((account && give_away(path, S_IFSOCK, account) < 0) || listen(fd, BACKLOG) < 0) {
        status_t status = system_error(why, "cannot set up the control socket", path);
        unlink(path);
        return status;
    }
    return STATUS_OK;
}

status_t control_socket_make(const char *path, const char *user, int *fd, buffer_t *why)
{
    struct sockaddr_un address;
    *fd = -1;
    if (address_of(path, &address) != STATUS_OK) {
        buffer_printf(why, "the path of the control socket is longer than %zu bytes: %s", sizeof address.sun_path - 1, path);
        return STATUS_INVALID;
    }
    const struct passwd *account = future_account(user);
    status_t status = make_directories(path, account, why);
    if (status == STATUS_OK) {
        status = clear_way(path, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0) {
        return system_error(why, "cannot make the control socket", path);
    }
    status = bind_socket(made, path, &address, account, why);
    if (status != STATUS_OK) {
        close(made);
        return status;
    }
    *fd = made;
    return STATUS_OK;
}

status_t control_socket_connect(const char *path, int *fd)
{
    struct sockaddr_un address;
    status_t status = address_of(path, &address);
    if (status != STATUS_OK) {
        return status;
    }
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) {
        return STATUS_IO;
    }
    /* Who listens and takes nobody may hold up neither a start nor a tool. */
    (void)!setsockopt(made, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){.tv_sec = CONNECT_TIMEOUT_S}, sizeof(struct timeval));
    if (connect(made, (const struct sockaddr *)&address, sizeof address) < 0) {
        int error = errno;
        close(made);
        errno = error;
        switch (error) {
        case ENOENT:
        case ENOTDIR:
        case ECONNREFUSED:
            return STATUS_NOT_FOUND;
        case EACCES:
        case EPERM:
            return STATUS_DENIED;
        default:
            return STATUS_IO;
        }
    }
    *fd = made;
    return STATUS_OK;
}
