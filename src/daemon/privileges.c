#include "daemon/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static const char DEFAULT_USER[] = "portolan";

static status_t become(const struct passwd *account, buffer_t *why)
{
    /* Groups before the user: afterwards the right to change them is gone. */
    if (initgroups(account->pw_name, account->pw_gid) < 0 || setresgid(account->pw_gid, account->pw_gid, account->pw_gid) < 0 ||
        setresuid(account->pw_uid, account->pw_uid, account->pw_uid) < 0) {
        buffer_printf(why, "cannot become user %s: %s", account->pw_name, strerror(errno));
        return STATUS_DENIED;
    }
    if (account->pw_uid != 0 && (setuid(0) == 0 || seteuid(0) == 0)) {
        buffer_printf(why, "user %s can still become root", account->pw_name);
        return STATUS_DENIED;
    }
    return STATUS_OK;
}

static status_t drop_capabilities(buffer_t *why)
{
    capng_clear(CAPNG_SELECT_BOTH);
    /* The bounding set can only be cleared by who may set capabilities; clearing the others is open to all. */
    bool may_bound = geteuid() == 0 || capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
    if (may_bound && geteuid() == 0) {
        (void)capng_apply(CAPNG_SELECT_BOUNDS);
    }
    if (capng_apply(CAPNG_SELECT_CAPS) != 0) {
        buffer_append_text(why, "cannot give up capabilities");
        return STATUS_DENIED;
    }
    return STATUS_OK;
}

status_t privileges_drop(const char *user, log_t *log, buffer_t *why)
{
    const struct passwd *account = NULL;
    if (user || geteuid() == 0) {
        errno = 0;
        account = getpwnam(user ? user : DEFAULT_USER);
        if (!account && user) {
            buffer_printf(why, "there is no user \"%s\"%s%s", user, errno ? ": " : "", errno ? strerror(errno) : "");
            return STATUS_NOT_FOUND;
        }
    }
    if (account && geteuid() != account->pw_uid) {
        if (geteuid() != 0) {
            buffer_printf(why, "only root can become user %s", account->pw_name);
            return STATUS_DENIED;
        }
        status_t status = become(account, why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (geteuid() == 0) {
        log_event(log, LOG_WARNING, "privileges.root", LOG_TEXT("message", "staying root: set 'user', or create the user portolan"));
    } else {
        status_t status = drop_capabilities(why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        buffer_printf(why, "cannot set no_new_privs: %s", strerror(errno));
        return STATUS_DENIED;
    }
    return STATUS_OK;
}

void privileges_raise_files(unsigned long files, log_t *log)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= files) {
        return;
    }
    rlim_t hard = limit.rlim_max;
    limit.rlim_cur = files;
    limit.rlim_max = hard > files ? hard : files;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) {
        return;
    }
    limit.rlim_cur = limit.rlim_max = hard;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    log_event(log, LOG_WARNING, "limits.files", LOG_NUMBER("wanted", files), LOG_NUMBER("allowed", hard));
}
