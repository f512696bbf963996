/* SPDX-License-Identifier: Apache-2.0
 *
 * mel-annotator killed at random moments of typing, choosing and submitting, and started again:
 * every key that was pressed a second before is kept, what was submitted stays submitted, the store
 * is whole, and the next start opens where the person was. $UI_KILLS says how often (8), $UI_SEED
 * which moments. A script leaves an item only by submitting it, so that there is never more than
 * one draft, and whatever is typed after a start must land in it. */
#include "tests/support/store_fixture.h"
#include "tests/ui/ui.h"

#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/extensions/XTest.h>
#include <X11/keysym.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLS = 8, CHAPTERS = 16, CHAPTER_BYTES = 512, TOKENS_MIN = 8, TOKENS_SPREAD = 8 };
static const int64_t LIMIT_US = 1000000, LIFE_MIN_US = 200000, LIFE_SPREAD_US = 4000000,
                     KEY_US = 45000;

/* What was typed into one item since the last start; the text also what the store had before. */
typedef struct Chapter {
    char text[CHAPTER_BYTES];
    int64_t at_us[CHAPTER_BYTES]; /* when each letter was pressed; 0: kept before */
    size_t length;
    int64_t genre_us, relevance_us, frame_us; /* likewise; -1: not yet */
    int64_t submit_us;                        /* 0: not yet */
    int tokens, tokens_wanted;
} Chapter;

typedef struct Author {
    char *base, *folder;
    int folder_number, items;
    Rng rng;
    int token;
    pid_t program;
    Chapter chapters[CHAPTERS]; /* since the last start */
    int chapter_count, submitted_before;
    int64_t next_us, late_us, kill_us; /* late: the machine's own delay, at worst */
    _Atomic int64_t disk_us;           /* the longest that the disk took, lately */
    atomic_bool end;
    int64_t keys, typed_us, lost, longest_loss_us, late_max_us, submitted;
    int over_a_second;
} Author;

static Display *display;

static int ignore_error(Display *of, XErrorEvent *event)
{
    (void)of, (void)event; /* a window that has just gone */
    return 0;
}

/* ---- keys --------------------------------------------------------------------------------------
 */

static void press(KeySym symbol, bool control)
{
    KeyCode code = XKeysymToKeycode(display, symbol),
            held = XKeysymToKeycode(display, XK_Control_L);
    if (control) XTestFakeKeyEvent(display, held, True, CurrentTime);
    XTestFakeKeyEvent(display, code, True, CurrentTime);
    XTestFakeKeyEvent(display, code, False, CurrentTime);
    if (control) XTestFakeKeyEvent(display, held, False, CurrentTime);
    XSync(display, False);
}

/* Waits for its turn; false when it is time to die instead. */
static bool key(Author *author, const char *name, int64_t *at_us)
{
    int64_t turn_us = author->next_us < author->kill_us ? author->next_us : author->kill_us;
    int64_t now_us = mel_monotonic_us();
    if (turn_us > now_us) mel_sleep_us(turn_us - now_us);
    now_us = mel_monotonic_us();
    if (now_us - turn_us > author->late_us) author->late_us = now_us - turn_us;
    if (now_us >= author->kill_us) return false;
    bool control = strncmp(name, "ctrl+", 5) == 0;
    press(XStringToKeysym(control ? name + 5 : name), control);
    if (at_us) *at_us = now_us;
    author->keys++;
    author->typed_us += KEY_US;
    author->next_us = now_us + KEY_US;
    return true;
}

static bool keys(Author *author, const char *names, int64_t *at_us)
{
    char **all = g_strsplit(names, " ", -1);
    bool alive = true;
    for (int i = 0; all[i] && alive; i++)
        alive = key(author, all[i], at_us);
    g_strfreev(all);
    return alive;
}

/* A word that is nowhere else, and a blank. */
static bool type_token(Author *author, Chapter *chapter)
{
    char token[24];
    snprintf(token, sizeof token, "n%d ", author->token++);
    for (const char *c = token; *c; c++) {
        const char name[] = {*c, '\0'};
        if (!key(author, *c == ' ' ? "space" : name, &chapter->at_us[chapter->length]))
            return false;
        chapter->text[chapter->length++] = *c;
    }
    chapter->tokens++;
    return true;
}

static bool work_on(Author *author, Chapter *chapter)
{
    /* A kill between submitting and going on leaves the person at what is submitted, and Return
     * goes on from there; from an empty item it goes nowhere. */
    bool untouched = author->chapter_count == 1 && chapter->length == 0 && chapter->genre_us < 0 &&
                     chapter->relevance_us < 0 && chapter->frame_us < 0;
    if (untouched && !key(author, "Return", NULL)) return false;
    if (chapter->genre_us < 0 && !keys(author, "g 7", &chapter->genre_us)) return false;
    if (chapter->relevance_us < 0 && !keys(author, "Escape y 1", &chapter->relevance_us))
        return false;
    if (chapter->frame_us < 0 && !keys(author, "Escape s 1", &chapter->frame_us)) return false;
    if (!keys(author, "Escape x ctrl+End", NULL)) return false;
    bool last = author->submitted_before + author->chapter_count >= author->items;
    while (chapter->tokens < chapter->tokens_wanted ||
           (last && chapter->length < CHAPTER_BYTES - 24))
        if (!type_token(author, chapter)) return false;
    return !last && keys(author, "Escape Return", &chapter->submit_us);
}

static Chapter *begin_chapter(Author *author)
{
    MEL_ASSERT(author->chapter_count < CHAPTERS);
    Chapter *chapter = &author->chapters[author->chapter_count++];
    *chapter = (Chapter){.genre_us = -1, .relevance_us = -1, .frame_us = -1};
    chapter->tokens_wanted = TOKENS_MIN + mel_rng_int(&author->rng, TOKENS_SPREAD);
    return chapter;
}

static void work_until_killed(Author *author)
{
    author->next_us = mel_monotonic_us();
    author->late_us = 0;
    atomic_store(&author->disk_us, 0);
    author->kill_us =
        author->next_us + LIFE_MIN_US + mel_rng_int(&author->rng, (int)LIFE_SPREAD_US);
    while (work_on(author, &author->chapters[author->chapter_count - 1]))
        begin_chapter(author);
    int64_t now_us = mel_monotonic_us();
    if (author->kill_us > now_us) mel_sleep_us(author->kill_us - now_us);
}

/* Writes as the program does: a disk that is busy with others keeps it waiting too. */
static void *watch_disk(void *ctx)
{
    Author *author = ctx;
    char *path = g_build_filename(author->base, "disk", NULL);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    while (!atomic_load(&author->end)) {
        int64_t began_us = mel_monotonic_us();
        bool ok = pwrite(fd, path, strlen(path), 0) > 0 && fsync(fd) == 0;
        int64_t took_us = mel_monotonic_us() - began_us;
        if (ok && took_us > atomic_load(&author->disk_us)) atomic_store(&author->disk_us, took_us);
        mel_sleep_us(50000);
    }
    close(fd);
    g_free(path);
    return NULL;
}

/* ---- the program -------------------------------------------------------------------------------
 */

/* One number of a window's property, 0 when there is none. */
static unsigned long number_of(Window window, const char *property, Atom type)
{
    Atom got;
    int format;
    unsigned long count = 0, rest, number = 0;
    unsigned char *value = NULL;
    if (XGetWindowProperty(display, window, XInternAtom(display, property, False), 0, 1, False,
                           type, &got, &format, &count, &rest, &value) == Success &&
        count)
        memcpy(&number, value, sizeof number);
    if (value) XFree(value);
    return number;
}

static bool has_the_keyboard(pid_t program)
{
    Window active = number_of(DefaultRootWindow(display), "_NET_ACTIVE_WINDOW", XA_WINDOW),
           focused = None;
    int revert;
    XGetInputFocus(display, &focused, &revert);
    return active && focused > PointerRoot &&
           number_of(active, "_NET_WM_PID", XA_CARDINAL) == (unsigned long)program;
}

/* How many points of the screen differ from the one before: a form of text has few, a picture of a
 * clip beside it many. */
static long edges(void)
{
    long count = 0;
    int number = DefaultScreen(display), width = DisplayWidth(display, number);
    int height = DisplayHeight(display, number);
    XImage *image = XGetImage(display, RootWindow(display, number), 0, 0, (unsigned)width,
                              (unsigned)height, AllPlanes, ZPixmap);
    if (!image) return 0;
    for (int y = 0; y < height; y++) {
        const uint32_t *row =
            (const uint32_t *)(const void *)(image->data +
                                             (size_t)y * (size_t)image->bytes_per_line);
        for (int x = 1; x < width; x++)
            count += row[x] != row[x - 1];
    }
    XDestroyImage(image);
    return count;
}

/* The window has the keyboard before it is laid out; a person waits for the clip to be there. */
static void wait_for_the_clip(void)
{
    enum { EDGES_OF_A_PICTURE = 80000 };
    long before = 0, now = edges();
    for (int i = 0; i < 50 && (now != before || now < EDGES_OF_A_PICTURE); i++) {
        mel_sleep_us(200000);
        before = now;
        now = edges();
    }
}

static void start(Author *author)
{
    author->program = fork();
    if (author->program == 0) {
        execl(MEL_BIN_DIR "/mel-annotator", "mel-annotator", "--annotator", "anna", "--audio",
              "virtual", author->folder, (char *)NULL);
        _exit(127);
    }
    UI_WAIT(has_the_keyboard(author->program));
    wait_for_the_clip();
}

/* ---- the store ---------------------------------------------------------------------------------
 */

typedef struct Kept {
    int submitted, drafts;
    char text[CHAPTER_BYTES]; /* of the draft */
    bool genre, relevance, frame;
} Kept;

static Kept read_store(const Author *author)
{
    Err err = {0};
    Db *db;
    const char *draft = "annotator = 'anna' AND state = 'draft'",
               *submitted = "annotator = 'anna' AND state = 'submitted'";
    CHECK_OK(mel_db_open(author->folder, DB_READ, &db, &err));
    Kept kept = {.submitted = (int)store_count(db, "annotations", submitted),
                 .drafts = (int)store_count(db, "annotations", draft)};
    if (kept.drafts == 1) {
        g_strlcpy(kept.text, store_field(db, "annotations", draft, "text"), sizeof kept.text);
        kept.genre = mel_equal(store_field(db, "annotations", draft, "genre"), "jazz");
        kept.relevance = *store_field(db, "annotations", draft, "relevance") != '\0';
        kept.frame = *store_field(db, "annotations", draft, "frame_position") != '\0';
    }
    mel_db_close(db);
    return kept;
}

static void check_submitted(const Author *author, const Chapter *chapter)
{
    Err err = {0};
    Db *db;
    CHECK_OK(mel_db_open(author->folder, DB_READ, &db, &err));
    char *where = g_strdup_printf("annotator = 'anna' AND state = 'submitted' AND genre = 'jazz' "
                                  "AND text = '%s'",
                                  chapter->text);
    assert_int_equal(store_count(db, "annotations", where), 1);
    g_free(where);
    mel_db_close(db);
}

/* ---- judging ----------------------------------------------------------------------------------
 */

/* What was pressed at at_us and is not there: only if it was young. */
static void check_loss(Author *author, int64_t at_us, const char *what)
{
    enum { SYNCS = 2 }; /* of one keeping */
    int64_t age_us = author->kill_us - at_us;
    int64_t late_us = author->late_us + SYNCS * atomic_load(&author->disk_us);
    author->over_a_second += age_us > LIMIT_US;
    if (late_us > author->late_max_us) author->late_max_us = late_us;
    if (age_us > author->longest_loss_us) author->longest_loss_us = age_us;
    if (age_us > LIMIT_US + late_us)
        fail_msg(
            "%s was pressed %.0f ms before the kill and is lost (the machine was %.0f ms late)",
            what, (double)age_us / 1e3, (double)late_us / 1e3);
}

static void check_draft(Author *author, const Chapter *chapter, const Kept *kept)
{
    size_t length = strlen(kept->text);
    if (length > chapter->length || memcmp(kept->text, chapter->text, length) != 0)
        fail_msg("the draft says '%s' where '%s' was typed", kept->text, chapter->text);
    if (length < chapter->length) check_loss(author, chapter->at_us[length], "a letter");
    author->lost += (int64_t)(chapter->length - length);
    if (chapter->genre_us >= 0 && !kept->genre) check_loss(author, chapter->genre_us, "a genre");
    if (chapter->relevance_us >= 0 && !kept->relevance)
        check_loss(author, chapter->relevance_us, "a relevance");
    if (chapter->frame_us >= 0 && !kept->frame) check_loss(author, chapter->frame_us, "a frame");
    if (chapter->submit_us) check_loss(author, chapter->submit_us, "a submission");
}

static void check_all(Author *author, const Kept *before, const Kept *kept)
{
    int done = kept->submitted - author->submitted_before;
    assert_in_range(kept->submitted, before->submitted, author->items);
    assert_in_range(done, 0, author->chapter_count - 1);
    assert_in_range(kept->drafts, 0, 1); /* two: a start opened something else */
    for (int i = 0; i < done; i++)
        check_submitted(author, &author->chapters[i]);
    check_draft(author, &author->chapters[done], kept);
    author->submitted += done;
    assert_int_equal(test_shell("'%s/mel' -q -C '%s' verify", MEL_BIN_DIR, author->folder), 0);
}

/* The store is where the next start goes on. */
static void take_up(Author *author, const Kept *kept)
{
    author->submitted_before = kept->submitted;
    author->chapter_count = 0;
    Chapter *chapter = begin_chapter(author);
    chapter->length = strlen(kept->text);
    memcpy(chapter->text, kept->text, chapter->length);
    if (kept->genre) chapter->genre_us = 0;
    if (kept->relevance) chapter->relevance_us = 0;
    if (kept->frame) chapter->frame_us = 0;
    for (size_t i = 0; i < chapter->length; i++)
        chapter->tokens += chapter->text[i] == ' ';
}

static void begin_folder(Author *author)
{
    Err err = {0};
    Db *db;
    if (author->folder) assert_int_equal(test_shell("rm -rf '%s'", author->folder), 0);
    g_free(author->folder);
    author->folder = g_strdup_printf("%s/%d", author->base, author->folder_number++);
    assert_int_equal(test_shell("cp -r '%s' '%s'", g_getenv("UI_DATASET"), author->folder), 0);
    CHECK_OK(mel_db_open(author->folder, DB_READ, &db, &err));
    author->items = (int)store_count(db, "clips", "state = 'ready'");
    mel_db_close(db);
    assert_true(author->items > 2);
    take_up(author, &(Kept){0});
}

static void kill_once(Author *author)
{
    int status;
    if (author->submitted_before >= author->items - 1) begin_folder(author);
    start(author);
    work_until_killed(author);
    Kept before = read_store(author);
    kill(author->program, SIGKILL);
    author->kill_us = mel_monotonic_us();
    waitpid(author->program, &status, 0);
    author->program = 0;
    assert_true(WIFSIGNALED(status)); /* else it had ended by itself */
    Kept kept = read_store(author);
    check_all(author, &before, &kept);
    take_up(author, &kept);
}

static uint64_t number_in(const char *variable, uint64_t usual)
{
    const char *text = g_getenv(variable);
    return text ? strtoull(text, NULL, 10) : usual;
}

static void a_kill_loses_at_most_the_last_second(void **state)
{
    (void)state;
    display = XOpenDisplay(NULL);
    if (!display) fail_msg("there is no display");
    XSetErrorHandler(ignore_error);
    int kills = (int)number_in("UI_KILLS", KILLS);
    Author author = {.base = test_folder(), .rng = {.seed = number_in("UI_SEED", 5)}};
    begin_folder(&author);
    pthread_t watch;
    assert_int_equal(pthread_create(&watch, NULL, watch_disk, &author), 0);
    for (int i = 0; i < kills; i++) {
        kill_once(&author);
        if (i % 50 == 49)
            print_message("%d kills: %lld letters lost, the oldest %.0f ms before its kill\n",
                          i + 1, (long long)author.lost, (double)author.longest_loss_us / 1e3);
    }
    atomic_store(&author.end, true);
    pthread_join(watch, NULL);
    print_message("%d kills, %lld keys in %.1f minutes, %lld answers submitted\n", kills,
                  (long long)author.keys, (double)author.typed_us / 60e6,
                  (long long)author.submitted);
    print_message("%lld letters lost, the oldest %.0f ms before its kill; %d losses over a second, "
                  "the machine up to %.0f ms late\n",
                  (long long)author.lost, (double)author.longest_loss_us / 1e3,
                  author.over_a_second, (double)author.late_max_us / 1e3);
    assert_true(author.keys > 10 * kills && author.submitted > kills / 6); /* it did work */
    g_free(author.folder);
    test_folder_remove(author.base);
    XCloseDisplay(display);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_kill_loses_at_most_the_last_second)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
