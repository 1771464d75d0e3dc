/* The floor for start-up figures: a static program that binds PORT and answers every request with one fixed
 * TwiML document, or, when something is published, with Pub/Sub's. No log, no settings, no TLS, no threads. It
 * is also the Pub/Sub of these figures, so that no slower one is measured. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char twiml[] = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 30\r\n"
                            "Connection: close\r\n\r\n<Response><Hangup/></Response>";
static const char published[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n"
    "Connection: close\r\n\r\n{\"messageIds\":[\"1\"]}";

/* Bytes that the whole request has, as far as it is known. */
static size_t whole(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n"), *length = strstr(request, "Content-Length: ");

    if (!end)
        return (size_t)-1;
    return (size_t)(end + 4 - request) +
           (length && length < end ? (size_t)strtoul(length + 16, NULL, 10) : 0);
}

static int serve(int fd)
{
    static char request[16384];
    const char *answer;
    size_t n = 0;

    do {
        ssize_t got = read(fd, request + n, sizeof(request) - 1 - n);

        if (got <= 0)
            return 1; /* somebody only looked whether we listen */
        n += (size_t)got;
        request[n] = '\0';
    } while (n < whole(request) && n < sizeof(request) - 1);
    answer = strstr(request, ":publish ") ? published : twiml;
    return write(fd, answer, strlen(answer)) > 0;
}

int main(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const char *port = getenv("PORT");
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    at.sin_port = htons((unsigned short)strtol(port ? port : "0", NULL, 10));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 16))
        return 1;
    for (;;) {
        int c = accept(fd, NULL, NULL);

        if (c < 0 || !serve(c))
            return 1;
        close(c);
    }
}
