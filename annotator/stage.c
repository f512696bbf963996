/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/stage.h"

#include "annotator/clip_load.h"
#include "annotator/wave.h"

#include <glib/gi18n.h>
#include <string.h>

enum { JUMP_S = 2, KEPT = 3 };

struct _MelStage {
    GtkWidget parent_instance;
    GtkWidget *box, *picture, *wave, *time, *play, *loop, *slow;
    Player *player;
    char *audio;
    ClipLoad *shown;
    GQueue loads; /* ClipLoad, the newest first */
    gint64 picture_number;
    gboolean syncing, wants_slow; /* wants_slow: half speed as soon as it is made */
};

G_DEFINE_FINAL_TYPE(MelStage, mel_stage, GTK_TYPE_WIDGET)

enum { TOLD, SIGNALS };
static guint signals[SIGNALS];

/* ---- loading -----------------------------------------------------------------------------------
 */

static void present(MelStage *stage);
static void take_slow(MelStage *stage);

static void there(GObject *owner, ClipLoad *load)
{
    MelStage *stage = MEL_STAGE(owner);
    if (load != stage->shown || !stage->box) return;
    if (load->slow)
        take_slow(stage);
    else
        present(stage);
}

static void forget_oldest(MelStage *stage)
{
    while (stage->loads.length > KEPT) {
        ClipLoad *oldest = g_queue_pop_tail(&stage->loads);
        if (oldest != stage->shown) clip_load_cancel(oldest);
        clip_load_unref(oldest);
    }
}

/* The clip's load, begun if need be, in front of the others. */
static ClipLoad *demand(MelStage *stage, const ClipItem *item)
{
    for (GList *at = stage->loads.head; at; at = at->next) {
        ClipLoad *load = at->data;
        if (g_strcmp0(load->clip_id, item->clip_id) != 0) continue;
        g_queue_unlink(&stage->loads, at);
        g_queue_push_head_link(&stage->loads, at);
        return load;
    }
    ClipLoad *load = clip_load_new(item, G_OBJECT(stage), there);
    g_queue_push_head(&stage->loads, load);
    forget_oldest(stage);
    return load;
}

void mel_stage_load_ahead(MelStage *stage, const ClipItem *item)
{
    demand(stage, item);
    GList *shown = g_queue_find(&stage->loads, stage->shown); /* stays in front */
    if (!shown) return;
    g_queue_unlink(&stage->loads, shown);
    g_queue_push_head_link(&stage->loads, shown);
}

/* ---- showing -----------------------------------------------------------------------------------
 */

static void tell(MelStage *stage, const char *sentence)
{
    g_signal_emit(stage, signals[TOLD], 0, sentence);
}

static void drop_texture(gpointer clip)
{
    mel_loaded_clip_unref(clip);
}

/* The picture of a number as a texture over the clip's own memory. */
static void show_picture(MelStage *stage, gint64 number)
{
    if (number == stage->picture_number || !stage->shown || !stage->shown->done) return;
    LoadedClip *clip = stage->shown->clip;
    stage->picture_number = number;
    if (number < 0) {
        gtk_picture_set_paintable(GTK_PICTURE(stage->picture), NULL);
        return;
    }
    gsize stride = (gsize)clip->width * 3;
    GBytes *bytes =
        g_bytes_new_with_free_func(clip->pictures[number].rgb, stride * (gsize)clip->height,
                                   drop_texture, mel_loaded_clip_ref(clip));
    GdkTexture *texture =
        gdk_memory_texture_new(clip->width, clip->height, GDK_MEMORY_R8G8B8, bytes, stride);
    gtk_picture_set_paintable(GTK_PICTURE(stage->picture), GDK_PAINTABLE(texture));
    g_object_unref(texture);
    g_bytes_unref(bytes);
}

static void show_time(MelStage *stage, gint64 sample)
{
    const LoadedClip *clip = stage->shown->clip;
    double rate = clip->rate_hz;
    char *text = g_strdup_printf("%.2f / %.2f s", sample / rate, clip->frames / rate);
    gtk_label_set_text(GTK_LABEL(stage->time), text);
    g_free(text);
}

static void sync_buttons(MelStage *stage)
{
    stage->syncing = TRUE;
    gboolean playing = mel_player_is_playing(stage->player);
    gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(stage->play), playing);
    gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(stage->slow),
                                 mel_player_speed(stage->player) < 1);
    stage->syncing = FALSE;
}

static void show_now(MelStage *stage)
{
    if (!stage->shown || !stage->shown->done) return;
    gint64 sample = mel_player_heard_sample(stage->player);
    mel_wave_set_playhead(MEL_WAVE(stage->wave), sample);
    show_picture(stage, mel_player_picture_now(stage->player));
    show_time(stage, sample);
    sync_buttons(stage);
}

static gboolean tick(GtkWidget *widget, GdkFrameClock *clock, gpointer data)
{
    (void)clock, (void)data;
    show_now(MEL_STAGE(widget));
    return G_SOURCE_CONTINUE;
}

static AudioKind kind_of(const char *audio)
{
    if (g_strcmp0(audio, "virtual") == 0) return AUDIO_VIRTUAL;
    return g_strcmp0(audio, "silent") == 0 ? AUDIO_SILENT : AUDIO_PULSE;
}

/* A device, or a silent clock in its place: working goes on. */
static void open_output(MelStage *stage)
{
    Err err = {0};
    AudioSpec spec = {.kind = kind_of(stage->audio)};
    if (mel_player_output(stage->player) || mel_player_open_output(stage->player, &spec, &err))
        return;
    char *sentence = g_strdup_printf(_("There is no sound: %s"), err.message);
    tell(stage, sentence);
    g_free(sentence);
    spec.kind = AUDIO_SILENT;
    mel_err_clear(&err);
    if (!mel_player_open_output(stage->player, &spec, &err)) g_warning("%s", err.message);
}

static void tell_what_is_missing(MelStage *stage, const LoadedClip *clip)
{
    if (mel_err_is_set(&clip->sound_why)) tell(stage, clip->sound_why.message);
    if (mel_err_is_set(&clip->picture_why)) tell(stage, clip->picture_why.message);
}

static void present(MelStage *stage)
{
    ClipLoad *load = stage->shown;
    LoadedClip *clip = load->clip;
    mel_player_set_clip(stage->player, clip);
    mel_player_set_gain(stage->player, clip->gain);
    mel_player_set_repeat(stage->player, true);
    open_output(stage);
    mel_wave_set_sound(MEL_WAVE(stage->wave), clip->frames, clip->rate_hz, load->peaks,
                       &load->melgram);
    stage->picture_number = -2;
    tell_what_is_missing(stage, clip);
    if (load->slow) take_slow(stage);
    show_now(stage);
}

void mel_stage_show(MelStage *stage, const ClipItem *item)
{
    ClipLoad *load = demand(stage, item);
    mel_player_pause(stage->player);
    mel_wave_set_sound(MEL_WAVE(stage->wave), 0, 0, NULL, NULL); /* it borrows from the last one */
    if (stage->shown) clip_load_unref(stage->shown);
    stage->shown = clip_load_ref(load);
    stage->wants_slow = FALSE;
    if (load->done) present(stage);
}

gboolean mel_stage_is_ready(MelStage *stage)
{
    return stage->shown && stage->shown->done;
}

Player *mel_stage_player(MelStage *stage)
{
    return stage->player;
}

const char *mel_stage_audio(MelStage *stage)
{
    return stage->audio;
}

/* ---- the transport -----------------------------------------------------------------------------
 */

static void play_or_pause(MelStage *stage)
{
    if (mel_player_is_playing(stage->player))
        mel_player_pause(stage->player);
    else
        mel_player_play(stage->player);
}

static void jump(MelStage *stage, int seconds)
{
    gint64 rate = stage->shown->clip->rate_hz;
    mel_player_seek(stage->player, mel_player_heard_sample(stage->player) + seconds * rate);
}

static void set_region(MelStage *stage, gint64 first, gint64 end)
{
    mel_player_set_region(stage->player, first, end);
    if (!mel_player_region(stage->player, &first, &end)) first = end = 0;
    mel_wave_set_region(MEL_WAVE(stage->wave), first, end);
    stage->syncing = TRUE;
    gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(stage->loop), end > first);
    stage->syncing = FALSE;
}

/* Without a region: two seconds around what is heard. */
static void loop_on_or_off(MelStage *stage)
{
    int64_t first, end, now = mel_player_heard_sample(stage->player);
    int rate = stage->shown->clip->rate_hz;
    if (mel_player_region(stage->player, &first, &end))
        set_region(stage, 0, 0);
    else
        set_region(stage, now - rate, now + rate);
}

static void move_edge(MelStage *stage, gboolean left)
{
    int64_t first, end, now = mel_player_heard_sample(stage->player);
    if (!mel_player_region(stage->player, &first, &end)) {
        first = 0;
        end = stage->shown->clip->frames;
    }
    if (left)
        set_region(stage, now, MAX(end, now));
    else
        set_region(stage, MIN(first, now), now);
}

/* The slow sound is there: half speed is one step away, and taken if it was asked for. */
static void take_slow(MelStage *stage)
{
    Err err = {0};
    mel_player_take_slow(stage->player, mel_stretched_ref(stage->shown->slow));
    if (stage->wants_slow && !mel_player_set_speed(stage->player, 0.5, &err))
        tell(stage, err.message);
    stage->wants_slow = FALSE;
}

static void half_speed(MelStage *stage)
{
    Err err = {0};
    double wanted = mel_player_speed(stage->player) < 1 ? 1 : 0.5;
    if (mel_player_set_speed(stage->player, wanted, &err)) return;
    stage->wants_slow = !stage->wants_slow; /* pressed again: never mind */
    clip_load_want_slow(stage->shown);
}

gboolean mel_stage_is_slow_ready(MelStage *stage)
{
    return stage->shown && stage->shown->slow;
}

static gboolean do_command(MelStage *stage, KeyCommand command)
{
    switch (command) {
    case COMMAND_play:
        play_or_pause(stage);
        return TRUE;
    case COMMAND_restart:
        mel_player_seek(stage->player, 0);
        return TRUE;
    case COMMAND_back:
    case COMMAND_forward:
        jump(stage, command == COMMAND_back ? -JUMP_S : JUMP_S);
        return TRUE;
    case COMMAND_frame_back:
    case COMMAND_frame_on:
        mel_player_step(stage->player, command == COMMAND_frame_back ? -1 : 1);
        return TRUE;
    case COMMAND_loop:
        loop_on_or_off(stage);
        return TRUE;
    case COMMAND_loop_from:
    case COMMAND_loop_to:
        move_edge(stage, command == COMMAND_loop_from);
        return TRUE;
    case COMMAND_half_speed:
        half_speed(stage);
        return TRUE;
    default:
        return FALSE;
    }
}

gboolean mel_stage_command(MelStage *stage, KeyCommand command)
{
    if (!mel_stage_is_ready(stage)) return FALSE;
    gboolean done = do_command(stage, command);
    if (done) show_now(stage);
    return done;
}

void mel_stage_seek_us(MelStage *stage, gint64 time_us)
{
    if (!mel_stage_is_ready(stage)) return;
    mel_player_seek(stage->player, time_us * stage->shown->clip->rate_hz / 1000000);
    show_now(stage);
}

static void wave_seek(MelWave *wave, gint64 sample, MelStage *stage)
{
    (void)wave;
    if (!mel_stage_is_ready(stage)) return;
    mel_player_seek(stage->player, sample);
    show_now(stage);
}

static void wave_region(MelWave *wave, gint64 first, gint64 end, MelStage *stage)
{
    (void)wave;
    if (mel_stage_is_ready(stage)) set_region(stage, first, end);
}

static void button_toggled(GtkToggleButton *button, MelStage *stage)
{
    gpointer command = g_object_get_data(G_OBJECT(button), "command");
    if (!stage->syncing) mel_stage_command(stage, (KeyCommand)GPOINTER_TO_INT(command));
}

/* ---- the widget --------------------------------------------------------------------------------
 */

static GtkWidget *add_button(MelStage *stage, GtkWidget *row, const char *icon, const char *label,
                             KeyCommand command)
{
    GtkWidget *button = gtk_toggle_button_new();
    gtk_button_set_icon_name(GTK_BUTTON(button), icon);
    gtk_widget_set_focusable(button, FALSE); /* keys do it */
    gtk_widget_set_tooltip_text(button, label);
    gtk_accessible_update_property(GTK_ACCESSIBLE(button), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                   -1);
    gtk_accessible_update_state(GTK_ACCESSIBLE(button), GTK_ACCESSIBLE_STATE_PRESSED,
                                GTK_ACCESSIBLE_TRISTATE_FALSE, -1);
    g_object_set_data(G_OBJECT(button), "command", GINT_TO_POINTER(command));
    g_signal_connect(button, "toggled", G_CALLBACK(button_toggled), stage);
    gtk_box_append(GTK_BOX(row), button);
    return button;
}

static void dispose(GObject *object)
{
    MelStage *stage = MEL_STAGE(object);
    for (GList *at = stage->loads.head; at; at = at->next)
        clip_load_cancel(at->data);
    if (stage->shown) clip_load_cancel(stage->shown);
    g_clear_pointer(&stage->box, gtk_widget_unparent);
    g_clear_pointer(&stage->player, mel_player_free);
    g_clear_pointer(&stage->shown, clip_load_unref);
    g_queue_clear_full(&stage->loads, (GDestroyNotify)clip_load_unref);
    G_OBJECT_CLASS(mel_stage_parent_class)->dispose(object);
}

static void finalize(GObject *object)
{
    g_free(MEL_STAGE(object)->audio);
    G_OBJECT_CLASS(mel_stage_parent_class)->finalize(object);
}

static void mel_stage_class_init(MelStageClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    G_OBJECT_CLASS(class)->finalize = finalize;
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_css_name(widget, "stage");
    gtk_widget_class_set_accessible_role(widget, GTK_ACCESSIBLE_ROLE_GROUP);
    signals[TOLD] = g_signal_new("told", MEL_TYPE_STAGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void mel_stage_init(MelStage *stage)
{
    GtkWidget *row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 4);
    stage->player = mel_player_new();
    stage->picture_number = -2;
    stage->box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 4);
    stage->picture = gtk_picture_new();
    stage->wave = mel_wave_new();
    stage->time = gtk_label_new("");
    gtk_widget_set_vexpand(stage->picture, TRUE);
    gtk_widget_set_size_request(stage->picture, 240, 110);
    gtk_widget_add_css_class(stage->picture, "screen");
    gtk_widget_add_css_class(stage->time, "numeric");
    gtk_picture_set_alternative_text(GTK_PICTURE(stage->picture), _("The clip's picture"));
    stage->play =
        add_button(stage, row, "media-playback-start-symbolic", _("Play or pause"), COMMAND_play);
    stage->loop = add_button(stage, row, "media-playlist-repeat-symbolic", _("Loop"), COMMAND_loop);
    stage->slow =
        add_button(stage, row, "media-seek-forward-symbolic", _("Half speed"), COMMAND_half_speed);
    gtk_box_append(GTK_BOX(row), stage->time);
    gtk_box_append(GTK_BOX(stage->box), stage->picture);
    gtk_box_append(GTK_BOX(stage->box), stage->wave);
    gtk_box_append(GTK_BOX(stage->box), row);
    gtk_widget_set_parent(stage->box, GTK_WIDGET(stage));
    g_signal_connect(stage->wave, "seek", G_CALLBACK(wave_seek), stage);
    g_signal_connect(stage->wave, "region", G_CALLBACK(wave_region), stage);
    gtk_widget_add_tick_callback(GTK_WIDGET(stage), tick, NULL, NULL);
}

GtkWidget *mel_stage_new(const char *audio)
{
    MelStage *stage = g_object_new(MEL_TYPE_STAGE, NULL);
    stage->audio = g_strdup(audio);
    return GTK_WIDGET(stage);
}
