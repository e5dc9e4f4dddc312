/* The commands of `portolan zone` that work on zone files, without a server: check, format, diff.
 *
 * argv[0] is the first word behind the command's own ("zone check" argv[0]...), argc may be 0. Results go to standard output, messages to
 * standard error. The value returned is the exit status of the program.
 */
#pragma once

/* portolan zone check [--json] [--policy CODE=error|warning|ignore]... [--no-include] [--quiet] ZONE FILE
 * 0: the zone may be loaded (warnings allowed); 1: errors in the zone; 2: usage, or the file cannot be read. */
int tool_zone_check(int argc, char **argv);

/* portolan zone format ZONE FILE
 * Canonical text on standard output. 0: written; 1: errors in the zone; 2: usage, the file cannot be read, the output not written. */
int tool_zone_format(int argc, char **argv);

/* portolan zone diff [ZONE] A B
 * 0: same records; 1: different; 2: trouble (usage, unreadable, errors in a zone). Without ZONE the apex is the owner of A's SOA. */
int tool_zone_diff(int argc, char **argv);
