#include "ports.h"

#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/socket.h>

static bool port_free(int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    bool ret;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    ret = bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
    close(fd);
    return ret;
}

int ports_in_a_row(int first, int end, int n)
{
    int base, i;

    for (base = first; base < end; base += n) {
        for (i = 0; i < n && port_free(base + i); i++)
            ;
        if (i == n)
            break;
    }
    return base;
}
