/* Who fetches the resolver's copy of the root zone (RFC 8806) and keeps it up to date: a thread that asks the configured servers for the
 * SOA, as often as the SOA itself says (RFC 1035 3.3.13), and for the zone by AXFR when it is newer. The zone lies in the state directory;
 * what cannot be loaded, or does not match its ZONEMD, never takes the place of what could.
 */
#pragma once

#include "base/status.h"

struct server;
typedef struct root_keeper root_keeper_t;

enum { ROOT_KEEPER_FILE_MAX = 64 << 20 }; /* bytes of the zone's text; the root zone of 2026 has 2.3 MB */
#define ROOT_KEEPER_FILE "root.zone"      /* in the state directory */

/* Starts the thread. STATUS_NO_MEMORY, STATUS_IO. */
status_t root_keeper_new(struct server *server, root_keeper_t **keeper) MUST_USE;
/* Ends the thread, however busy. Not with the control lock held. NULL is allowed. */
void root_keeper_free(root_keeper_t *keeper);
/* Settings may have changed, or somebody wants to have it now. */
void root_keeper_wake(root_keeper_t *keeper);
