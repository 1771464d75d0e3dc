/* tests/bench/child.h: the measured process: on one core of its own, its CPU time and memory. */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stdint.h>
#include <sys/types.h>

int child_free_port(void);
/* On core 0, when there are two; the caller keeps to the others. Waits until `port` takes connections. */
pid_t child_start(const char *program, int port);
void child_stop(pid_t pid);
int64_t child_cpu_us(pid_t pid);
int64_t child_rss_kib(pid_t pid);

/* Ticks so far, of all cores: in all, and those that the host gave to somebody else. */
struct machine_time {
    int64_t all, stolen;
};
struct machine_time machine_time(void);

#endif
