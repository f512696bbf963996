/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 128, RETRY_US = 50000, ONE_TRY_US = 5000000, SLICE_MS = 200 };
enum { UNANSWERED_MS = 30000, KEEP_IDLE_S = 10, KEEP_BETWEEN_S = 5, KEEP_COUNT = 4 };

/* ---- waiting -------------------------------------------------------------------------------- */

/* Until the socket is ready or is no more. Short slices, so that Ctrl-C is seen. */
static bool wait_ready(int fd, short events, int64_t deadline_us, Err *err)
{
    for (;;) {
        struct pollfd one = {.fd = fd, .events = events};
        int64_t left = deadline_us - mel_monotonic_us();
        if (mel_interrupted()) return mel_err(err, ERR_CANCELLED, "interrupted");
        if (left <= 0) return mel_err(err, ERR_LIMIT, "nothing came in time");
        int64_t slice = left / 1000 + 1;
        int got = poll(&one, 1, slice < SLICE_MS ? (int)slice : SLICE_MS);
        if (got > 0) return true;
        if (got < 0 && errno != EINTR) return mel_err_errno(err, "cannot wait for a connection");
    }
}

static bool again(ssize_t got)
{
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

bool tcp_send(int fd, const void *bytes, size_t n, int64_t deadline_us, Err *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = send(fd, (const char *)bytes + done, n - done, MSG_NOSIGNAL);
        if (got > 0) {
            done += (size_t)got;
        } else if (again(got)) {
            if (!wait_ready(fd, POLLOUT, deadline_us, err)) return false;
        } else {
            return mel_err(err, ERR_NET, "the connection was closed");
        }
    }
    return true;
}

bool tcp_receive(int fd, void *bytes, size_t n, int64_t deadline_us, Err *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = recv(fd, (char *)bytes + done, n - done, 0);
        if (got > 0) {
            done += (size_t)got;
        } else if (again(got)) {
            if (!wait_ready(fd, POLLIN, deadline_us, err)) return false;
        } else {
            return mel_err(err, ERR_NET, "the connection was closed");
        }
    }
    return true;
}

/* ---- listening ------------------------------------------------------------------------------ */

static void set(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

static void make_lively(int fd)
{
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNANSWERED_MS);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_BETWEEN_S);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT);
}

static int new_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* "localhost" and plain loopback numbers. A host's own name often stands for 127.0.1.1 in its own
 * tables, and is reached from elsewhere none the less. */
static bool means_loopback(const char *host)
{
    struct in_addr four = {0};
    if (inet_pton(AF_INET, host, &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
    return mel_equal(host, "localhost") || mel_equal(host, "::1");
}

static int bind_all(int family, int port)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    int fd = new_socket(family);
    if (fd < 0) return -1;
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (family == AF_INET6) set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    const void *address = family == AF_INET6 ? (const void *)&six : (const void *)&four;
    socklen_t length = family == AF_INET6 ? sizeof six : sizeof four;
    if (bind(fd, address, length) == 0) return fd;
    close(fd);
    return -1;
}

static int bind_named(const char *host, int port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char service[16];
    int fd = -1;
    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(host, service, &hints, &found) != 0) return -1;
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
        fd = new_socket(at->ai_family);
        if (fd < 0) continue;
        set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (bind(fd, at->ai_addr, at->ai_addrlen) == 0) continue;
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static int bound_port(int fd)
{
    struct sockaddr_storage at = {0};
    socklen_t n = sizeof at;
    char service[16];
    int64_t port;
    bool ok = getsockname(fd, (struct sockaddr *)&at, &n) == 0 &&
              getnameinfo((struct sockaddr *)&at, n, NULL, 0, service, sizeof service,
                          NI_NUMERICSERV) == 0 &&
              mel_parse_i64(service, &port);
    return ok ? (int)port : 0;
}

bool tcp_listen(const char *host, int port, int64_t deadline_us, int *fd_out, int *port_out,
                Err *err)
{
    bool loopback = means_loopback(host);
    for (;;) {
        int fd = loopback ? bind_named(host, port) : bind_all(AF_INET6, port);
        if (fd < 0 && !loopback) fd = bind_all(AF_INET, port);
        if (fd >= 0 && listen(fd, BACKLOG) == 0) {
            *fd_out = fd;
            *port_out = bound_port(fd);
            return true;
        }
        int reason = errno;
        if (fd >= 0) close(fd);
        errno = reason;
        if (reason != EADDRINUSE || mel_monotonic_us() > deadline_us || mel_interrupted())
            return mel_err_errno(err, "cannot listen on port %d", port);
        mel_sleep_us(RETRY_US);
    }
}

bool tcp_accept(int listener, int64_t deadline_us, int *fd_out, Err *err)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            make_lively(fd);
            *fd_out = fd;
            return true;
        }
        /* ECONNABORTED and its like: somebody came and went. */
        if (errno == EMFILE || errno == ENFILE || errno == EBADF)
            return mel_err_errno(err, "cannot take a connection");
        if (!wait_ready(listener, POLLIN, deadline_us, err)) return false;
    }
}

/* ---- connecting ----------------------------------------------------------------------------- */

/* On a port that nobody listens on yet, a socket of the same host may reach itself. */
static bool is_itself(int fd)
{
    struct sockaddr_storage a = {0}, b = {0};
    socklen_t n = sizeof a, m = sizeof b;
    return getsockname(fd, (struct sockaddr *)&a, &n) != 0 ||
           getpeername(fd, (struct sockaddr *)&b, &m) != 0 || (n == m && memcmp(&a, &b, n) == 0);
}

static int try_address(const struct addrinfo *at, int64_t deadline_us)
{
    Err ignored = {0};
    int error = 0, fd = new_socket(at->ai_family);
    socklen_t n = sizeof error;
    if (fd < 0) return -1;
    make_lively(fd);
    bool ok = connect(fd, at->ai_addr, at->ai_addrlen) == 0 ||
              (errno == EINPROGRESS && wait_ready(fd, POLLOUT, deadline_us, &ignored) &&
               getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0);
    if (ok && !is_itself(fd)) return fd;
    close(fd);
    return -1;
}

static int try_all(const char *host, int port, int64_t deadline_us)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char service[16];
    int fd = -1;
    int64_t now = mel_monotonic_us();
    int64_t until = deadline_us < now + ONE_TRY_US ? deadline_us : now + ONE_TRY_US;
    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(host, service, &hints, &found) != 0) return -1;
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
        fd = try_address(at, until);
    freeaddrinfo(found);
    return fd;
}

bool tcp_connect(const char *host, int port, int64_t deadline_us, int *fd_out, Err *err)
{
    int fd;
    while ((fd = try_all(host, port, deadline_us)) < 0) {
        if (mel_interrupted()) return mel_err(err, ERR_CANCELLED, "interrupted");
        if (mel_monotonic_us() > deadline_us)
            return mel_err(err, ERR_NET, "nobody answers at '%s', port %d", host, port);
        mel_sleep_us(RETRY_US);
    }
    *fd_out = fd;
    return true;
}

bool tcp_peer(int fd, char host[TCP_HOST_SIZE])
{
    static const char mapped[] = "::ffff:";
    struct sockaddr_storage at = {0};
    socklen_t n = sizeof at;
    if (getpeername(fd, (struct sockaddr *)&at, &n) != 0 ||
        getnameinfo((struct sockaddr *)&at, n, host, TCP_HOST_SIZE, NULL, 0, NI_NUMERICHOST) != 0)
        return false;
    if (mel_starts_with(host, mapped) && strchr(host, '.')) /* IPv4 as IPv6 sockets see it */
        memmove(host, host + sizeof mapped - 1, strlen(host) - sizeof mapped + 2);
    return !means_loopback(host);
}
