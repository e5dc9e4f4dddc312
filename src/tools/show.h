/* How the answers of the server are shown to people: fields of JSON objects, and amounts in words. All print to standard output. */
#pragma once

#include "tools/command.h"

#include <stdint.h>

/* Takes no options and no operands; -1: go on; otherwise the exit status. */
int tool_no_operands(const command_t *command, int argc, char **argv);

/* A field; 0, "-" or false where there is none. The text is the object's. */
int64_t show_number(const json_t *object, const char *key);
const char *show_text(const json_t *object, const char *key);
bool show_truth(const json_t *object, const char *key);

void show_duration(int64_t seconds); /* the two largest units: "1 h 59 m" */
void show_time(int64_t seconds);     /* Unix time: "2026-11-23 10:47:14 UTC" */
void show_bytes(int64_t bytes);      /* "1.5 MiB" */
