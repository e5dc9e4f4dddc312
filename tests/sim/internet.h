/* A small internet that named tests start from: root, com., net., and below them example.com., victim.com., other.net. */
#pragma once

#include "sim.h"

/* Addresses: root 192.0.2.1, com. 192.0.2.2, net. 192.0.2.3, example.com. 192.0.2.10 and .11, victim.com. 192.0.2.20, other.net.
 * 192.0.2.30. 203.0.113.66 is the attacker's. Nothing is started yet: hosts and settings may be changed first. */
sim_t *internet_new(void);
/* Asks and compares the whole answer; fails the test with both texts otherwise. */
void internet_expect(sim_t *sim, const char *name, uint16_t type, const char *text);
