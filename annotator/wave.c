/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/wave.h"

#include <glib/gi18n.h>
#include <math.h>
#include <string.h>

enum { MIN_HEIGHT = 84, USUAL_HEIGHT = 150, DRAG_PIXELS = 4 };

struct _MelWave {
    GtkWidget parent_instance;
    const Peaks *peaks;
    const Melgram *melgram;
    GdkTexture *wave, *mel;
    int wave_width, wave_height; /* of the texture */
    gint64 frames, playhead, first, end;
    int rate_hz;
    double drag_x;
};

G_DEFINE_FINAL_TYPE(MelWave, mel_wave, GTK_TYPE_WIDGET)

enum { SEEK, REGION, SIGNALS };
static guint signals[SIGNALS];

/* ---- pictures, made once for a size ------------------------------------------------------------
 */

static GdkTexture *texture_of(guint8 *rgb, int width, int height)
{
    GBytes *bytes = g_bytes_new_take(rgb, (gsize)width * (gsize)height * 3);
    GdkTexture *texture =
        gdk_memory_texture_new(width, height, GDK_MEMORY_R8G8B8, bytes, (gsize)width * 3);
    g_bytes_unref(bytes);
    return texture;
}

static void set_pixel(guint8 *rgb, const guint8 color[3])
{
    memcpy(rgb, color, 3);
}

static void draw_column(guint8 *rgb, int width, int height, int x, Peak peak)
{
    static const guint8 ink[3] = {0x62, 0xb0, 0xe8};
    double middle = (height - 1) / 2.0;
    int top = (int)floor(middle - CLAMP(peak.high, -1, 1) * middle);
    int bottom = (int)ceil(middle - CLAMP(peak.low, -1, 1) * middle);
    for (int y = MAX(top, 0); y <= MIN(bottom, height - 1); y++)
        set_pixel(rgb + ((gsize)y * width + x) * 3, ink);
}

static void make_wave(MelWave *wave, int width, int height)
{
    static const guint8 ground[3] = {0x1b, 0x1e, 0x24};
    guint8 *rgb = g_malloc((gsize)width * height * 3);
    Peak *columns = g_new0(Peak, width);
    for (gsize i = 0; i < (gsize)width * height; i++)
        set_pixel(rgb + i * 3, ground);
    if (wave->peaks) mel_peaks_columns(wave->peaks, -1, 0, wave->frames, width, columns);
    float most = 1e-4F; /* quiet sounds are as tall as loud ones */
    for (int x = 0; x < width; x++)
        most = MAX(most, MAX(columns[x].high, -columns[x].low));
    for (int x = 0; x < width; x++)
        draw_column(rgb, width, height, x, (Peak){columns[x].low / most, columns[x].high / most});
    g_free(columns);
    g_clear_object(&wave->wave);
    wave->wave = texture_of(rgb, width, height);
    wave->wave_width = width;
    wave->wave_height = height;
}

/* Dark violet over red to light yellow, by straight lines. */
static void color_of(guint8 level, guint8 out[3])
{
    static const double stops[4][3] = {
        {12,  10,  28 },
        {120, 28,  110},
        {230, 92,  58 },
        {252, 240, 170}
    };
    double at = level / 255.0 * 3;
    int i = MIN((int)at, 2);
    for (int c = 0; c < 3; c++)
        out[c] = (guint8)lrint(stops[i][c] + (at - i) * (stops[i + 1][c] - stops[i][c]));
}

static void make_mel(MelWave *wave)
{
    gsize count = (gsize)wave->melgram->columns * MELGRAM_BANDS;
    guint8 *rgb = g_malloc(count * 3);
    for (gsize i = 0; i < count; i++)
        color_of(wave->melgram->levels[i], rgb + i * 3);
    wave->mel = texture_of(rgb, wave->melgram->columns, MELGRAM_BANDS);
}

/* ---- drawing -----------------------------------------------------------------------------------
 */

static double x_of(MelWave *wave, gint64 sample)
{
    double width = gtk_widget_get_width(GTK_WIDGET(wave));
    return wave->frames ? width * (double)sample / (double)wave->frames : 0;
}

static gint64 sample_at(MelWave *wave, double x)
{
    double width = gtk_widget_get_width(GTK_WIDGET(wave));
    double share = width > 0 ? CLAMP(x / width, 0, 1) : 0;
    return (gint64)llrint(share * (double)wave->frames);
}

static void fill(GtkSnapshot *snapshot, GdkRGBA color, double x, double width, double height)
{
    gtk_snapshot_append_color(snapshot, &color,
                              &GRAPHENE_RECT_INIT((float)x, 0, (float)width, (float)height));
}

static void snapshot(GtkWidget *widget, GtkSnapshot *snapshot)
{
    MelWave *wave = MEL_WAVE(widget);
    int width = gtk_widget_get_width(widget), height = gtk_widget_get_height(widget);
    int scale = gtk_widget_get_scale_factor(widget), upper = height * 2 / 5;
    if (width < 1 || height < 4) return;
    if (!wave->wave || wave->wave_width != width * scale || wave->wave_height != upper * scale)
        make_wave(wave, width * scale, upper * scale);
    gtk_snapshot_append_texture(snapshot, wave->wave, &GRAPHENE_RECT_INIT(0, 0, width, upper));
    if (wave->mel)
        gtk_snapshot_append_texture(snapshot, wave->mel,
                                    &GRAPHENE_RECT_INIT(0, upper, width, height - upper));
    if (wave->end > wave->first) {
        double from = x_of(wave, wave->first), to = x_of(wave, wave->end);
        fill(snapshot, (GdkRGBA){1, 1, 1, 0.18}, from, to - from, height);
        fill(snapshot, (GdkRGBA){1, 1, 1, 0.8}, from, 1, height);
        fill(snapshot, (GdkRGBA){1, 1, 1, 0.8}, to - 1, 1, height);
    }
    if (wave->frames)
        fill(snapshot, (GdkRGBA){1, 0.85, 0.2, 1}, x_of(wave, wave->playhead) - 1, 2, height);
}

static void measure(GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum,
                    int *natural, int *minimum_baseline, int *natural_baseline)
{
    (void)widget, (void)for_size;
    *minimum = orientation == GTK_ORIENTATION_VERTICAL ? MIN_HEIGHT : 200;
    *natural = orientation == GTK_ORIENTATION_VERTICAL ? USUAL_HEIGHT : 600;
    *minimum_baseline = *natural_baseline = -1;
}

/* ---- the pointer -------------------------------------------------------------------------------
 */

static void drag_begin(GtkGestureDrag *drag, double x, double y, MelWave *wave)
{
    (void)drag, (void)y;
    wave->drag_x = x;
}

static void drag_end(GtkGestureDrag *drag, double dx, double dy, MelWave *wave)
{
    (void)drag, (void)dy;
    gint64 a = sample_at(wave, wave->drag_x), b = sample_at(wave, wave->drag_x + dx);
    if (fabs(dx) < DRAG_PIXELS)
        g_signal_emit(wave, signals[SEEK], 0, a);
    else
        g_signal_emit(wave, signals[REGION], 0, MIN(a, b), MAX(a, b));
}

/* ---- the widget --------------------------------------------------------------------------------
 */

void mel_wave_set_sound(MelWave *wave, gint64 frames, int rate_hz, const Peaks *peaks,
                        const Melgram *melgram)
{
    g_clear_object(&wave->wave);
    g_clear_object(&wave->mel);
    wave->peaks = peaks;
    wave->melgram = melgram;
    wave->frames = frames;
    wave->rate_hz = rate_hz;
    wave->playhead = wave->first = wave->end = 0;
    if (melgram && melgram->levels) make_mel(wave);
    gtk_widget_queue_draw(GTK_WIDGET(wave));
}

void mel_wave_set_playhead(MelWave *wave, gint64 sample)
{
    if (sample == wave->playhead) return;
    wave->playhead = sample;
    double seconds = wave->rate_hz ? (double)sample / wave->rate_hz : 0;
    gtk_accessible_update_property(GTK_ACCESSIBLE(wave), GTK_ACCESSIBLE_PROPERTY_VALUE_NOW, seconds,
                                   -1);
    gtk_widget_queue_draw(GTK_WIDGET(wave));
}

void mel_wave_set_region(MelWave *wave, gint64 first, gint64 end)
{
    wave->first = first;
    wave->end = end;
    gtk_widget_queue_draw(GTK_WIDGET(wave));
}

static void finalize(GObject *object)
{
    MelWave *wave = MEL_WAVE(object);
    g_clear_object(&wave->wave);
    g_clear_object(&wave->mel);
    G_OBJECT_CLASS(mel_wave_parent_class)->finalize(object);
}

static void mel_wave_class_init(MelWaveClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->finalize = finalize;
    widget->snapshot = snapshot;
    widget->measure = measure;
    gtk_widget_class_set_css_name(widget, "wave");
    gtk_widget_class_set_accessible_role(widget, GTK_ACCESSIBLE_ROLE_SLIDER);
    signals[SEEK] = g_signal_new("seek", MEL_TYPE_WAVE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 1, G_TYPE_INT64);
    signals[REGION] = g_signal_new("region", MEL_TYPE_WAVE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 2, G_TYPE_INT64, G_TYPE_INT64);
}

static void mel_wave_init(MelWave *wave)
{
    GtkGesture *drag = gtk_gesture_drag_new();
    g_signal_connect(drag, "drag-begin", G_CALLBACK(drag_begin), wave);
    g_signal_connect(drag, "drag-end", G_CALLBACK(drag_end), wave);
    gtk_widget_add_controller(GTK_WIDGET(wave), GTK_EVENT_CONTROLLER(drag));
    gtk_accessible_update_property(GTK_ACCESSIBLE(wave), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   _("Sound: waveform and spectrogram"), -1);
}

GtkWidget *mel_wave_new(void)
{
    return g_object_new(MEL_TYPE_WAVE, NULL);
}
