/* SPDX-License-Identifier: Apache-2.0
 *
 * One line on stderr, at most ten times a second, and only on a terminal. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    bool shown;
    int64_t begin_us, last_us, begin_done;
    char what[32];
} bar;

static void erase(void *ctx)
{
    (void)ctx;
    if (bar.shown) fputs("\r\033[K", stderr);
    bar.shown = false;
}

static void format_span(int64_t span_us, char *text, size_t size)
{
    long long s = (long long)(span_us / 1000000);
    if (s >= 3600)
        snprintf(text, size, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, size, "%lld:%02lld", s / 60, s % 60);
}

static void draw(const ProgressTick *tick, int64_t now)
{
    enum { WIDTH = 24 };
    double span_s = (double)(now - bar.begin_us) / 1e6;
    double rate = span_s > 0 ? (double)(tick->done - bar.begin_done) / span_s : 0;
    erase(NULL);
    fprintf(stderr, "%-8s ", tick->what);
    if (tick->total > 0) {
        int filled = (int)(tick->done * WIDTH / tick->total);
        for (int i = 0; i < WIDTH; i++)
            fputs(i < filled ? "━" : "╌", stderr);
        fprintf(stderr, " %lld/%lld", (long long)tick->done, (long long)tick->total);
    } else {
        fprintf(stderr, "%lld", (long long)tick->done);
    }
    if (tick->failed) fprintf(stderr, "  %lld failed", (long long)tick->failed);
    if (rate > 0) fprintf(stderr, "  %.1f/s", rate);
    if (rate > 0 && tick->total > tick->done) {
        char left[24];
        format_span((int64_t)((double)(tick->total - tick->done) / rate * 1e6), left, sizeof left);
        fprintf(stderr, "  %s left", left);
    }
    if (tick->note) fprintf(stderr, "  %.40s", tick->note);
    fflush(stderr);
    bar.shown = true;
}

static void on_tick(void *ctx, const ProgressTick *tick)
{
    (void)ctx;
    int64_t now = mel_monotonic_us();
    if (strcmp(bar.what, tick->what) != 0) {
        snprintf(bar.what, sizeof bar.what, "%s", tick->what);
        bar.begin_us = now;
        bar.begin_done = tick->done;
        bar.last_us = 0;
    }
    if (now - bar.last_us < 100000 && tick->done != tick->total) return;
    bar.last_us = now;
    draw(tick, now);
}

Progress cli_progress_bar(bool wanted)
{
    bool foreground = tcgetpgrp(STDERR_FILENO) == getpgrp();
    if (!wanted || !isatty(STDERR_FILENO) || !foreground) return (Progress){0};
    mel_log_before(erase, NULL);
    return (Progress){.fn = on_tick};
}

void cli_progress_done(void)
{
    erase(NULL);
}
