/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void html_add(Str *out, const char *text)
{
    char *clean = cli_clean(text ? text : "");
    bool valid = mel_utf8_valid(clean, strlen(clean));
    for (const char *p = clean; *p; p++) {
        switch (*p) {
        case '&':
            mel_str_add(out, "&amp;");
            break;
        case '<':
            mel_str_add(out, "&lt;");
            break;
        case '>':
            mel_str_add(out, "&gt;");
            break;
        case '"':
            mel_str_add(out, "&quot;");
            break;
        case '\'':
            mel_str_add(out, "&#39;");
            break;
        default:
            mel_str_add_char(out, valid || !(*p & 0x80) ? *p : '?');
        }
    }
    free(clean);
}

void html_add_count(Str *out, int64_t count)
{
    cli_add_count(out, count);
}

void html_add_number(Str *out, double value, int digits)
{
    Str text = {0};
    if (fabs(value) >= 10000 && fabs(value) < 1e15)
        cli_add_count(&text, llround(fabs(value)));
    else
        cli_add_number(&text, fabs(value), digits);
    mel_str_addf(out, "%s%s", value < 0 ? "−" : "", mel_str_text(&text));
    mel_str_clear(&text);
}

void html_add_base64(Str *out, const void *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = bytes;
    char quad[4];
    for (size_t i = 0; i < n; i += 3) {
        unsigned group = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) |
                         (i + 2 < n ? p[i + 2] : 0);
        for (int k = 0; k < 4; k++)
            quad[k] = digits[group >> (18 - 6 * k) & 63];
        if (i + 1 >= n) quad[2] = '=';
        if (i + 2 >= n) quad[3] = '=';
        mel_str_add_bytes(out, quad, 4);
    }
}

void html_begin_section(Report *report, const char *id, const char *title)
{
    mel_str_addf(&report->out, "<section id=\"%s\">\n<h2>%s</h2>\n", id, title);
}

void html_end_section(Report *report)
{
    mel_str_add(&report->out, "</section>\n");
}

void html_begin_figure(Report *report, const char *class)
{
    mel_str_addf(&report->out, class ? "<figure class=\"%s\">\n" : "<figure>\n", class);
}

void html_end_figure(Report *report, const char *caption)
{
    mel_str_addf(&report->out, "<figcaption><b>Figure %d.</b> ", ++report->figures);
    html_add(&report->out, caption);
    mel_str_add(&report->out, "</figcaption>\n</figure>\n");
}

void html_table_caption(Report *report, const char *caption)
{
    mel_str_addf(&report->out, "<caption><b>Table %d.</b> ", ++report->tables);
    html_add(&report->out, caption);
    mel_str_add(&report->out, "</caption>\n");
}
