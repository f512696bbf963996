/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/world.h"

#include <getopt.h>
#include <libavutil/log.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: mel-world OUT [options]\n"
    "\n"
    "Makes a little world of videos in the new folder OUT: scenes and music drawn from known\n"
    "factors, some with planted faults, with a list to import, annotations and the truth.\n"
    "\n"
    "  --sources N   videos to make (60)\n"
    "  --faulty N    of them with a fault, each kind in turn (a quarter)\n"
    "  --mismatched N  further ones whose picture and music do not match (0)\n"
    "  --seed S      another seed is another world (1)\n"
    "  --seconds D   length of each video, 11 to 600 (24)\n"
    "  --size WxH    of the picture, even numbers (426x240)\n"
    "  --jobs J      threads (as many as there are cores)\n"
    "  --help        this text\n";

typedef struct Arguments {
    WorldOptions world;
    int jobs;
    const char *out;
    bool help;
} Arguments;

static bool parse_integer(const char *name, const char *text, int64_t least, int64_t most,
                          int64_t *out, Err *err)
{
    int64_t value = 0;
    if (mel_parse_i64(text, &value) && value >= least && value <= most) {
        *out = value;
        return true;
    }
    return mel_err(err, ERR_USAGE, "--%s wants a whole number from %lld, not '%s'", name,
                   (long long)least, text);
}

static bool parse_size(const char *text, WorldOptions *world, Err *err)
{
    int width = 0, height = 0, end = 0;
    if (sscanf(text, "%5dx%5d%n", &width, &height, &end) != 2 || text[end] != '\0')
        return mel_err(err, ERR_USAGE, "--size wants WIDTHxHEIGHT, not '%s'", text);
    world->width = width;
    world->height = height;
    return true;
}

static bool parse_option(int option, const char *text, Arguments *arguments, Err *err)
{
    int64_t value = 0;
    bool ok = true;
    switch (option) {
    case 'n':
        ok = parse_integer("sources", text, 1, SOURCES_MAX, &value, err);
        arguments->world.sources = (int)value;
        return ok;
    case 's':
        ok = parse_integer("seed", text, 0, INT64_MAX, &value, err);
        arguments->world.seed = (uint64_t)value;
        return ok;
    case 'f':
        ok = parse_integer("faulty", text, 0, SOURCES_MAX, &value, err);
        arguments->world.faulty = (int)value;
        return ok;
    case 'm':
        ok = parse_integer("mismatched", text, 0, SOURCES_MAX, &value, err);
        arguments->world.mismatched = (int)value;
        return ok;
    case 'j':
        ok = parse_integer("jobs", text, 1, 1024, &value, err);
        arguments->jobs = (int)value;
        return ok;
    case 'd':
        if (mel_parse_f64(text, &arguments->world.seconds)) return true;
        return mel_err(err, ERR_USAGE, "--seconds wants a number, not '%s'", text);
    case 'z':
        return parse_size(text, &arguments->world, err);
    case 'h':
        arguments->help = true;
        return true;
    default:
        return mel_err(err, ERR_USAGE, "unknown option or missing value");
    }
}

static bool parse_arguments(int argc, char **argv, Arguments *arguments, Err *err)
{
    static const struct option options[] = {
        {"sources",          required_argument, NULL, 'n'},
        {"faulty",              required_argument, NULL, 'f'},
        {"mismatched",                  required_argument, NULL, 'm'},
        {"seed",required_argument, NULL, 's'},
        {"seconds",               required_argument, NULL, 'd'},
        {"size",       required_argument, NULL, 'z'},
        {"jobs",              required_argument, NULL, 'j'},
        {"help",                  no_argument, NULL, 'h'},
        {0             },
    };
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (!parse_option(option, optarg, arguments, err)) return false;
    if (arguments->help) return true;
    if (optind != argc - 1) return mel_err(err, ERR_USAGE, "one folder to make is wanted");
    arguments->out = argv[optind];
    return true;
}

static void draw_progress(void *ctx, const ProgressTick *tick)
{
    (void)ctx;
    fprintf(stderr, "\rworld: %lld of %lld", (long long)tick->done, (long long)tick->total);
    if (tick->done == tick->total) fputc('\n', stderr);
}

static int exit_code(const Err *err)
{
    return err->code == ERR_USAGE ? 2 : err->code == ERR_CANCELLED ? 130 : 1;
}

int main(int argc, char **argv)
{
    Arguments arguments = {
        .world =
            {.sources = 60, .faulty = -1, .seed = 1, .seconds = 24, .width = 426, .height = 240},
        .jobs = mel_cpu_count()
    };
    WorldSummary made;
    Err err = {0};
    if (!parse_arguments(argc, argv, &arguments, &err)) {
        mel_err_hint(&err, "see mel-world --help");
        mel_log_error(&err);
        return exit_code(&err);
    }
    if (arguments.help) return fputs(help, stdout) < 0;
    av_log_set_level(AV_LOG_ERROR);
    mel_interrupt_install();
    Progress progress = {isatty(STDERR_FILENO) ? draw_progress : NULL, NULL};
    int64_t started_us = mel_monotonic_us();
    if (!mel_world_make(&arguments.world, arguments.out, arguments.jobs, &progress, &made, &err)) {
        mel_log_error(&err);
        return exit_code(&err);
    }
    printf("%d sources (%d faulty), %d clips, %d wrong rows, %.1f MB in '%s', %.1f s\n",
           made.sources, made.faulty, made.clips, ROW_FAULT_COUNT, (double)made.bytes / 1e6,
           arguments.out, (double)(mel_monotonic_us() - started_us) / 1e6);
    return 0;
}
