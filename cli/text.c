/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reading.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The length of the control character or invisible direction mark that `p` begins with, else 0:
 * C0, DEL, C1 (U+0080..U+009F), U+2028..U+202E, U+2066..U+2069. */
static size_t control_length(const unsigned char *p)
{
    if (*p < 0x20 || *p == 0x7F) return 1;
    if (p[0] == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F) return 2;
    if (p[0] == 0xE2 && p[1] == 0x80 && p[2] >= 0xA8 && p[2] <= 0xAE) return 3;
    if (p[0] == 0xE2 && p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9) return 3;
    return 0;
}

void cli_add_clean(Str *out, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    while (p && *p) {
        size_t n = control_length(p);
        mel_str_add_char(out, n ? ' ' : (char)*p);
        p += n ? n : 1;
    }
}

char *cli_clean(const char *text)
{
    Str out = {0};
    cli_add_clean(&out, text);
    return mel_str_take(&out);
}

void cli_add_number(Str *out, double value, int digits)
{
    double size = fabs(value);
    if (size >= 1e15 || (size > 0 && size < 1e-4))
        mel_str_addf(out, "%.*g", digits, value);
    else if (size >= pow(10, digits))
        mel_str_addf(out, "%.0f", value);
    else
        mel_str_addf(out, "%.*g", digits, value);
}

void cli_add_count(Str *out, int64_t count)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)count);
    for (int i = 0; i < n; i++) {
        mel_str_add_char(out, digits[i]);
        int left = n - 1 - i;
        if (left > 0 && left % 3 == 0 && digits[i] != '-') mel_str_add_char(out, ',');
    }
}

void cli_add_size(Str *out, int64_t size_bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double size = (double)size_bytes;
    int unit = 0;
    for (; size >= 1024 && unit < 5; unit++)
        size /= 1024;
    mel_str_addf(out, "%.*f %s", unit && size < 100 ? 1 : 0, size, units[unit]);
}

void cli_add_span(Str *out, double span_s)
{
    int64_t whole = (int64_t)llround(span_s);
    if (span_s < 60)
        mel_str_addf(out, "%.1f s", span_s);
    else if (whole < 3600)
        mel_str_addf(out, "%lld min %lld s", (long long)(whole / 60), (long long)(whole % 60));
    else
        mel_str_addf(out, "%lld h %lld min", (long long)(whole / 3600),
                     (long long)(whole % 3600 / 60));
}

static int width_of_bytes(const char *text, size_t n)
{
    int width = 0;
    for (size_t i = 0; i < n; i++)
        width += ((unsigned char)text[i] & 0xC0) != 0x80;
    return width;
}

int cli_text_width(const char *text)
{
    return width_of_bytes(text, strlen(text));
}

void cli_add_wrapped(Str *out, const char *text, int indent, int width)
{
    int column = 0;
    while (*text) {
        text += strspn(text, " \n");
        size_t n = strcspn(text, " \n");
        int word = width_of_bytes(text, n);
        if (!n) break;
        if (column > indent && column + 1 + word > width) {
            mel_str_add_char(out, '\n');
            column = 0;
        }
        if (column == 0)
            for (; column < indent; column++)
                mel_str_add_char(out, ' ');
        else if (column > indent) {
            mel_str_add_char(out, ' ');
            column++;
        }
        mel_str_add_bytes(out, text, n);
        column += word;
        text += n;
    }
    mel_str_add_char(out, '\n');
}

int cli_wrap_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 100;
    return size.ws_col < 60 ? 60 : size.ws_col > 100 ? 100 : size.ws_col;
}
