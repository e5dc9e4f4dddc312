/* Who has a port: the kernel's socket tables name inodes, and /proc/PID/fd names who holds those. For one log line after EADDRINUSE. */
#include "net/address.h"
#include "net/socket.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    INODES_MAX = 256,
    TCP_STATE_LISTEN = 0x0a,
    PROC_PATH_MAX = 320, /* "/proc/" and two directory entries */
};

typedef struct inodes {
    uint64_t inode[INODES_MAX];
    size_t count;
} inodes_t;

/* Does a socket on this address, in the tables' hexadecimal words, keep ours from its port? Those of one family do when the addresses are
 * equal or one is the wildcard; of the other family only :: without IPV6_V6ONLY does. */
static bool is_in_the_way(const char *text, const net_address_t *address)
{
    uint32_t words[4] = {0};
    uint32_t ours[4] = {0};
    size_t count = strspn(text, "0123456789abcdefABCDEF") / 8;
    bool is_ipv4 = address->sa.sa_family == AF_INET;
    bool is_wildcard = true;
    for (size_t i = 0; i < count && i < 4; i++) {
        char digits[9] = {0};
        memcpy(digits, text + i * 8, 8);
        words[i] = (uint32_t)strtoul(digits, NULL, 16); /* in memory as in the packet */
        is_wildcard = is_wildcard && words[i] == 0;
    }
    if (is_ipv4 != (count == 1)) {
        return is_ipv4 && is_wildcard;
    }
    if (is_ipv4) {
        memcpy(ours, &address->v4.sin_addr, 4);
    } else {
        memcpy(ours, &address->v6.sin6_addr, sizeof ours);
    }
    return is_wildcard || net_address_is_wildcard(address) || memcmp(words, ours, sizeof ours) == 0;
}

/* One line of /proc/net/{udp,tcp}{,6}: "sl: address:port remote state queues timer retransmit uid timeout inode", numbers hexadecimal. */
static void add_line(inodes_t *inodes, char *line, const net_address_t *address, bool listening_only)
{
    char *rest = NULL;
    const char *fields[10] = {NULL};
    size_t count = 0;
    for (char *word = strtok_r(line, " ", &rest); word && count < 10; word = strtok_r(NULL, " ", &rest)) {
        fields[count++] = word;
    }
    const char *colon = count == 10 ? strrchr(fields[1], ':') : NULL;
    if (!colon || strtoul(colon + 1, NULL, 16) != net_address_port(address) || inodes->count == INODES_MAX ||
        !is_in_the_way(fields[1], address)) {
        return;
    }
    if (!listening_only || strtoul(fields[3], NULL, 16) == TCP_STATE_LISTEN) {
        inodes->inode[inodes->count++] = strtoull(fields[9], NULL, 10);
    }
}

static void add_table(inodes_t *inodes, const char *path, const net_address_t *address, bool listening_only)
{
    char *line = NULL;
    size_t capacity = 0;
    FILE *table = fopen(path, "re");
    if (!table) {
        return;
    }
    while (getline(&line, &capacity, table) > 0) {
        add_line(inodes, line, address, listening_only);
    }
    free(line);
    fclose(table);
}

static bool is_wanted(const inodes_t *inodes, const char *link)
{
    if (strncmp(link, "socket:[", 8) != 0) {
        return false;
    }
    uint64_t inode = strtoull(link + 8, NULL, 10);
    for (size_t i = 0; i < inodes->count; i++) {
        if (inodes->inode[i] == inode) {
            return true;
        }
    }
    return false;
}

static bool process_holds(const char *pid, const inodes_t *inodes)
{
    char path[PROC_PATH_MAX];
    char link[64];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%.16s/fd", pid);
    DIR *directory = opendir(path);
    if (!directory) {
        return false;
    }
    for (struct dirent *entry = readdir(directory); entry && !found; entry = readdir(directory)) {
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, link, sizeof link - 1);
        link[length > 0 ? length : 0] = 0;
        found = is_wanted(inodes, link);
    }
    closedir(directory);
    return found;
}

static void describe(const char *pid, char *text, size_t size)
{
    char path[PROC_PATH_MAX];
    char name[64] = "?";
    snprintf(path, sizeof path, "/proc/%.16s/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t length = read(fd, name, sizeof name - 1);
        name[length > 0 ? length : 0] = 0;
        name[strcspn(name, "\n")] = 0;
        close(fd);
    }
    snprintf(text, size, "%s (process %s)", name, pid);
}

void net_socket_holder(const net_address_t *address, int type, char *text, size_t size)
{
    inodes_t inodes = {.count = 0};
    bool tcp = type == SOCK_STREAM;
    text[0] = 0;
    add_table(&inodes, tcp ? "/proc/net/tcp" : "/proc/net/udp", address, tcp);
    add_table(&inodes, tcp ? "/proc/net/tcp6" : "/proc/net/udp6", address, tcp);
    DIR *processes = inodes.count > 0 ? opendir("/proc") : NULL;
    if (!processes) {
        return;
    }
    for (struct dirent *entry = readdir(processes); entry && text[0] == 0; entry = readdir(processes)) {
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && process_holds(entry->d_name, &inodes)) {
            describe(entry->d_name, text, size);
        }
    }
    closedir(processes);
}
