/* The floor for start-up figures: a static program that binds PORT and answers every request with one fixed
 * TwiML document. No log, no settings, no TLS, no threads. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
    static const char answer[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 30\r\n"
        "Connection: close\r\n\r\n<Response><Hangup/></Response>";
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const char *port = getenv("PORT");
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    char request[8192];

    at.sin_port = htons((unsigned short)strtol(port ? port : "0", NULL, 10));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 16))
        return 1;
    for (;;) {
        int c = accept(fd, NULL, NULL);

        if (c < 0)
            return 1;
        if (read(c, request, sizeof(request)) > 0 && write(c, answer, strlen(answer)) < 0)
            return 1;
        close(c);
    }
}
