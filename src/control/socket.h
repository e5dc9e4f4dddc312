/* The Unix socket of the control service: made safely at the server's side, reached at the tool's. */
#pragma once

#include "base/buffer.h"
#include "base/status.h"

#include <sys/types.h>

/* Makes, binds and listens at path, mode 0660, owned by `user` (NULL: as the server would choose, see settings.h) with missing directories
 * made. *fd is non-blocking. Statuses as control_service_open(), *why filled. */
status_t control_socket_make(const char *path, const char *user, int *fd, buffer_t *why) MUST_USE;

/* Connects to the server at path. STATUS_NOT_FOUND: nobody answers there; STATUS_DENIED; STATUS_INVALID: path too long; STATUS_IO. */
status_t control_socket_connect(const char *path, int *fd) MUST_USE;
