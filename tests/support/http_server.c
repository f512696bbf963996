/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/http_server.h"

#include "tests/support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROUTES_MAX = 128, HEAD_BYTES_MAX = 16384, POLL_MS = 20, PIECE = 65536 };
static const int64_t lifetime_us = 120 * (int64_t)1000000;

typedef struct Route {
    HttpRoute script;
    int requests;
    int64_t bytes, largest_range;
} Route;

struct HttpServer {
    int listener, port;
    atomic_bool stopping;
    int64_t end_us;
    pthread_t acceptor;
    pthread_mutex_t mutex; /* routes, counters, open connections, last request */
    pthread_cond_t idle;
    int open_connections;
    Route routes[ROUTES_MAX];
    int route_count;
    char *last_request;
};

typedef struct Connection {
    HttpServer *server;
    int fd;
} Connection;

/* One answer: the script, what was asked, which request of its path it is (from 1). */
typedef struct Answer {
    HttpServer *server;
    int fd, number;
    Route *route;
    const HttpRoute *script;
    bool ranged;
    int64_t size, first, length;
    int64_t cut_after;
    int stall_ms;
    int source; /* file, or -1 */
} Answer;

static bool over(const HttpServer *server)
{
    return server->stopping || mel_monotonic_us() > server->end_us;
}

/* ---- sending ---- */

static bool send_all(HttpServer *server, int fd, const void *bytes, size_t n)
{
    const char *p = bytes;
    while (n) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        if (over(server)) return false;
        if (poll(&ready, 1, POLL_MS) == 0) continue;
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (sent <= 0) return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

static bool pause_ms(HttpServer *server, int fd, int duration_ms)
{
    int64_t end_us = mel_monotonic_us() + duration_ms * (int64_t)1000;
    while (mel_monotonic_us() < end_us) {
        struct pollfd gone = {.fd = fd, .events = POLLRDHUP};
        if (over(server)) return false;
        int left_ms = (int)((end_us - mel_monotonic_us()) / 1000) + 1;
        if (poll(&gone, 1, left_ms < POLL_MS ? left_ms : POLL_MS) > 0) return false;
    }
    return true;
}

static void add_bytes(Answer *a, int64_t n)
{
    pthread_mutex_lock(&a->server->mutex);
    a->route->bytes += n;
    pthread_mutex_unlock(&a->server->mutex);
}

/* Counts before it sends: who has the last byte may ask for the count at once. */
static bool send_piece(Answer *a, const char *bytes, size_t n)
{
    char frame[32];
    int digits = snprintf(frame, sizeof frame, "%zx\r\n", n);
    add_bytes(a, (int64_t)n);
    if (a->script->chunked && !send_all(a->server, a->fd, frame, (size_t)digits)) return false;
    if (!send_all(a->server, a->fd, bytes, n)) return false;
    return !a->script->chunked || send_all(a->server, a->fd, "\r\n", 2);
}

/* The resource's bytes at an offset; behind its end, filler. */
static void read_source(const Answer *a, int64_t offset, char *out, size_t n)
{
    memset(out, 0xEE, n);
    if (offset >= a->size) return;
    size_t there = (int64_t)n < a->size - offset ? n : (size_t)(a->size - offset);
    if (a->source >= 0)
        assert_true(pread(a->source, out, there, offset) == (ssize_t)there);
    else
        memcpy(out, (const char *)a->script->bytes + offset, there);
}

static bool send_body(Answer *a)
{
    const HttpRoute *script = a->script;
    char piece[PIECE];
    int64_t total = a->length + script->send_more;
    bool stalled = a->stall_ms == 0;
    for (int64_t done = 0; script->endless || done < total;) {
        int64_t n = script->drip_ms ? 1 : PIECE;
        if (!script->endless && n > total - done) n = total - done;
        if (!stalled && n > script->stall_after - done) n = script->stall_after - done;
        if (a->cut_after && n > a->cut_after - done) n = a->cut_after - done;
        if (!stalled && n == 0) {
            if (!pause_ms(a->server, a->fd, a->stall_ms)) return false;
            stalled = true;
            continue;
        }
        if (n == 0) return false; /* cut here */
        read_source(a, a->first + done, piece, (size_t)n);
        if (!send_piece(a, piece, (size_t)n)) return false;
        if (script->drip_ms && !pause_ms(a->server, a->fd, script->drip_ms)) return false;
        done += n;
    }
    return !script->chunked || send_all(a->server, a->fd, "0\r\n\r\n", 5);
}

static int choose_status(const Answer *a)
{
    const HttpRoute *script = a->script;
    bool scripted = script->status && (!script->status_count || a->number <= script->status_count);
    return scripted ? script->status : a->ranged ? 206 : 200;
}

static void add_head(const Answer *a, Str *head, int status)
{
    const HttpRoute *script = a->script;
    mel_str_addf(head, "HTTP/1.1 %d Scripted\r\nContent-Type: %s\r\n", status,
                 script->content_type ? script->content_type : "video/mp4");
    const char *etag = script->etag_later && a->number > 1 ? script->etag_later : script->etag;
    if (etag) mel_str_addf(head, "ETag: \"%s\"\r\n", etag);
    if (script->extra_headers) mel_str_add(head, script->extra_headers);
    if (script->location) mel_str_addf(head, "Location: %s\r\n", script->location);
    if (script->chunked) mel_str_add(head, "Transfer-Encoding: chunked\r\n");
    if (status == 206 && !script->no_content_range)
        mel_str_addf(head, "Content-Range: bytes %lld-%lld/%lld\r\n",
                     (long long)(a->first + script->range_lie),
                     (long long)(a->first + a->length - 1 + script->range_lie),
                     (long long)(a->size + (a->number > 1 ? script->total_lie : 0)));
    if (status == 416) mel_str_addf(head, "Content-Range: bytes */%lld\r\n", (long long)a->size);
    if (!script->chunked && !script->no_length && !script->endless)
        mel_str_addf(head, "Content-Length: %lld\r\n", (long long)(a->length + script->length_lie));
    if (script->header_bytes) {
        char *value = mel_alloc(script->header_bytes);
        memset(value, 'x', script->header_bytes);
        mel_str_add(head, "X-Long: ");
        mel_str_add_bytes(head, value, script->header_bytes);
        mel_str_add(head, "\r\n");
        free(value);
    }
    mel_str_add(head, "\r\n");
}

/* False: the connection must close. */
static bool send_answer(Answer *a)
{
    const HttpRoute *script = a->script;
    if (script->raw) {
        size_t n = script->raw_size ? script->raw_size : strlen(script->raw);
        send_all(a->server, a->fd, script->raw, n);
        return false;
    }
    int status = choose_status(a);
    if (status == 206 && a->ranged && a->first >= a->size) status = 416;
    if (status >= 300) a->first = a->length = 0;
    if (status == 200 && a->ranged) a->first = 0, a->length = a->size;
    Str head = {0};
    add_head(a, &head, status);
    bool ok = send_all(a->server, a->fd, head.text, head.length);
    mel_str_clear(&head);
    if (!ok || !send_body(a)) return false;
    return !script->no_length && !script->length_lie && !script->send_more;
}

/* ---- receiving ---- */

/* Reads one request's head; false at the connection's end. */
static bool receive_head(HttpServer *server, int fd, char *head)
{
    size_t n = 0;
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (over(server) || n == HEAD_BYTES_MAX - 1) return false;
        if (poll(&ready, 1, POLL_MS) == 0) continue;
        ssize_t got = recv(fd, head + n, HEAD_BYTES_MAX - 1 - n, 0);
        if (got <= 0) return false;
        n += (size_t)got;
        head[n] = '\0';
        if (strstr(head, "\r\n\r\n")) return true;
    }
}

static Route *find_route(HttpServer *server, const char *path)
{
    for (int i = 0; i < server->route_count; i++)
        if (mel_equal(server->routes[i].script.path, path)) return &server->routes[i];
    return NULL;
}

static void read_range(Answer *a, const char *head)
{
    const char *range = strcasestr(head, "\r\nRange: bytes=");
    const char *condition = strcasestr(head, "\r\nIf-Range: ");
    long long first = 0, last = -1;
    a->length = a->size;
    if (!range || a->script->no_ranges) return;
    const char *etag =
        a->script->etag_later && a->number > 1 ? a->script->etag_later : a->script->etag;
    char wanted[160];
    snprintf(wanted, sizeof wanted, "\"%s\"", etag ? etag : "");
    if (condition && strncmp(condition + 12, wanted, strlen(wanted)) != 0) return;
    if (sscanf(range + 15, "%lld-%lld", &first, &last) < 1) return;
    if (last < 0 || last >= a->size) last = a->size - 1;
    a->ranged = true;
    a->first = first;
    a->length = last - first + 1;
}

static int next_number(Route *route, HttpServer *server)
{
    pthread_mutex_lock(&server->mutex);
    int number = ++route->requests;
    pthread_mutex_unlock(&server->mutex);
    return number;
}

static void count(Answer *a, const char *head)
{
    HttpServer *server = a->server;
    pthread_mutex_lock(&server->mutex);
    if (a->ranged && a->length > a->route->largest_range) a->route->largest_range = a->length;
    free(server->last_request);
    server->last_request = mel_strdup(head);
    pthread_mutex_unlock(&server->mutex);
}

static bool serve(HttpServer *server, int fd, const char *head)
{
    char path[2048] = "";
    sscanf(head, "GET %2047s", path);
    if (strncmp(head, "HEAD ", 5) == 0) sscanf(head, "HEAD %2047s", path);
    pthread_mutex_lock(&server->mutex);
    Route *route = find_route(server, path);
    pthread_mutex_unlock(&server->mutex);
    if (!route) {
        static const char missing[] = "HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n";
        return send_all(server, fd, missing, sizeof missing - 1);
    }
    const HttpRoute *script = &route->script;
    Answer a = {.server = server, .fd = fd, .route = route, .script = script, .source = -1};
    a.size = (int64_t)script->size;
    if (script->file) {
        struct stat st;
        a.source = open(script->file, O_RDONLY | O_CLOEXEC);
        assert_true(a.source >= 0 && fstat(a.source, &st) == 0);
        a.size = st.st_size;
    }
    a.number = next_number(route, server);
    read_range(&a, head);
    count(&a, head);
    bool first_ones = !script->cut_count || a.number <= script->cut_count;
    a.cut_after = first_ones ? script->cut_after : 0;
    a.stall_ms = !script->stall_count || a.number <= script->stall_count ? script->stall_ms : 0;
    bool keep = send_answer(&a);
    if (a.source >= 0) close(a.source);
    return keep && strncmp(head, "HEAD ", 5) != 0;
}

static void *run_connection(void *argument)
{
    Connection connection = *(Connection *)argument;
    HttpServer *server = connection.server;
    char head[HEAD_BYTES_MAX];
    free(argument);
    int on = 1;
    setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (receive_head(server, connection.fd, head) && serve(server, connection.fd, head))
        continue;
    shutdown(connection.fd, SHUT_WR);
    close(connection.fd);
    pthread_mutex_lock(&server->mutex);
    server->open_connections--;
    pthread_cond_signal(&server->idle);
    pthread_mutex_unlock(&server->mutex);
    return NULL;
}

static void *run_acceptor(void *argument)
{
    HttpServer *server = argument;
    while (!over(server)) {
        struct pollfd ready = {.fd = server->listener, .events = POLLIN};
        if (poll(&ready, 1, POLL_MS) <= 0) continue;
        int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) continue;
        Connection *connection = mel_alloc(sizeof *connection);
        *connection = (Connection){.server = server, .fd = fd};
        pthread_mutex_lock(&server->mutex);
        server->open_connections++;
        pthread_mutex_unlock(&server->mutex);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, run_connection, connection), 0);
        pthread_detach(thread);
    }
    return NULL;
}

/* ---- the interface ---- */

HttpServer *http_server_start(void)
{
    HttpServer *server = mel_alloc(sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t n = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->listener, 64), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &n), 0);
    server->port = ntohs(address.sin_port);
    server->end_us = mel_monotonic_us() + lifetime_us;
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->idle, NULL);
    assert_int_equal(pthread_create(&server->acceptor, NULL, run_acceptor, server), 0);
    return server;
}

void http_server_stop(HttpServer *server)
{
    server->stopping = true;
    pthread_join(server->acceptor, NULL);
    pthread_mutex_lock(&server->mutex);
    while (server->open_connections)
        pthread_cond_wait(&server->idle, &server->mutex);
    pthread_mutex_unlock(&server->mutex);
    pthread_mutex_destroy(&server->mutex);
    pthread_cond_destroy(&server->idle);
    close(server->listener);
    free(server->last_request);
    free(server);
}

void http_server_add(HttpServer *server, const HttpRoute *route)
{
    pthread_mutex_lock(&server->mutex);
    Route *known = find_route(server, route->path);
    bool fits = known || server->route_count < ROUTES_MAX;
    if (fits && !known) known = &server->routes[server->route_count++];
    if (fits) known->script = *route;
    pthread_mutex_unlock(&server->mutex);
    assert_true(fits);
}

const char *http_server_url(const HttpServer *server, const char *path)
{
    char host[64];
    snprintf(host, sizeof host, "http://127.0.0.1:%d", server->port);
    return *path == '/' ? test_path(host, "%s", path + 1) : test_path(host, "%s", path);
}

int http_server_port(const HttpServer *server)
{
    return server->port;
}

static int64_t sum(HttpServer *server, const char *path, int64_t (*field)(const Route *))
{
    int64_t total = 0;
    pthread_mutex_lock(&server->mutex);
    for (int i = 0; i < server->route_count; i++)
        if (!*path || mel_equal(server->routes[i].script.path, path))
            total += field(&server->routes[i]);
    pthread_mutex_unlock(&server->mutex);
    return total;
}

static int64_t requests_of(const Route *route)
{
    return route->requests;
}

static int64_t bytes_of(const Route *route)
{
    return route->bytes;
}

static int64_t largest_of(const Route *route)
{
    return route->largest_range;
}

int http_server_requests(HttpServer *server, const char *path)
{
    return (int)sum(server, path, requests_of);
}

int64_t http_server_bytes(HttpServer *server, const char *path)
{
    return sum(server, path, bytes_of);
}

int64_t http_server_largest_range(HttpServer *server, const char *path)
{
    return sum(server, path, largest_of);
}

char *http_server_last_request(HttpServer *server)
{
    pthread_mutex_lock(&server->mutex);
    char *copy = mel_strdup(server->last_request ? server->last_request : "");
    pthread_mutex_unlock(&server->mutex);
    return copy;
}
