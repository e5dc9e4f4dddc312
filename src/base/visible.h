/* What a terminal or a log may show of a stranger's text. Pure; any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes (1..4) of the UTF-8 character (RFC 3629 4) at `text`, of which `left` >= 1 bytes are there. 0: there is none that may be shown:
 * control characters, those of C1 among them, start escape sequences. */
size_t visible_character(const uint8_t *text, size_t left);
