/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_parts.h"

#include <math.h>
#include <string.h>

void plot_ticks(double low, double high, int wanted, double *first, double *step)
{
    double raw = (high - low) / wanted;
    double power = pow(10, floor(log10(raw)));
    double lead = raw / power;
    *step = power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
    *first = ceil(low / *step - 1e-9) * *step;
}

/* A tick's label: as many decimals as its step needs, thousands as "k". */
static void add_tick(Str *out, double value, double step)
{
    if (fabs(value) < step * 1e-6) value = 0;
    if (step >= 1000) {
        mel_str_addf(out, "%.4gk", value / 1000);
        return;
    }
    int decimals = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
    mel_str_addf(out, value < 0 ? "−%.*f" : "%.*f", decimals, fabs(value));
}

static void begin_svg(Str *out, const char *title, int width, int height)
{
    mel_str_addf(out,
                 "<svg viewBox=\"0 0 %d %d\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\">"
                 "<title>",
                 width, height);
    html_add(out, title);
    mel_str_add(out, "</title>\n");
}

static void add_line(Str *out, const char *class, double x1, double y1, double x2, double y2)
{
    mel_str_addf(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                 class, x1, y1, x2, y2);
}

static void add_rect(Str *out, const char *class, double x, double y, double w, double h)
{
    mel_str_addf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
                 class, x, y, w, h);
}

static void add_text(Str *out, const char *class, double x, double y, const char *text)
{
    mel_str_addf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
    html_add(out, text);
    mel_str_add(out, "</text>\n");
}

static double largest(const PlotBar *bars, size_t count)
{
    double top = 0;
    for (size_t i = 0; i < count; i++)
        if (bars[i].value > top) top = bars[i].value;
    return top > 0 ? top : 1;
}

/* Horizontal grid lines with their values, from 0 to top. */
static void add_scale(Str *out, double top, double x0, double x1, double y0, double y1)
{
    double first, step;
    plot_ticks(0, top, 4, &first, &step);
    if (step < 1) step = 1;
    for (int i = 1; step * i <= top * 1.0001; i++) {
        double v = step * i;
        double y = y1 - (y1 - y0) * v / top;
        Str label = {0};
        add_line(out, "grid", x0, y, x1, y);
        add_tick(&label, v, step);
        add_text(out, "tick end", x0 - 6, y + 3.5, mel_str_text(&label));
        mel_str_clear(&label);
    }
}

void plot_columns(Str *out, const char *title, const PlotBar *bars, size_t count, double even,
                  const char *even_label)
{
    const double width = 960, right = 880, top_y = 26, base_y = 250, left = 44;
    double top = largest(bars, count), pitch = (right - left) / (double)(count ? count : 1);
    begin_svg(out, title, (int)width, 330);
    add_scale(out, top, left, right, top_y, base_y);
    for (size_t i = 0; i < count; i++) {
        double h = (base_y - top_y) * bars[i].value / top;
        add_rect(out, "bar", left + pitch * ((double)i + 0.14), base_y - h, pitch * 0.72, h);
    }
    if (even > 0 && even <= top) {
        double y = base_y - (base_y - top_y) * even / top;
        add_line(out, "mark dashed", left, y, right, y);
        add_text(out, "tick", right + 8, y + 4, even_label);
    }
    for (size_t i = 0; i < count; i++) {
        double middle = left + pitch * ((double)i + 0.5);
        double y = base_y - (base_y - top_y) * bars[i].value / top;
        Str number = {0};
        html_add_count(&number, (int64_t)bars[i].value);
        add_text(out, "count mid halo", middle, y - 6, mel_str_text(&number));
        mel_str_addf(out,
                     "<text class=\"label end\" transform=\"translate(%.1f %.1f) rotate(-32)\">",
                     middle + 6, base_y + 18);
        html_add(out, bars[i].label);
        mel_str_add(out, "</text>\n");
        mel_str_clear(&number);
    }
    add_line(out, "axis", left, base_y, right, base_y);
    mel_str_add(out, "</svg>\n");
}

void plot_funnel(Str *out, const char *title, const PlotBar *bars, size_t count)
{
    const double left = 236, room = 500, row = 44;
    double first = count && bars[0].value > 0 ? bars[0].value : 1;
    begin_svg(out, title, 960, (int)(row * (double)count));
    for (size_t i = 0; i < count; i++) {
        double y = row * (double)i, w = room * bars[i].value / first;
        Str text = {0};
        add_text(out, "label end strong", left - 14, y + 17, bars[i].label);
        if (bars[i].note) add_text(out, "tick end", left - 14, y + 31, bars[i].note);
        add_rect(out, "bar-soft", left, y + 5, room, 27);
        add_rect(out, "bar", left, y + 5, w, 27);
        html_add_count(&text, (int64_t)bars[i].value);
        add_text(out, "count", left + room + 14, y + 23, mel_str_text(&text));
        mel_str_reset(&text);
        mel_str_addf(&text, "%.1f %%", 100 * bars[i].value / first);
        add_text(out, "tick end", left + room + 122, y + 23, mel_str_text(&text));
        mel_str_reset(&text);
        if (i && bars[i - 1].value > bars[i].value) {
            mel_str_add(&text, "−");
            html_add_count(&text, (int64_t)(bars[i - 1].value - bars[i].value));
            add_text(out, "tick end loss", 958, y + 23, mel_str_text(&text));
        }
        mel_str_clear(&text);
    }
    mel_str_add(out, "</svg>\n");
}

/* ---- histograms ------------------------------------------------------------------------------ */

static double at_share(const double *values, size_t count, double p)
{
    double at = p * (double)(count - 1);
    size_t low = (size_t)at, high = low + 1 < count ? low + 1 : low;
    return values[low] + (at - (double)low) * (values[high] - values[low]);
}

/* Freedman and Diaconis (1981): width 2 IQR / cbrt(n), made round and kept to 8..48 bins. */
static double bin_width(const double *values, size_t count, double low, double high)
{
    double iqr = at_share(values, count, 0.75) - at_share(values, count, 0.25);
    double wanted = iqr > 0 ? (high - low) / (2 * iqr / cbrt((double)count)) : 20;
    double first, step;
    if (wanted < 10) wanted = 10;
    if (wanted > 30) wanted = 30;
    plot_ticks(low, high, (int)wanted, &first, &step);
    return step;
}

void plot_bins(const double *values, size_t count, Bins *bins)
{
    *bins = (Bins){.low = 0, .width = 1, .count = 1};
    if (!count) return;
    double low = at_share(values, count, 0.005), high = at_share(values, count, 0.995);
    if (!(high - low > fabs(high) * 1e-9)) {
        double around = fabs(low) > 0 ? fabs(low) * 0.05 : 0.5;
        low -= around;
        high += around;
    }
    bins->width = bin_width(values, count, low, high);
    bins->low = floor(low / bins->width + 1e-9) * bins->width;
    bins->count = (int)ceil((high - bins->low) / bins->width - 1e-9);
    if (bins->count > PLOT_BINS_MAX) bins->count = PLOT_BINS_MAX;
    if (bins->count < 1) bins->count = 1;
    for (size_t i = 0; i < count; i++) {
        double at = (values[i] - bins->low) / bins->width;
        int bin = at >= 0 && at < bins->count ? (int)at : -1;
        /* the last bin holds its upper edge, as a share of exactly 1 shall be seen */
        if (bin < 0 && at >= 0 && at - bins->count < 1e-9) bin = bins->count - 1;
        if (bin >= 0)
            bins->counts[bin]++;
        else
            bins->outside++;
    }
}

typedef struct Frame {
    double left, right, top, base;
    const Bins *bins;
} Frame;

static double x_of(const Frame *f, double value)
{
    double share = (value - f->bins->low) / (f->bins->width * f->bins->count);
    return f->left + (f->right - f->left) * (share < 0 ? 0 : share > 1 ? 1 : share);
}

static void add_value_axis(Str *out, const Frame *f, const char *unit)
{
    double first, step, high = f->bins->low + f->bins->width * f->bins->count;
    Str label = {0};
    plot_ticks(f->bins->low, high, 5, &first, &step);
    add_line(out, "axis", f->left, f->base, f->right, f->base);
    for (int i = 0; first + step * i <= high + step * 1e-6; i++) {
        double v = first + step * i;
        mel_str_reset(&label);
        add_tick(&label, v, step);
        add_line(out, "axis", x_of(f, v), f->base, x_of(f, v), f->base + 4);
        add_text(out, "tick mid", x_of(f, v), f->base + 17, mel_str_text(&label));
    }
    if (!strstr(unit, "..")) add_text(out, "tick end", f->right, f->base + 32, unit);
    mel_str_clear(&label);
}

size_t plot_histogram(Str *out, const char *title, const double *values, size_t count,
                      const char *unit)
{
    Bins bins;
    plot_bins(values, count, &bins);
    Frame f = {.left = 14, .right = 304, .top = 12, .base = 118, .bins = &bins};
    size_t most = 1;
    for (int i = 0; i < bins.count; i++)
        if (bins.counts[i] > most) most = bins.counts[i];
    begin_svg(out, title, 320, 154);
    double p5 = count ? at_share(values, count, 0.05) : 0;
    double p95 = count ? at_share(values, count, 0.95) : 0;
    for (int i = 0; i < bins.count; i++) {
        double low = bins.low + bins.width * i, middle = low + bins.width / 2;
        double x = x_of(&f, low), w = x_of(&f, low + bins.width) - x;
        double h = (f.base - f.top) * (double)bins.counts[i] / (double)most;
        bool tail = middle < p5 || middle > p95;
        if (h > 0) add_rect(out, tail ? "bar-soft" : "bar", x + 0.5, f.base - h, w - 1, h);
    }
    add_value_axis(out, &f, unit);
    if (count) {
        double x = x_of(&f, at_share(values, count, 0.5));
        add_line(out, "mark", x, f.top - 8, x, f.base);
    }
    mel_str_add(out, "</svg>\n");
    return bins.outside;
}
