/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/failure.h"

#include <errno.h>
#include <string.h>

static const char *const class_names[] = {
    [FAIL_PERMANENT] = "permanent",         [FAIL_CONDITIONAL] = "conditional",
    [FAIL_TRANSIENT] = "transient",         [FAIL_PAUSE] = "pause",
    [FAIL_CONFIGURATION] = "configuration", [FAIL_LOCAL] = "local",
};

/* "http.4xx" and "http.5xx" stand for every number without a row of its own. The first word of a
 * reason says who found out: media (the decoder), list (the importer), http, yt (yt-dlp), pause
 * (the governor), local (this machine). */
/* clang-format off */
static const FailureKind kinds[] = {
    {"media.open", FAIL_PERMANENT, "The file is not media that can be opened.",
     "Look at the file; get it again or leave the clip out."},
    {"media.container", FAIL_PERMANENT, "The file's index or box structure is broken.",
     "Get the file again; if it fails the same way, the original is damaged."},
    {"media.codec", FAIL_PERMANENT, "No decoder here knows the codec of a stream.",
     "Ask for another format of the source."},
    {"media.no_audio", FAIL_PERMANENT, "The source has no sound.",
     "A clip needs sound: leave it out."},
    {"media.no_picture", FAIL_PERMANENT, "The source has no picture.",
     "A clip needs a picture: leave it out."},
    {"media.truncated", FAIL_TRANSIENT, "The file ends before its index says it does.",
     "Fetch it again; for a local file, copy it again from its origin."},
    {"media.damaged", FAIL_PERMANENT, "Part of the media could not be decoded.",
     "Get another copy of the source or leave the clip out."},
    {"media.past_end", FAIL_PERMANENT, "The clip lies behind the end of the source.",
     "Check the list's times against the source's duration."},
    {"media.dimensions", FAIL_PERMANENT, "The picture's size is outside the limits.",
     "Ask for a smaller format of the source."},
    {"media.duration", FAIL_PERMANENT, "The source claims a length that cannot be right.",
     "Leave it out, or remux the file."},
    {"media.streams", FAIL_PERMANENT, "The file has more streams than a real source has.",
     "Remux the file with one sound and one picture stream."},
    {"media.playlist", FAIL_PERMANENT, "The file is a playlist that names other files.",
     "Import the media itself; playlists are never followed."},
    {"media.missing_bytes", FAIL_TRANSIENT, "Bytes that the decoder needs were not fetched.",
     "Fetch again; more of the file is fetched when the index misleads."},
    {"media.time", FAIL_PERMANENT, "Decoding took longer than its time limit.",
     "The file is hostile or extreme; raise the limit only for a source that you trust."},
    {"media.memory", FAIL_PERMANENT, "Decoding needed more memory than its limit.",
     "The file is hostile or extreme; raise the limit only for a source that you trust."},
    {"media.crash", FAIL_PERMANENT, "The confined decoder crashed on this file.",
     "Nothing else was harmed; leave it out and keep the file for a bug report."},
    {"media.filesize", FAIL_PERMANENT, "A product grew over its size limit.",
     "Shorten the clip or lower the preview's quality."},
    {"media.sandbox", FAIL_CONFIGURATION, "The decoder's sandbox could not be set up.",
     "Run mel doctor; the kernel must offer seccomp and Landlock when they are required."},
    {"media.product", FAIL_TRANSIENT, "A product failed its check after it was written.",
     "Fetch the clip again; if it stays so, check the disk and memory."},

    {"list.bad_id", FAIL_PERMANENT, "The row's video id is not one.", "Correct the row."},
    {"list.bad_url", FAIL_PERMANENT, "The row's address is not an http or https URL or a path.",
     "Correct the row."},
    {"list.bad_time", FAIL_PERMANENT, "A time in the row is not a number of seconds.",
     "Correct the row."},
    {"list.bad_span", FAIL_PERMANENT, "The row's end is not behind its start, or is out of range.",
     "Correct the row."},
    {"list.bad_row", FAIL_PERMANENT, "The row does not have the columns of its list.",
     "Correct the row."},
    {"list.too_long", FAIL_PERMANENT, "The row or a field is longer than any real one.",
     "Correct the row; look for a quote that never closes."},
    {"list.not_utf8", FAIL_PERMANENT, "The row is not UTF-8 text.", "Convert the list to UTF-8."},
    {"list.missing_file", FAIL_LOCAL, "A file that the list names is not there.",
     "Put the file where the list says, or correct the path."},

    {"http.400", FAIL_PERMANENT, "The server did not understand the request.", "Check the URL."},
    {"http.401", FAIL_CONDITIONAL, "The server asks for a login.",
     "Use a copy that needs no login, or import a local file."},
    {"http.403", FAIL_CONDITIONAL, "The server refuses this resource to us.",
     "An address from a page may have expired: fetch again; otherwise use another copy."},
    {"http.404", FAIL_PERMANENT, "There is nothing at this address.", "Look for another copy."},
    {"http.408", FAIL_TRANSIENT, "The server gave up waiting for the request.", "Retry later."},
    {"http.410", FAIL_PERMANENT, "The resource is gone for good.", "Look for another copy."},
    {"http.416", FAIL_TRANSIENT, "The server has no such range of bytes.",
     "The resource may have changed: fetch it from the start."},
    {"http.425", FAIL_TRANSIENT, "The server found the request too early.", "Retry later."},
    {"http.429", FAIL_PAUSE, "The server asks for fewer requests.",
     "Wait; everything through this server pauses."},
    {"http.451", FAIL_PERMANENT, "The resource is withheld for legal reasons.", "Leave it out."},
    {"http.4xx", FAIL_PERMANENT, "The server refuses the request.", "Check the URL."},
    {"http.5xx", FAIL_TRANSIENT, "The server failed.", "Retry later."},
    {"http.status", FAIL_TRANSIENT, "The server answered with a status that makes no sense here.",
     "Check the URL; retry later."},
    {"http.redirects", FAIL_PERMANENT, "The address redirects more than five times.",
     "Use the final address."},
    {"http.scheme", FAIL_PERMANENT, "The address, or a redirect, is neither http nor https.",
     "Use an http or https address, or import a local file."},
    {"http.private", FAIL_PERMANENT, "The address lies in a private network.",
     "Allow private addresses only for a server that is yours."},
    {"http.url", FAIL_PERMANENT, "The address is not a well-formed URL.", "Correct the URL."},
    {"http.timeout", FAIL_TRANSIENT, "The request took longer than its limit.", "Retry later."},
    {"http.stalled", FAIL_TRANSIENT, "The server stopped sending.", "Retry later."},
    {"http.slow", FAIL_TRANSIENT, "The server sends more slowly than is useful.", "Retry later."},
    {"http.dns", FAIL_TRANSIENT, "The server's name could not be resolved.",
     "Check the name and the network; retry later."},
    {"http.connect", FAIL_TRANSIENT, "No connection to the server.",
     "Check the network; retry later."},
    {"http.tls", FAIL_CONDITIONAL, "The server's certificate or TLS is not valid.",
     "Check this machine's clock and CA certificates; certificates are never ignored."},
    {"http.short", FAIL_TRANSIENT, "The connection ended before the announced bytes came.",
     "Retry later; what came is kept."},
    {"http.long", FAIL_TRANSIENT, "The server sent more bytes than it announced or was asked.",
     "Retry later; the server is at fault."},
    {"http.range", FAIL_TRANSIENT, "The server answered with another range than was asked.",
     "Retry later; the server is at fault."},
    {"http.changed", FAIL_TRANSIENT, "The resource changed while it was being fetched.",
     "Fetch it again from the start."},
    {"http.encoding", FAIL_PERMANENT, "The server sent a compressed form that was not asked for.",
     "Use another address; compressed bodies are never unpacked."},
    {"http.headers", FAIL_PERMANENT, "The server's headers are broken or far too long.",
     "Use another address."},
    {"http.empty", FAIL_TRANSIENT, "The server answered with no bytes.", "Retry later."},
    {"http.too_large", FAIL_PERMANENT, "The resource is larger than its limit.",
     "Raise the limit when the source is meant to be so large."},
    {"http.rate_limited", FAIL_PAUSE, "The server went on asking for fewer requests.",
     "Wait; everything through this server pauses."},
    {"http.protocol", FAIL_TRANSIENT, "The server's answer is not proper HTTP.", "Retry later."},

    {"yt.private", FAIL_PERMANENT, "The video is private.", "Look for another copy."},
    {"yt.removed", FAIL_PERMANENT, "The video was removed.", "Look for another copy."},
    {"yt.terminated", FAIL_PERMANENT, "The channel's account was terminated.",
     "Look for another copy."},
    {"yt.unavailable", FAIL_PERMANENT, "The video is not available.", "Look for another copy."},
    {"yt.copyright", FAIL_PERMANENT, "The video is blocked by a copyright claim.", "Leave it out."},
    {"yt.age", FAIL_CONDITIONAL, "The video needs a login with a confirmed age.",
     "Import a local file if you have the right to one."},
    {"yt.members", FAIL_CONDITIONAL, "The video is for members of its channel.",
     "Import a local file if you have the right to one."},
    {"yt.geo", FAIL_CONDITIONAL, "The video is not available in this country.",
     "Fetch it on a machine in another country, or leave it out."},
    {"yt.premium", FAIL_CONDITIONAL, "The video must be paid for.",
     "Import a local file if you have the right to one."},
    {"yt.upcoming", FAIL_TRANSIENT, "The video has not begun yet.", "Retry after it was shown."},
    {"yt.live", FAIL_TRANSIENT, "The video is still being broadcast or processed.",
     "Retry when the broadcast has ended."},
    {"yt.rate_limited", FAIL_PAUSE, "The site limits this session for now.",
     "Wait, up to an hour; fetching pauses by itself and goes on."},
    {"yt.bot_check", FAIL_PAUSE, "The site wants to see that nobody automates it.",
     "Stop here; the check is never evaded. Go on another day or from local files."},
    {"yt.login", FAIL_CONDITIONAL, "The site asks for a login.",
     "Import a local file if you have the right to one."},
    {"yt.format", FAIL_CONFIGURATION, "No format of the video can be fetched in ranges.",
     "Update yt-dlp; if that does not help, the video only streams."},
    {"yt.js_runtime", FAIL_CONFIGURATION, "yt-dlp needs a JavaScript runtime.",
     "Install deno or node and run mel doctor."},
    {"yt.outdated", FAIL_CONFIGURATION, "yt-dlp is too old for this site.", "Update yt-dlp."},
    {"yt.unsupported", FAIL_PERMANENT, "yt-dlp finds no media at this address.",
     "Give the address of the media itself, or another page."},
    {"yt.playlist", FAIL_PERMANENT, "The address is a list of videos, not one.",
     "Import the videos one by one."},
    {"yt.missing", FAIL_CONFIGURATION, "The program yt-dlp is not installed.",
     "Install yt-dlp, or import direct media links and local files only."},
    {"yt.options", FAIL_CONFIGURATION, "yt-dlp does not know an option that is used here.",
     "Update yt-dlp."},
    {"yt.drm", FAIL_PERMANENT, "The video is encrypted.", "Leave it out."},
    {"yt.timeout", FAIL_TRANSIENT, "yt-dlp did not come to an end in its time.", "Retry later."},
    {"yt.network", FAIL_TRANSIENT, "yt-dlp could not reach the site.",
     "Check the network; retry later."},
    {"yt.output", FAIL_TRANSIENT, "yt-dlp printed something that is not its JSON.",
     "Retry later; update yt-dlp if it stays so."},
    {"yt.unknown", FAIL_TRANSIENT, "yt-dlp failed in a way that is not in the table.",
     "Read the message; update yt-dlp; retry later."},

    {"pause.waiting", FAIL_PAUSE, "Fetching is paused until a moment that is still far.",
     "Run the command again later; mel doctor says when."},

    {"local.missing", FAIL_LOCAL, "A local file or program is not there.",
     "Put it in place and retry."},
    {"local.disk_full", FAIL_LOCAL, "The disk is full.", "Free some space and retry."},
    {"local.io", FAIL_LOCAL, "This machine could not read or write a file.",
     "Check the disk and retry."},
    {"local.memory", FAIL_LOCAL, "This machine has no memory left.",
     "Use fewer workers and retry."},
    {"local.denied", FAIL_LOCAL, "This machine does not permit it.",
     "Check the file's owner and permissions."},
    {"local.damaged", FAIL_LOCAL, "A product of the clip was missing or damaged.",
     "Retry: it is made again."},
    {"source.taken_down", FAIL_PERMANENT, "The source was taken down.",
     "Nothing: it must not come back."},
    {"local.busy", FAIL_LOCAL, "Another process works on the same file.",
     "Wait until it is done."},
    {"local.store", FAIL_LOCAL, "The dataset's store said no.", "Run mel verify."},
    {"local.device", FAIL_LOCAL, "An accelerator of this machine said no.", "Run mel doctor."},
    {"local.usage", FAIL_LOCAL, "The request makes no sense.", "Correct the command."},

    {"interrupted", FAIL_TRANSIENT, "The work was interrupted.", "Run the command again."},
    {"unknown", FAIL_TRANSIENT, "The cause is not known.", "Read the message; retry later."},
};
/* clang-format on */

enum { KIND_COUNT = MEL_COUNT(kinds) };

const char *mel_failure_class_name(FailureClass class)
{
    return class_names[class];
}

bool mel_failure_class_parse(const char *name, FailureClass *out)
{
    for (size_t i = 0; name && i < MEL_COUNT(class_names); i++) {
        if (!mel_equal(name, class_names[i])) continue;
        *out = (FailureClass)i;
        return true;
    }
    return false;
}

static const FailureKind *find(const char *reason)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (mel_equal(kinds[i].reason, reason)) return &kinds[i];
    return NULL;
}

/* "http.418" is of the family "http.4xx"; NULL when the word is no status. */
static const char *http_family(const char *reason)
{
    if (!mel_starts_with(reason, "http.")) return NULL;
    const char *digits = reason + 5;
    if (strspn(digits, "0123456789") != 3 || digits[3]) return NULL;
    if (digits[0] == '4') return "http.4xx";
    return digits[0] == '5' ? "http.5xx" : "http.status";
}

const FailureKind *mel_failure(const char *reason)
{
    const FailureKind *kind = reason ? find(reason) : NULL;
    const char *family = reason && !kind ? http_family(reason) : NULL;
    if (family) kind = find(family);
    return kind ? kind : find("unknown");
}

const FailureKind *mel_failure_table(size_t *count_out)
{
    *count_out = KIND_COUNT;
    return kinds;
}

/* mel_err_errno puts strerror(errno) behind the message and keeps no number. */
static const char *io_reason(const char *message)
{
    static const struct {
        int code;
        const char *reason;
    } causes[] = {
        {ENOSPC,  "local.disk_full"},
        {EDQUOT,  "local.disk_full"},
        {ENOENT,  "local.missing"  },
        {ENOTDIR, "local.missing"  },
        {EACCES,  "local.denied"   },
        {EPERM,   "local.denied"   },
        {EROFS,   "local.denied"   },
        {ENOMEM,  "local.memory"   },
    };
    for (size_t i = 0; i < MEL_COUNT(causes); i++)
        if (mel_ends_with(message, strerror(causes[i].code))) return causes[i].reason;
    return "local.io";
}

const char *mel_failure_reason(const Err *err)
{
    if (err->reason[0]) return err->reason;
    switch (err->code) {
    case ERR_IO:
        return io_reason(err->message);
    case ERR_NOT_FOUND:
        return "local.missing";
    case ERR_NOMEM:
        return "local.memory";
    case ERR_DENIED:
        return "local.denied";
    case ERR_DB:
        return "local.store";
    case ERR_DEVICE:
        return "local.device";
    case ERR_USAGE:
        return "local.usage";
    case ERR_CANCELLED:
        return "interrupted";
    case ERR_MEDIA:
        return "media.damaged";
    case ERR_NET:
        return "http.protocol";
    default:
        return "unknown";
    }
}
