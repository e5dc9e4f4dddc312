#include "daemon/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define USER_DEFAULT "portolan"

enum { PASSWD_BUFFER_SIZE = 16 * 1024 };

static bool look_up(const char *name, uid_t *uid, gid_t *gid)
{
    char *memory = malloc(PASSWD_BUFFER_SIZE);
    struct passwd entry;
    struct passwd *found = NULL;
    if (memory && getpwnam_r(name, &entry, memory, PASSWD_BUFFER_SIZE, &found) == 0 && found) {
        *uid = found->pw_uid;
        *gid = found->pw_gid;
    }
    free(memory);
    return found != NULL;
}

static status_t denied(const char *step, const char *user, buffer_t *why)
{
    buffer_printf(why, "cannot become user %s: %s: %s", user, step, strerrordesc_np(errno));
    return STATUS_DENIED;
}

static status_t change_identity(const char *user, uid_t uid, gid_t gid, buffer_t *why)
{
    uid_t real;
    uid_t effective;
    uid_t saved;
    if (geteuid() == uid && getuid() == uid) {
        return STATUS_OK; /* the service manager has done it */
    }
    if (initgroups(user, gid) != 0) {
        return denied("initgroups", user, why);
    }
    if (setresgid(gid, gid, gid) != 0) {
        return denied("setresgid", user, why);
    }
    if (setresuid(uid, uid, uid) != 0) {
        return denied("setresuid", user, why);
    }
    if (getresuid(&real, &effective, &saved) != 0 || real != uid || effective != uid || saved != uid || (uid != 0 && setuid(0) == 0)) {
        errno = EPERM;
        return denied("the change did not hold", user, why);
    }
    return STATUS_OK;
}

/* The bounding set goes first: emptying it takes a capability that the change of user takes away. */
static void drop_bounding_set(void)
{
    capng_get_caps_process();
    if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP)) {
        capng_clear(CAPNG_SELECT_BOUNDS);
        (void)!capng_apply(CAPNG_SELECT_BOUNDS);
    }
}

static status_t drop_capabilities(buffer_t *why)
{
    capng_clear(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT);
    (void)!capng_apply(CAPNG_SELECT_AMBIENT);
    if (capng_apply(CAPNG_SELECT_CAPS) != 0 || capng_get_caps_process() != 0 || capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE) {
        buffer_append_text(why, "cannot give up capabilities");
        return STATUS_DENIED;
    }
    return STATUS_OK;
}

static status_t lock_down(buffer_t *why)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        buffer_printf(why, "cannot lock the process down: %s", strerrordesc_np(errno));
        return STATUS_DENIED;
    }
    return STATUS_OK;
}

status_t privileges_drop(const char *user, log_t *log, buffer_t *why)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (!user && uid == 0 && look_up(USER_DEFAULT, &uid, &gid)) {
        user = USER_DEFAULT;
    } else if (user && !look_up(user, &uid, &gid)) {
        buffer_printf(why, "there is no user %s", user);
        return STATUS_NOT_FOUND;
    }
    if (uid == 0) {
        log_event(log, LOG_WARNING, "privileges.kept",
                  LOG_TEXT("reason", user ? "the configuration says user: root" : "there is no user " USER_DEFAULT));
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? STATUS_OK : denied("no_new_privs", "root", why);
    }
    drop_bounding_set();
    status_t status = user ? change_identity(user, uid, gid, why) : STATUS_OK;
    if (status == STATUS_OK) {
        status = drop_capabilities(why);
    }
    if (status == STATUS_OK) {
        status = lock_down(why);
    }
    if (status == STATUS_OK) {
        log_event(log, LOG_INFO, "privileges.dropped", LOG_NUMBER("uid", uid), LOG_NUMBER("gid", gid), LOG_TEXT("user", user));
    }
    return status;
}

bool privileges_allow_descriptors(unsigned long descriptors, unsigned long *allowed)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        *allowed = 0;
        return false;
    }
    if (limit.rlim_cur < descriptors) {
        struct rlimit wanted = {.rlim_cur = descriptors, .rlim_max = limit.rlim_max > descriptors ? limit.rlim_max : descriptors};
        if (setrlimit(RLIMIT_NOFILE, &wanted) == 0) {
            limit = wanted;
        } else {
            wanted = (struct rlimit){.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
            limit.rlim_cur = setrlimit(RLIMIT_NOFILE, &wanted) == 0 ? limit.rlim_max : limit.rlim_cur;
        }
    }
    *allowed = limit.rlim_cur;
    return limit.rlim_cur >= descriptors;
}

bool privileges_secure_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && (errno != EBADF || open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd)) {
            return false;
        }
    }
    return true;
}
