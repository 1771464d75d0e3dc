/* ports.h: where a stack of real processes can listen. Another program may take a port between the look and
 * its use, so each suite looks in a range of its own. */
#ifndef E2E_PORTS_H
#define E2E_PORTS_H

/* The first of `n` free loopback ports in a row, looked for from `first` in steps of n; at least `end`: there
 * are none. */
int ports_in_a_row(int first, int end, int n);

#endif
