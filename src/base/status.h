/* One result type for every function that can fail.
 *
 * 0 is good; every other value is named and has a sentence for people. RCODEs and extended DNS errors are
 * results of a protocol, not failures of a function: they never travel in a status_t.
 */
#pragma once

#define MUST_USE __attribute__((warn_unused_result))

typedef enum status {
    STATUS_OK = 0,
    STATUS_NO_MEMORY,   /* an allocation failed */
    STATUS_NO_SPACE,    /* the caller's buffer, or a configured maximum, is too small */
    STATUS_MALFORMED,   /* input breaks its own format */
    STATUS_INVALID,     /* input is well formed and not allowed */
    STATUS_NOT_FOUND,   /* the thing asked for is not there */
    STATUS_EXISTS,      /* the thing to be made is there already */
    STATUS_LIMIT,       /* a documented limit was reached */
    STATUS_IO,          /* the system refused a read, write, open or socket call; errno says why */
    STATUS_DENIED,      /* policy or the system's permissions forbid it */
    STATUS_UNSUPPORTED, /* valid, but this build or system cannot do it */
    STATUS_AGAIN,       /* nothing to do right now; the caller comes back later */
    STATUS_END,         /* the sequence is finished */
    STATUS_CANCELLED,   /* somebody asked for the work to stop */
    STATUS_CORRUPT,     /* stored data failed its check */
} status_t;

/* A short English sentence without a full stop; never NULL, also for values outside the enum. Any thread. */
const char *status_text(status_t status);
