#include "tools/client.h"

#include "control/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct connection {
    FILE *stream; /* of the answer */
    char *line;
    size_t room;
} connection_t;

static int connect_failed(const char *path, status_t status)
{
    switch (status) {
    case STATUS_NOT_FOUND:
        return tool_fail("no server answers at %s (another place? --socket PATH)", path);
    case STATUS_DENIED:
        return tool_fail("%s: %s (root, the server's user and its group may use it)", path, strerror(errno));
    case STATUS_INVALID:
        return tool_fail("%s: not the path of a socket", path);
    default:
        return tool_fail("%s: %s", path, strerror(errno));
    }
}

static bool send_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        data += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool send_request(int fd, json_t *request)
{
    char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    if (!text) {
        (void)tool_fail("%s", status_text(STATUS_NO_MEMORY));
        return false;
    }
    bool good = send_all(fd, text, strlen(text)) && send_all(fd, "\n", 1);
    free(text);
    if (!good) {
        (void)tool_fail("the server does not listen: %s", strerror(errno));
    }
    return good;
}

/* One line of the answer as JSON; NULL: none, a message was written. */
static json_t *read_line(connection_t *connection)
{
    ssize_t length = getline(&connection->line, &connection->room, connection->stream);
    if (length <= 0) {
        bool late = errno == EAGAIN || errno == EWOULDBLOCK;
        (void)tool_fail("%s", late ? "the server takes too long to answer" : "the server ended the connection without an answer");
        return NULL;
    }
    json_t *line = json_loadb(connection->line, (size_t)length, 0, NULL);
    if (!json_is_object(line)) {
        (void)tool_fail("the server's answer is not understood");
        json_decref(line);
        return NULL;
    }
    return line;
}

static int refused(const json_t *line)
{
    const char *status = json_string_value(json_object_get(line, "status"));
    const char *error = json_string_value(json_object_get(line, "error"));
    (void)tool_fail("%s", error ? error : "the server refuses");
    bool negative = status && (strcmp(status, "not-found") == 0 || strcmp(status, "invalid") == 0 || strcmp(status, "malformed") == 0 ||
                               strcmp(status, "io") == 0 || strcmp(status, "limit") == 0);
    return negative ? TOOL_NEGATIVE : TOOL_TROUBLE;
}

static int read_answer(connection_t *connection, void (*visit)(void *context, json_t *item), void *context, json_t **result)
{
    for (;;) {
        json_t *line = read_line(connection);
        if (!line) {
            return TOOL_TROUBLE;
        }
        json_t *item = json_object_get(line, "item");
        if (item) {
            if (visit) {
                visit(context, item);
            }
            json_decref(line);
            continue;
        }
        int status = json_is_true(json_object_get(line, "ok")) ? TOOL_GOOD : refused(line);
        if (status == TOOL_GOOD) {
            *result = json_incref(json_object_get(line, "result"));
        }
        json_decref(line);
        return status;
    }
}

int client_ask(const tool_t *tool, json_t *request, int wait_s, void (*visit)(void *context, json_t *item), void *context, json_t **result)
{
    int fd = -1;
    *result = NULL;
    status_t status = control_socket_connect(tool->socket, &fd);
    if (status != STATUS_OK) {
        json_decref(request);
        return connect_failed(tool->socket, status);
    }
    const struct timeval wait = {.tv_sec = wait_s};
    connection_t connection = {.stream = NULL};
    int answer = TOOL_TROUBLE;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0 && send_request(fd, request)) {
        connection.stream = fdopen(fd, "r");
        answer = connection.stream ? read_answer(&connection, visit, context, result) : tool_fail("%s", strerror(errno));
    }
    free(connection.line);
    if (connection.stream) {
        (void)fclose(connection.stream);
    } else {
        close(fd);
    }
    return answer;
}
