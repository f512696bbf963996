/* SPDX-License-Identifier: Apache-2.0
 *
 * From what a list calls a source to its id. */
#include "curator/source_list_internal.h"

#include <ctype.h>
#include <curl/curl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { URL_BYTES_MAX = 2000, SHOWN_BYTES = 80 };

typedef struct UrlParts {
    CURLU *url;
    char *scheme, *user, *password, *host, *path, *query;
} UrlParts;

static bool refuse(Err *err, const char *reason, const char *what, const char *locator)
{
    char shown[LIST_EXCERPT_BYTES + 1];
    mel_list_excerpt(locator, strnlen(locator, SHOWN_BYTES), ' ', shown);
    return mel_err_reason(err, ERR_FORMAT, reason, "%s: '%s'", what, shown);
}

bool mel_youtube_id_valid(const char *text)
{
    return strlen(text) == YOUTUBE_ID_LENGTH && mel_name_valid(text);
}

/* "<prefix>-<first 16 hexadecimal digits of the SHA-256 of text>" */
static void hashed_id(const char *prefix, const char *text, char id[65])
{
    char hex[SHA256_HEX_SIZE];
    mel_sha256_hex(text, strlen(text), hex);
    snprintf(id, 65, "%s-%.16s", prefix, hex);
}

static void youtube_id(const char *id, SourceKind *kind_out, char id_out[65], char **locator_out)
{
    *kind_out = SOURCE_YOUTUBE;
    snprintf(id_out, 65, "yt-%.*s", YOUTUBE_ID_LENGTH, id);
    *locator_out = mel_strndup(id, YOUTUBE_ID_LENGTH);
}

static bool is_youtube_host(const char *host, size_t n)
{
    static const char *const hosts[] = {
        "youtube.com",       "www.youtube.com",      "m.youtube.com",
        "music.youtube.com", "gaming.youtube.com",   "youtu.be",
        "www.youtu.be",      "youtube-nocookie.com", "www.youtube-nocookie.com",
    };
    for (size_t i = 0; i < MEL_COUNT(hosts); i++)
        if (strlen(hosts[i]) == n && strncasecmp(hosts[i], host, n) == 0) return true;
    return false;
}

/* The video id that starts at text and ends where a part of an address ends, or NULL. */
static const char *id_at(const char *text)
{
    char id[YOUTUBE_ID_LENGTH + 1];
    if (strcspn(text, "/&?;#") != YOUTUBE_ID_LENGTH) return NULL;
    snprintf(id, sizeof id, "%.*s", YOUTUBE_ID_LENGTH, text);
    /* Words that stand where an id would and happen to be as long. */
    if (mel_equal(id, "videoseries") || mel_equal(id, "live_stream")) return NULL;
    return mel_youtube_id_valid(id) ? text : NULL;
}

static const char *id_in_query(const char *query)
{
    for (const char *p = query; p; p = strpbrk(p, "&;")) {
        if (*p == '&' || *p == ';') p++;
        if (mel_starts_with(p, "v=")) return id_at(p + 2);
    }
    return NULL;
}

/* The video that a YouTube address names, or NULL (channels, playlists, searches). */
static const char *id_in_youtube_url(const UrlParts *parts)
{
    static const char *const before_id[] = {"/embed/", "/shorts/", "/live/", "/watch/",
                                            "/v/",     "/e/",      "/vi/"};
    const char *path = parts->path ? parts->path : "/";
    if (strcasecmp(parts->host, "youtu.be") == 0 || strcasecmp(parts->host, "www.youtu.be") == 0)
        return id_at(path + 1);
    for (size_t i = 0; i < MEL_COUNT(before_id); i++)
        if (mel_starts_with(path, before_id[i])) return id_at(path + strlen(before_id[i]));
    if (mel_equal(path, "/watch") || mel_equal(path, "/")) return id_in_query(parts->query);
    return NULL;
}

/* Letters of any script, digits, '.', '-', '_', or an IPv6 address in brackets. */
static bool is_plain_host(const char *host)
{
    bool brackets = *host == '[';
    const char *allowed = brackets ? ".:[]" : ".-_";
    for (const char *p = host; *p; p++)
        if ((unsigned char)*p < 0x80 && !isalnum((unsigned char)*p) && !strchr(allowed, *p))
            return false;
    return *host && mel_utf8_valid(host, strlen(host));
}

static void parts_clear(UrlParts *parts)
{
    curl_free(parts->scheme);
    curl_free(parts->user);
    curl_free(parts->password);
    curl_free(parts->host);
    curl_free(parts->path);
    curl_free(parts->query);
    curl_url_cleanup(parts->url);
    *parts = (UrlParts){0};
}

static bool parts_read(UrlParts *parts, const char *text, Err *err)
{
    parts->url = curl_url();
    MEL_ASSERT(parts->url);
    const char *host = strstr(text, "://");
    if (!host || host[3] == '/' || /* where the library would take the path for the host */
        curl_url_set(parts->url, CURLUPART_URL, text, 0) != CURLUE_OK ||
        curl_url_get(parts->url, CURLUPART_SCHEME, &parts->scheme, 0) != CURLUE_OK ||
        (!mel_equal(parts->scheme, "http") && !mel_equal(parts->scheme, "https")))
        return refuse(err, "list.bad_url", "not an http or https address", text);
    if (curl_url_get(parts->url, CURLUPART_HOST, &parts->host, 0) != CURLUE_OK ||
        !is_plain_host(parts->host))
        return refuse(err, "list.bad_url", "an address without a proper host", text);
    curl_url_get(parts->url, CURLUPART_USER, &parts->user, 0);
    curl_url_get(parts->url, CURLUPART_PASSWORD, &parts->password, 0);
    if (parts->user || parts->password) /* not shown: it would stand in logs and exports */
        return mel_err_reason(err, ERR_FORMAT, "list.bad_url",
                              "an address with a user name or password in it");
    curl_url_get(parts->url, CURLUPART_PATH, &parts->path, 0);
    curl_url_get(parts->url, CURLUPART_QUERY, &parts->query, 0);
    return true;
}

/* Behind the host, bytes above 7F as %XX and the digits of every %xx in upper case, so that the
 * form depends neither on who wrote the address nor on the version of the library. */
static char *encode_path(const char *url)
{
    Str out = {0};
    const char *path = strstr(url, "://");
    MEL_ASSERT(path);
    path += strlen("://");
    path += strcspn(path, "/?");
    mel_str_add_bytes(&out, url, (size_t)(path - url));
    for (const char *p = path; *p; p++) {
        if (*p == '%' && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2])) {
            mel_str_addf(&out, "%%%c%c", toupper((unsigned char)p[1]),
                         toupper((unsigned char)p[2]));
            p += 2;
        } else if ((unsigned char)*p >= 0x80) {
            mel_str_addf(&out, "%%%02X", (unsigned char)*p);
        } else {
            mel_str_add_char(&out, *p);
        }
    }
    return mel_str_take(&out);
}

/* Lower-case host, no default port, no fragment, no dot segments: what one resource is called. */
static char *normal_form(UrlParts *parts)
{
    for (char *p = parts->host; *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + ('a' - 'A'));
    char *whole = NULL, *normal = NULL;
    if (curl_url_set(parts->url, CURLUPART_HOST, parts->host, 0) == CURLUE_OK &&
        curl_url_set(parts->url, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
        curl_url_get(parts->url, CURLUPART_URL, &whole, CURLU_NO_DEFAULT_PORT) == CURLUE_OK)
        normal = encode_path(whole);
    curl_free(whole);
    return normal;
}

static bool identify_url(const char *text, SourceKind *kind_out, char id_out[65],
                         char **locator_out, Err *err)
{
    UrlParts parts = {0};
    char *normal = NULL;
    bool ok = false;
    if (strlen(text) > URL_BYTES_MAX) {
        refuse(err, "list.bad_url", "an address of more than 2000 bytes", text);
        goto out;
    }
    if (!parts_read(&parts, text, err)) goto out;
    if (is_youtube_host(parts.host, strlen(parts.host))) {
        const char *id = id_in_youtube_url(&parts);
        if (!id) {
            refuse(err, "list.bad_url", "a YouTube address that names no video", text);
            goto out;
        }
        youtube_id(id, kind_out, id_out, locator_out);
    } else {
        normal = normal_form(&parts);
        if (!normal || strlen(normal) > URL_BYTES_MAX) {
            refuse(err, "list.bad_url", "an address that cannot be normalised", text);
            goto out;
        }
        *kind_out = SOURCE_URL;
        hashed_id("url", normal, id_out);
        *locator_out = normal;
        normal = NULL;
    }
    ok = true;
out:
    free(normal);
    parts_clear(&parts);
    return ok;
}

/* The absolute path of a regular file, links resolved; NULL when there is none. Yours. */
static char *find_file(const char *folder, const char *locator)
{
    char *joined = folder && *locator != '/' ? mel_path_join(folder, locator) : mel_strdup(locator);
    char *absolute = realpath(joined, NULL);
    struct stat st;
    if (absolute && (stat(absolute, &st) != 0 || !S_ISREG(st.st_mode))) {
        free(absolute);
        absolute = NULL;
    }
    free(joined);
    return absolute;
}

static bool identify_file(char *absolute, SourceKind *kind_out, char id_out[65], char **locator_out,
                          Err *err)
{
    if (!mel_list_text_clean(absolute, err)) { /* a link may lead anywhere */
        free(absolute);
        return false;
    }
    *kind_out = SOURCE_FILE;
    hashed_id("file", absolute, id_out);
    *locator_out = absolute;
    return true;
}

/* "javascript:" and its like: a word and a colon. */
static bool starts_with_scheme(const char *text)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+.-");
    return n >= 2 && text[n] == ':';
}

static bool identify_any(const char *folder, const char *locator, SourceKind *kind_out,
                         char id_out[65], char **locator_out, Err *err)
{
    if (mel_youtube_id_valid(locator)) {
        youtube_id(locator, kind_out, id_out, locator_out);
        return true;
    }
    size_t host_length = strcspn(locator, "/");
    if (locator[host_length] && is_youtube_host(locator, host_length)) {
        char *url = mel_asprintf("https://%s", locator);
        bool ok = identify_url(url, kind_out, id_out, locator_out, err);
        free(url);
        return ok;
    }
    char *absolute = find_file(folder, locator);
    if (absolute) return identify_file(absolute, kind_out, id_out, locator_out, err);
    if (starts_with_scheme(locator))
        return refuse(err, "list.bad_url", "not an http or https address", locator);
    if (strpbrk(locator, "/.")) return refuse(err, "list.no_file", "there is no file", locator);
    return refuse(err, "list.bad_id", "not a YouTube id, an address or a file", locator);
}

bool mel_source_identify_in(const char *folder, LocatorHint hint, const char *locator,
                            SourceKind *kind_out, char id_out[65], char **locator_out, Err *err)
{
    if (!*locator)
        return mel_err_reason(err, ERR_FORMAT, "list.missing_source", "the row names no source");
    if (strlen(locator) >= PATH_MAX)
        return mel_err_reason(err, ERR_FORMAT, "list.bad_id", "a source name of %zu bytes",
                              strlen(locator));
    if (!mel_list_text_clean(locator, err)) return false;
    if (strpbrk(locator, "\t\r\n"))
        return refuse(err, "list.bad_id", "a source name with a line end or tab", locator);
    if (hint == LOCATOR_YOUTUBE) {
        if (!mel_youtube_id_valid(locator))
            return refuse(err, "list.bad_id", "not a YouTube id", locator);
        youtube_id(locator, kind_out, id_out, locator_out);
        return true;
    }
    if (strstr(locator, "://")) return identify_url(locator, kind_out, id_out, locator_out, err);
    if (hint == LOCATOR_FILE) {
        char *absolute = find_file(folder, locator);
        if (!absolute) return refuse(err, "list.no_file", "there is no file", locator);
        return identify_file(absolute, kind_out, id_out, locator_out, err);
    }
    return identify_any(folder, locator, kind_out, id_out, locator_out, err);
}

bool mel_source_identify(const char *locator, SourceKind *kind_out, char id_out[65],
                         char **locator_out, Err *err)
{
    return mel_source_identify_in(NULL, LOCATOR_ANY, locator, kind_out, id_out, locator_out, err);
}
