/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/http_transfer.h"

#include <string.h>
#include <sys/socket.h>

enum { HEADER_BYTES_MAX = 64 << 10, POLL_MS = 20 };
static const int64_t whole_limit_bytes = (int64_t)4 << 30;

void mel_transfer_init(Transfer *transfer, const HttpPolicy *policy, const HttpRequest *request,
                       HttpSink *sink, void *ctx)
{
    *transfer = (Transfer){.policy = policy, .request = request, .sink = sink, .ctx = ctx};
    transfer->total = -1;
    transfer->wanted = request->length > 0 ? request->length : -1;
    mel_http_shown_url(request->url, transfer->shown);
    const char *validator = request->if_range ? request->if_range : "";
    if (mel_http_is_etag(validator))
        snprintf(transfer->etag, sizeof transfer->etag, "%s", validator);
    else
        snprintf(transfer->last_modified, sizeof transfer->last_modified, "%s", validator);
}

static bool fail(Transfer *t, ErrCode code, const char *reason, const char *what)
{
    return mel_err_reason(t->err, code, reason, "cannot get '%s': %s", t->shown, what);
}

/* ---- headers ---- */

static void take_value(char *out, size_t size, const char *value)
{
    value += strspn(value, " \t");
    size_t n = strcspn(value, "\r\n");
    while (n && (value[n - 1] == ' ' || value[n - 1] == '\t'))
        n--;
    snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), value);
}

static const char *header_value(const char *line, const char *name)
{
    size_t n = strlen(name);
    return strncasecmp(line, name, n) == 0 && line[n] == ':' ? line + n + 1 : NULL;
}

static void note_length(AnswerHead *head, const char *value)
{
    int64_t length;
    char text[32];
    take_value(text, sizeof text, value);
    if (mel_parse_i64(text, &length) && length >= 0) head->length = length;
}

static void note_header(AnswerHead *head, const char *line)
{
    const char *value;
    if ((value = header_value(line, "Content-Length"))) note_length(head, value);
    if ((value = header_value(line, "Content-Range"))) {
        head->has_range = true;
        head->bad_range = !mel_http_parse_content_range(value, &head->range);
    }
    if ((value = header_value(line, "ETag"))) take_value(head->etag, sizeof head->etag, value);
    if ((value = header_value(line, "Last-Modified")))
        take_value(head->last_modified, sizeof head->last_modified, value);
    if ((value = header_value(line, "Content-Type")))
        take_value(head->content_type, sizeof head->content_type, value);
    if ((value = header_value(line, "Retry-After")))
        take_value(head->retry_after, sizeof head->retry_after, value);
    if ((value = header_value(line, "Content-Encoding")) ||
        ((value = header_value(line, "Transfer-Encoding")) && !strcasestr(value, "identity") &&
         (strcasestr(value, "zip") || strcasestr(value, "deflate") ||
          strcasestr(value, "compress"))))
        take_value(head->encoding, sizeof head->encoding, value);
}

size_t mel_transfer_header(char *bytes, size_t size, size_t count, void *transfer)
{
    Transfer *t = transfer;
    size_t n = size * count;
    char line[1024];
    snprintf(line, sizeof line, "%.*s", (int)(n < sizeof line ? n : sizeof line - 1), bytes);
    t->seen += (int64_t)n;
    if (strncmp(line, "HTTP/", 5) == 0) {
        const char *space = strchr(line, ' ');
        size_t before = t->head.bytes;
        t->head = (AnswerHead){.length = -1, .bytes = before};
        t->head.status = space ? (int)strtol(space, NULL, 10) : 0;
    }
    t->head.bytes += n;
    if (t->head.bytes > HEADER_BYTES_MAX) {
        fail(t, ERR_NET, "http.headers", "the server's headers do not end");
        return 0;
    }
    note_header(&t->head, line);
    return n;
}

/* ---- the answer, judged before its first byte counts ---- */

/* A validator that differs from the first one: other bytes than those already delivered. */
static bool same_resource(Transfer *t, int64_t total)
{
    const AnswerHead *head = &t->head;
    bool changed = (*t->etag && *head->etag && !mel_equal(t->etag, head->etag)) ||
                   (*t->last_modified && *head->last_modified && !*t->etag &&
                    !mel_equal(t->last_modified, head->last_modified)) ||
                   (t->total >= 0 && total >= 0 && t->total != total);
    if (changed) return fail(t, ERR_NET, "http.changed", "the resource changed meanwhile");
    if (!*t->etag) memcpy(t->etag, head->etag, sizeof t->etag);
    if (!*t->last_modified) memcpy(t->last_modified, head->last_modified, sizeof t->last_modified);
    if (total >= 0) t->total = total;
    return true;
}

static bool judge_partial(Transfer *t)
{
    const HttpRequest *request = t->request;
    const AnswerHead *head = &t->head;
    int64_t first = request->offset + t->delivered;
    if (!head->has_range || head->bad_range || head->range.first != first)
        return fail(t, ERR_NET, "http.range", "the server answered with another range");
    if (request->length > 0 && head->range.last > request->offset + request->length - 1)
        return fail(t, ERR_NET, "http.long", "the server answered with more than was asked");
    if (head->length >= 0 && head->length != head->range.last - first + 1)
        return fail(t, ERR_NET, "http.range", "the answer's length contradicts its range");
    if (!same_resource(t, head->range.total)) return false;
    t->ranges_honoured = true;
    int64_t end = t->total >= 0 ? t->total : head->range.last + 1;
    if (t->wanted < 0 || end - request->offset < t->wanted) t->wanted = end - request->offset;
    return true;
}

/* The whole resource, asked for or not: what was not asked for is dropped. */
static bool judge_whole(Transfer *t)
{
    const HttpRequest *request = t->request;
    const AnswerHead *head = &t->head;
    int64_t limit = request->limit_bytes > 0 ? request->limit_bytes : whole_limit_bytes;
    if (request->length <= 0 && head->length > limit)
        return fail(t, ERR_LIMIT, "http.too_large", "the resource is over its limit");
    if (!same_resource(t, head->length)) return false;
    t->ranges_honoured = false;
    t->skip = request->offset + t->delivered;
    if (request->length > 0 && t->skip > t->policy->chunk_bytes_max)
        return fail(t, ERR_NET, "http.range", "the server does not honour ranges");
    if (t->total < 0) return true;
    if (request->length > 0 && t->total <= request->offset)
        return fail(t, ERR_NET, t->total ? "http.416" : "http.empty",
                    t->total ? "the range lies behind the end" : "the server sent no bytes");
    if (t->wanted < 0 || t->total - request->offset < t->wanted)
        t->wanted = t->total - request->offset;
    return true;
}

static bool judge_status(Transfer *t)
{
    char reason[24], what[80];
    int status = t->head.status;
    bool empty =
        status == 416 && t->head.has_range && !t->head.bad_range && t->head.range.total == 0;
    snprintf(reason, sizeof reason, "http.%03d", status > 0 && status < 1000 ? status : 0);
    snprintf(what, sizeof what, "the server answered %d", status);
    return fail(t, ERR_NET, empty ? "http.empty" : reason, what);
}

static bool judge(Transfer *t)
{
    const char *encoding = t->head.encoding;
    t->begun = true;
    if (t->head.status != 200 && t->head.status != 206) return judge_status(t);
    if (strcasestr(encoding, "zip") || strcasestr(encoding, "deflate") ||
        strcasestr(encoding, "compress") || strcasestr(encoding, "br") ||
        strcasestr(encoding, "zstd"))
        return fail(t, ERR_NET, "http.encoding", "the server sends a compressed form");
    if (t->head.status == 206 && t->request->length <= 0 && t->delivered == 0)
        return fail(t, ERR_NET, "http.range", "the server sends a part where all was asked");
    return t->head.status == 206 ? judge_partial(t) : judge_whole(t);
}

/* ---- the body ---- */

static bool deliver(Transfer *t, const char *bytes, size_t n)
{
    int64_t limit = t->request->limit_bytes > 0 ? t->request->limit_bytes : whole_limit_bytes;
    if (t->request->length <= 0 && t->delivered + (int64_t)n > limit)
        return fail(t, ERR_LIMIT, "http.too_large", "the resource is over its limit");
    if (!t->sink(t->ctx, bytes, n, t->err)) {
        mel_err_reason(t->err, ERR_CANCELLED, "interrupted", "'%s' was not wanted any more",
                       t->shown);
        return false;
    }
    t->delivered += (int64_t)n;
    return true;
}

size_t mel_transfer_body(char *bytes, size_t size, size_t count, void *transfer)
{
    Transfer *t = transfer;
    size_t n = size * count, all = n;
    t->seen += (int64_t)n;
    if (!t->begun && !judge(t)) return 0;
    if (mel_err_is_set(t->err)) return 0;
    size_t skipped = t->skip < (int64_t)n ? (size_t)t->skip : n;
    t->skip -= (int64_t)skipped;
    n -= skipped;
    if (t->wanted >= 0 && t->delivered + (int64_t)n > t->wanted) {
        if (t->head.status == 206) {
            fail(t, ERR_NET, "http.long", "the server sent more than it announced");
            return 0;
        }
        n = (size_t)(t->wanted - t->delivered);
    }
    if (n && !deliver(t, bytes + skipped, n)) return 0;
    if (t->wanted >= 0 && t->delivered == t->wanted && t->head.status == 200) {
        /* not 0 bytes of a longer body: curl would wait for the rest */
        t->finished_early = t->head.length < 0 || t->head.length > t->request->offset + t->wanted;
        if (t->finished_early) return 0;
    }
    return all;
}

curl_socket_t mel_transfer_socket(void *transfer, curlsocktype purpose,
                                  struct curl_sockaddr *address)
{
    Transfer *t = transfer;
    if (purpose != CURLSOCKTYPE_IPCXN) return CURL_SOCKET_BAD;
    if (!t->policy->allow_private && !mel_http_address_public(&address->addr)) {
        t->refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- the watchdogs ---- */

typedef struct Watch {
    int64_t begin_us;
    int64_t byte_us, last_seen;     /* when a byte came last */
    int64_t window_us, window_seen; /* where the window of the speed limit began */
} Watch;

static bool watch(Transfer *t, Watch *w)
{
    const HttpPolicy *policy = t->policy;
    int64_t now_us = mel_monotonic_us();
    if (mel_interrupted()) return fail(t, ERR_CANCELLED, "interrupted", "interrupted");
    if (now_us - w->begin_us > policy->request_us)
        return fail(t, ERR_NET, "http.timeout", "it took longer than its limit");
    if (t->seen > w->last_seen) {
        w->last_seen = t->seen;
        w->byte_us = now_us;
    }
    if (now_us - w->byte_us > policy->stall_us)
        return fail(t, ERR_NET, "http.stalled", "the server stopped sending");
    int64_t span_us = now_us - w->window_us;
    if (span_us < policy->stall_us) return true;
    double bytes_s = (double)(t->seen - w->window_seen) * 1e6 / (double)span_us;
    if (bytes_s < (double)policy->speed_min_bytes_s)
        return fail(t, ERR_NET, "http.slow", "the server sends too slowly");
    w->window_us = now_us;
    w->window_seen = t->seen;
    return true;
}

/* Drives the transfer to its end. curl_easy_perform would look up once a second only. */
static bool drive(Transfer *t, CURLM *multi, CURLcode *code_out)
{
    int64_t now_us = mel_monotonic_us();
    Watch w = {.begin_us = now_us, .byte_us = now_us, .window_us = now_us};
    int running = 1;
    for (;;) {
        CURLMcode code = curl_multi_perform(multi, &running);
        if (code != CURLM_OK) return fail(t, ERR_NET, "http.protocol", curl_multi_strerror(code));
        if (!running) break;
        if (!watch(t, &w)) return false;
        curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
    }
    int left;
    const CURLMsg *message = curl_multi_info_read(multi, &left);
    *code_out = message ? message->data.result : CURLE_RECV_ERROR;
    return true;
}

/* ---- how it ended ---- */

static bool fail_connect(Transfer *t, const char *detail)
{
    if (t->refused_address)
        return fail(t, ERR_DENIED, "http.private", "its address lies in a private network");
    return fail(t, ERR_NET, "http.connect", detail);
}

static bool fail_protocol(Transfer *t, const char *detail)
{
    int status = t->head.status;
    if (status >= 300 && status < 400)
        return fail(t, ERR_DENIED, "http.scheme", "it redirects to another protocol");
    return fail(t, ERR_NET, "http.protocol", detail);
}

static bool fail_curl(Transfer *t, CURLcode code, const char *detail)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return fail(t, ERR_NET, "http.dns", detail);
    case CURLE_COULDNT_CONNECT:
        return fail_connect(t, detail);
    case CURLE_OPERATION_TIMEDOUT:
        return fail(t, ERR_NET, "http.timeout", detail);
    case CURLE_TOO_MANY_REDIRECTS:
        return fail(t, ERR_NET, "http.redirects", "it redirects more than five times");
    case CURLE_UNSUPPORTED_PROTOCOL:
        return fail_protocol(t, detail);
    case CURLE_URL_MALFORMAT:
    case CURLE_LOGIN_DENIED:
        return fail(t, ERR_FORMAT, "http.url", detail);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return fail(t, ERR_NET, "http.tls", detail);
    case CURLE_OUT_OF_MEMORY: /* what curl 7.88 says of a header line over 100 KB */
        return fail(t, ERR_NET, "http.headers", "the server's headers do not end");
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_HTTP3:
        return fail(t, ERR_NET, "http.short", detail);
    default:
        return fail(t, ERR_NET, "http.protocol", detail);
    }
}

static bool conclude(Transfer *t)
{
    if (!t->begun && !judge(t)) return false;
    if (t->wanted >= 0 && t->delivered < t->wanted)
        return fail(t, ERR_NET, "http.short", "fewer bytes came than were announced");
    if (t->request->length > 0 && t->delivered == 0)
        return fail(t, ERR_NET, "http.empty", "the server sent no bytes");
    return true;
}

bool mel_transfer_attempt(Transfer *t, CURLM *multi, CURL *easy, Err *err)
{
    char detail[CURL_ERROR_SIZE] = "";
    CURLcode code = CURLE_OK;
    t->head = (AnswerHead){.length = -1};
    t->begun = t->refused_address = t->finished_early = false;
    t->skip = t->seen = 0;
    t->err = err;
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
    curl_multi_add_handle(multi, easy);
    bool ok = drive(t, multi, &code);
    curl_multi_remove_handle(multi, easy);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
    if (!ok || mel_err_is_set(err)) return false;
    if (code == CURLE_OK || t->finished_early) return conclude(t);
    return fail_curl(t, code, *detail ? detail : curl_easy_strerror(code));
}
