/* Least privilege: what the process gives up once its ports are open.
 *
 * Afterwards no capability is left in any set, no group but the user's own, and no program it might start can win any back. Call while the
 * process has one thread.
 */
#pragma once

#include "base/buffer.h"
#include "base/log.h"
#include "base/status.h"

/* Becomes `user` (NULL: stay, unless root: then "portolan" if there is such a user, else stay root with a warning in the log), drops all
 * capabilities and sets no_new_privs. On failure *why (for people) is filled and the process must end.
 * STATUS_NOT_FOUND: no such user; STATUS_DENIED: the system refused. */
status_t privileges_drop(const char *user, log_t *log, buffer_t *why) MUST_USE;

/* Raises the soft limit of open files to at least `files`, or to the hard limit with a warning. */
void privileges_raise_files(unsigned long files, log_t *log);
