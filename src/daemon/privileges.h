/* What the process may do: as little as can be, as soon as its ports are open. Main thread only, before any other thread is made. */
#pragma once

#include "base/buffer.h"
#include "base/log.h"
#include "base/status.h"

#include <stdbool.h>

/* Becomes `user` (NULL: stays who it is, but root becomes "portolan" where there is such a user), with its groups, no capability in any
 * set, none to be gained (no_new_privs), and no core dumps with other people's data. An explicit "root" stays root and says so in the log.
 * Every step is checked; on failure *why (for people) is filled and the process must end.
 * STATUS_NOT_FOUND: no such user; STATUS_DENIED: the system refused. */
status_t privileges_drop(const char *user, log_t *log, buffer_t *why) MUST_USE;

/* Sees to it that the process may have `descriptors` files open; false when it may not, *allowed says how many. */
bool privileges_allow_descriptors(unsigned long descriptors, unsigned long *allowed);

/* Standard input, output and error are open, on /dev/null if on nothing: so that no socket gets their numbers and a line meant for
 * people is never sent to a peer. */
bool privileges_secure_standard_files(void);
