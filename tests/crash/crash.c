/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/crash.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char help[] =
    "usage: mel-crash [options]\n"
    "\n"
    "Kills working processes at random moments and checks what is left.\n"
    "\n"
    "  --points N     kills (400)\n"
    "  --seed S       another seed kills elsewhere (1)\n"
    "  --layer NAME   store: the library's own calls; commands: the program mel (store)\n"
    "  --bin FOLDER   where mel and mel-world are (beside this program)\n"
    "  --keep         leave the folder of a failure behind\n"
    "  --help         this text\n";

typedef struct Arguments {
    CrashOptions crash;
    const char *layer;
    bool help;
} Arguments;

static bool parse(int argc, char **argv, Arguments *arguments)
{
    static const struct option names[] = {
        {"points",           required_argument, NULL, 'p'},
        {"seed",              required_argument, NULL, 's'},
        {"layer",                  required_argument, NULL, 'l'},
        {"bin",required_argument, NULL, 'b'},
        {"keep",               no_argument, NULL, 'k'},
        {"help",            no_argument, NULL, 'h'},
        {0             },
    };
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        bool ok = true;
        switch (option) {
        case 'p':
            ok = mel_parse_i64(optarg, &arguments->crash.points) && arguments->crash.points > 0;
            break;
        case 's':
            ok = mel_parse_i64(optarg, &arguments->crash.seed);
            break;
        case 'l':
            arguments->layer = optarg;
            break;
        case 'b':
            arguments->crash.bin = optarg;
            break;
        case 'k':
            arguments->crash.keep = true;
            break;
        case 'h':
            arguments->help = true;
            break;
        default:
            ok = false;
            break;
        }
        if (!ok) return false;
    }
    return optind == argc &&
           (mel_equal(arguments->layer, "store") || mel_equal(arguments->layer, "commands"));
}

static char *own_folder(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) return mel_strdup(".");
    path[n] = '\0';
    return mel_path_dir(path);
}

int main(int argc, char **argv)
{
    Arguments arguments = {
        .crash = {.points = 400, .seed = 1},
          .layer = "store"
    };
    CrashReport report = {0};
    Err err = {0};
    if (!parse(argc, argv, &arguments) || arguments.help) {
        fputs(help, arguments.help ? stdout : stderr);
        return arguments.help ? 0 : 2;
    }
    char *beside = own_folder();
    if (!arguments.crash.bin) arguments.crash.bin = beside;
    int64_t begin_us = mel_monotonic_us();
    bool ok = mel_equal(arguments.layer, "store")
                  ? crash_store_layer(&arguments.crash, &report, &err)
                  : crash_command_layer(&arguments.crash, &report, &err);
    double took_s = (double)(mel_monotonic_us() - begin_us) / 1e6;
    printf("%lld kills in %lld worlds, %lld acknowledged changes, %.0f s (%.0f kills a minute)\n",
           (long long)report.points, (long long)report.worlds, (long long)report.acknowledged,
           took_s, 60 * (double)report.points / took_s);
    if (!ok) mel_log_error(&err);
    free(beside);
    return !ok;
}
