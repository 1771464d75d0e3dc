#include "child.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

int child_free_port(void)
{
    struct sockaddr_in a = loopback(0);
    socklen_t n = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) || getsockname(fd, (struct sockaddr *)&a, &n))
        abort();
    close(fd);
    return ntohs(a.sin_port);
}

/* The first of the cores that we have, or all but the first. */
static void keep_to(bool first)
{
    cpu_set_t all, set;
    size_t i, n = 0;

    if (sched_getaffinity(0, sizeof(all), &all) || CPU_COUNT(&all) < 2)
        return;
    CPU_ZERO(&set);
    for (i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &all) && (n++ == 0) == first)
            CPU_SET(i, &set);
    }
    (void)sched_setaffinity(0, sizeof(set), &set);
}

static bool listens(int port)
{
    struct sockaddr_in a = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool up = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

    close(fd);
    return up;
}

pid_t child_start(const char *program, int port)
{
    pid_t pid = fork();
    int tries;

    if (pid == 0) {
        keep_to(true);
        (void)dup2(STDERR_FILENO, STDOUT_FILENO); /* what it logs is no figure */
        execl(program, program, (char *)NULL);
        _exit(127);
    }
    keep_to(false);
    for (tries = 0; tries < 500; tries++) {
        if (listens(port))
            return pid;
        if (waitpid(pid, NULL, WNOHANG) == pid)
            break;
        usleep(10000);
    }
    fprintf(stderr, "bridge_bench: %s does not listen\n", program);
    exit(1);
}

void child_stop(pid_t pid)
{
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

int64_t child_cpu_us(pid_t pid)
{
    struct timespec ts;
    clockid_t id;

    if (clock_getcpuclockid(pid, &id) || clock_gettime(id, &ts))
        return 0;
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t child_rss_kib(pid_t pid)
{
    char path[64];
    long total = 0, resident = 0;
    FILE *f;

    (void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    f = fopen(path, "r");
    if (!f)
        return 0;
    if (fscanf(f, "%ld %ld", &total, &resident) != 2)
        resident = 0;
    fclose(f);
    return resident * sysconf(_SC_PAGESIZE) / 1024;
}

struct machine_time machine_time(void)
{
    struct machine_time t = { 0 };
    long long ticks[8] = { 0 }; /* proc(5): user nice system idle iowait irq softirq steal */
    FILE *f = fopen("/proc/stat", "r");
    size_t i;

    if (!f)
        return t;
    if (fscanf(f, "cpu %lld %lld %lld %lld %lld %lld %lld %lld", &ticks[0], &ticks[1], &ticks[2],
               &ticks[3], &ticks[4], &ticks[5], &ticks[6], &ticks[7]) == 8)
        t.stolen = ticks[7];
    fclose(f);
    for (i = 0; i < 8; i++)
        t.all += ticks[i];
    return t;
}
