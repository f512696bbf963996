/* SPDX-License-Identifier: Apache-2.0
 *
 * Scenes of the night: concert stage, neon shapes, city, castle, campfire, lanterns on a lake. */
#include "tests/world/scene_kinds.h"

static const Color black = {0, 0, 0}, white = {1, 1, 1};

static void draw_person(cairo_t *cr, double x, double foot, double size, double arm)
{
    draw_disc(cr, x, foot - 0.9 * size, 0.1 * size);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_width(cr, 0.2 * size);
    cairo_move_to(cr, x, foot - 0.68 * size);
    cairo_line_to(cr, x, foot - 0.4 * size);
    cairo_stroke(cr);
    cairo_set_line_width(cr, 0.09 * size);
    for (int sign = -1; sign <= 1; sign += 2) {
        cairo_move_to(cr, x + sign * 0.05 * size, foot - 0.4 * size);
        cairo_line_to(cr, x + sign * 0.12 * size, foot);
        cairo_move_to(cr, x + sign * 0.08 * size, foot - 0.7 * size);
        cairo_line_to(cr, x + sign * 0.3 * size, foot - (0.7 + 0.3 * arm * sign) * size);
        cairo_stroke(cr);
    }
}

static void draw_stars(cairo_t *cr, const Shot *shot, int count, double below)
{
    for (int i = 0; i < count; i++) {
        const Element *e = &shot->elements[i];
        paint(cr, white, 0.25 + 0.6 * e->pace);
        draw_disc(cr, e->x, below * e->y, 0.002 + 0.003 * e->size);
    }
}

static void draw_moon(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    double x = shot->light_x, y = shot->light_y, size = shot->light_size;
    draw_glow(cr, x, y, 2.8 * size, p->light, 0.4);
    paint(cr, p->light, 1);
    draw_disc(cr, x, y, size);
    paint(cr, color_mix(p->light, p->sky_low, 0.4), 0.6);
    draw_disc(cr, x - 0.35 * size, y - 0.2 * size, 0.22 * size);
    draw_disc(cr, x + 0.3 * size, y + 0.35 * size, 0.16 * size);
}

/* ---- stage with spotlights ---- */

static void stage_backdrop(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    fill_sky(cr, shot, p->sky_top, p->sky_low, 1);
    paint(cr, p->far, 1);
    draw_box(cr, 0, shot->horizon, shot->width, 1 - shot->horizon);
    paint(cr, color_mix(p->far, white, 0.25), 1);
    draw_box(cr, 0, shot->horizon, shot->width, 0.015);
    for (int i = 0; i < 4; i++) { /* towers of loudspeakers */
        const Element *e = &shot->elements[i];
        double half = 0.06 + 0.05 * e->size, height = 0.2 + 0.25 * e->pace;
        paint(cr, p->near, 1);
        draw_box(cr, e->x - half, shot->horizon - height, 2 * half, height);
        paint(cr, color_mix(p->near, white, 0.2), 1);
        for (int k = 0; k < 2; k++)
            draw_disc(cr, e->x, shot->horizon - height * (0.27 + 0.45 * k), 0.6 * half);
    }
}

static void stage_moving(cairo_t *cr, const Shot *shot, double t)
{
    const Palette *p = &shot->palette;
    cairo_set_operator(cr, CAIRO_OPERATOR_SCREEN);
    for (int i = 0; i < 4 + (int)(4 * shot->amount); i++) {
        const Element *e = &shot->elements[10 + i];
        double lean = 0.55 * sin(turn(0.16 * t * (0.7 + e->pace) + e->phase));
        double foot_x = e->x + lean, wide = 0.08 + 0.1 * e->size;
        paint(cr, p->accents[e->tint], 0.55);
        cairo_move_to(cr, e->x - 0.01, 0);
        cairo_line_to(cr, e->x + 0.01, 0);
        cairo_line_to(cr, foot_x + wide, shot->horizon + 0.08);
        cairo_line_to(cr, foot_x - wide, shot->horizon + 0.08);
        cairo_fill(cr);
    }
    cairo_set_operator(cr, CAIRO_OPERATOR_OVER);
    paint(cr, black, 1);
    int band = 2 + (int)(3 * shot->amount);
    for (int i = 0; i < band; i++) {
        const Element *e = &shot->elements[24 + i];
        double hop = 0.025 * fabs(sin(turn(0.7 * t + e->phase)));
        draw_person(cr, e->x, shot->horizon + 0.05 - hop, 0.3 + 0.12 * e->size,
                    sin(turn(0.8 * t + e->phase)));
    }
    for (int i = 0; i < 26; i++) { /* the crowd */
        const Element *e = &shot->elements[40 + i];
        double hop = 0.02 * sin(turn(0.9 * t + e->phase));
        draw_person(cr, shot->width * (i + 0.5 * e->pace) / 26, 1.12 + 0.06 * e->size - hop, 0.26,
                    i % 3 ? -0.3 : 1.2);
    }
}

const SceneKind scene_stage = {"concert-stage", stage_backdrop, stage_moving};

/* ---- neon shapes ---- */

static void neon_backdrop(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    fill_sky(cr, shot, p->near, p->sky_low, 1);
    cairo_set_line_width(cr, 0.004);
    paint(cr, p->accents[1], 0.5);
    for (int i = -12; i <= 12; i++) { /* a grid to the horizon */
        cairo_move_to(cr, shot->light_x, shot->horizon);
        cairo_line_to(cr, shot->light_x + 0.35 * i, 1);
        cairo_stroke(cr);
    }
    double sun = 0.12 + 1.2 * shot->light_size;
    draw_glow(cr, shot->light_x, shot->horizon - 0.3 * sun, 2.2 * sun, p->accents[0], 0.6);
    cairo_save(cr);
    cairo_rectangle(cr, 0, 0, shot->width, shot->horizon);
    cairo_clip(cr);
    for (int i = 0; i < 7; i++) {
        paint(cr, i % 2 ? p->sky_low : color_mix(p->accents[0], p->accents[2], i / 7.0), 1);
        cairo_save(cr);
        double band = shot->horizon - sun + 2 * sun * i / 7;
        cairo_rectangle(cr, 0, band, shot->width, 2 * sun / (i % 2 ? 20 : 4));
        cairo_clip(cr);
        draw_disc(cr, shot->light_x, shot->horizon - 0.1, sun);
        cairo_restore(cr);
    }
    cairo_restore(cr);
}

static void neon_polygon(cairo_t *cr, double x, double y, double size, int corners, double angle)
{
    for (int i = 0; i <= corners; i++) {
        double a = angle + turn((double)i / corners);
        cairo_line_to(cr, x + size * cos(a), y + size * sin(a));
    }
    cairo_close_path(cr);
}

static void neon_moving(cairo_t *cr, const Shot *shot, double t)
{
    const Palette *p = &shot->palette;
    double scroll = 0.35 * t - floor(0.35 * t);
    paint(cr, p->accents[1], 0.6);
    for (int i = 0; i < 8; i++) {
        double depth = pow((i + scroll) / 8, 2.2);
        draw_box(cr, 0, shot->horizon + depth * (1 - shot->horizon), shot->width, 0.004);
    }
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    for (int i = 0; i < 4 + (int)(7 * shot->amount); i++) {
        const Element *e = &shot->elements[20 + i];
        double way = i % 2 ? 1 : -1, size = 0.06 + 0.17 * e->size;
        double x = drift(shot, e->x, way * (0.08 + 0.16 * e->pace) * t, 0.3);
        double y = 0.1 + 0.6 * e->y + 0.07 * sin(turn(0.3 * t + e->phase));
        for (int pass = 0; pass < 3; pass++) {
            static const double widths[3] = {0.035, 0.016, 0.006}, alphas[3] = {0.25, 0.8, 1};
            neon_polygon(cr, x, y, size, 3 + (i + e->tint) % 4, way * turn(0.15 * t + e->phase));
            cairo_set_line_width(cr, widths[pass]);
            paint(cr, pass == 2 ? white : p->accents[e->tint], alphas[pass]);
            cairo_stroke(cr);
        }
    }
}

const SceneKind scene_neon = {"neon-shapes", neon_backdrop, neon_moving};

/* ---- city at night ---- */

static void draw_house(cairo_t *cr, const Shot *shot, const Element *e, double foot, Color wall)
{
    const Palette *p = &shot->palette;
    double half = 0.07 + 0.08 * e->pace, top = 0.2 + 0.55 * e->size;
    paint(cr, wall, 1);
    draw_box(cr, e->x - half, top, 2 * half, foot - top);
    if (e->tint == 0) draw_box(cr, e->x - 0.006, top - 0.09, 0.012, 0.09);
    double pitch = 0.045;
    int across = (int)(2 * half / pitch), down = (int)((foot - top) / (1.4 * pitch));
    for (int i = 0; i < across; i++)
        for (int k = 0; k < down; k++) {
            const Element *lamp = &shot->elements[(i * 7 + k * 13 + (int)(e->phase * 90)) % 96];
            if (lamp->phase > 0.45) continue;
            paint(cr, color_mix(p->accents[lamp->tint == 2 ? 1 : 0], black, 0.3 * lamp->pace), 1);
            draw_box(cr, e->x - half + (i + 0.3) * pitch, top + (k + 0.4) * 1.4 * pitch,
                     0.5 * pitch, 0.65 * pitch);
        }
}

static void city_backdrop(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    fill_sky(cr, shot, p->sky_top, p->sky_low, 1);
    draw_stars(cr, shot, 40, 0.5);
    draw_moon(cr, shot);
    for (int i = 0; i < 4 + (int)(7 * shot->amount); i++)
        draw_house(cr, shot, &shot->elements[50 + i], 0.9, color_mix(p->far, p->near, i / 11.0));
    paint(cr, p->near, 1);
    draw_box(cr, 0, 0.88, shot->width, 0.12);
}

static void city_moving(cairo_t *cr, const Shot *shot, double t)
{
    const Palette *p = &shot->palette;
    for (int i = 0; i < 9; i++) { /* cars */
        const Element *e = &shot->elements[70 + i];
        double way = i % 2 ? 1 : -1, y = i % 2 ? 0.93 : 0.965;
        double x = drift(shot, e->x, way * (0.25 + 0.2 * e->pace) * t, 0.2);
        draw_glow(cr, x + way * 0.03, y, 0.05, way > 0 ? p->accents[0] : p->light, 0.9);
        paint(cr, black, 1);
        draw_box(cr, x - 0.03, y - 0.012, 0.06, 0.02);
        paint(cr, way > 0 ? (Color){0.9, 0.1, 0.1} : p->light, 1);
        draw_disc(cr, x - 0.03, y, 0.006);
    }
    const Element *e = &shot->elements[80];
    double x = drift(shot, e->x, 0.06 * t * shot->side, 0.3);
    paint(cr, p->sky_low, 0.8);
    draw_cloud(cr, x, 0.1 + 0.2 * e->y, 0.12, e);
    paint(cr, (Color){1, 0.2, 0.2}, sin(turn(0.6 * t)) > 0 ? 1 : 0.1); /* a plane */
    draw_disc(cr, drift(shot, e->x + 0.5, -0.1 * t, 0.1), 0.08 + 0.1 * e->size, 0.007);
}

const SceneKind scene_city = {"night-city", city_backdrop, city_moving};

/* ---- castle with bats ---- */

static void castle_backdrop(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    fill_sky(cr, shot, p->sky_top, p->sky_low, 1);
    draw_stars(cr, shot, 30, 0.6);
    draw_moon(cr, shot);
    paint(cr, p->far, 1);
    draw_ridge(cr, shot, 40, shot->horizon + 0.1, 0.2, 1.2);
    double middle = shot->width * (0.5 + 0.28 * shot->side * shot->elements[43].size);
    double foot = shot->horizon + 0.12;
    for (int i = 0; i < 5; i++) {
        const Element *e = &shot->elements[44 + i];
        double x = middle + (i - 2) * 0.12, half = 0.035 + 0.025 * e->size;
        double top = foot - 0.2 - 0.28 * e->pace;
        paint(cr, p->near, 1);
        draw_box(cr, x - half, top, 2 * half, foot - top + 0.1);
        cairo_move_to(cr, x - 1.4 * half, top);
        cairo_line_to(cr, x, top - 3.2 * half);
        cairo_line_to(cr, x + 1.4 * half, top);
        cairo_fill(cr);
        paint(cr, p->accents[0], 1);
        draw_box(cr, x - 0.008, top + 0.05, 0.016, 0.035);
    }
    paint(cr, p->near, 1);
    draw_box(cr, middle - 0.3, foot - 0.12, 0.6, 0.3);
    draw_ridge(cr, shot, 50, shot->horizon + 0.24, 0.16, 0.8);
}

static void castle_moving(cairo_t *cr, const Shot *shot, double t)
{
    paint(cr, black, 1);
    for (int i = 0; i < 4 + (int)(8 * shot->amount); i++) {
        const Element *e = &shot->elements[60 + i];
        double way = i % 2 ? 1 : -1, size = 0.03 + 0.035 * e->size;
        double x = drift(shot, e->x, way * (0.1 + 0.15 * e->pace) * t, 0.1);
        double y = 0.1 + 0.45 * e->y + 0.05 * sin(turn(0.5 * t + e->phase));
        double flap = 0.7 * size * sin(turn(1.8 * t + e->phase));
        for (int sign = -1; sign <= 1; sign += 2) {
            cairo_move_to(cr, x, y);
            cairo_line_to(cr, x + sign * 0.6 * size, y - 0.5 * size - flap);
            cairo_line_to(cr, x + sign * 1.4 * size, y - flap);
            cairo_line_to(cr, x + sign * 0.6 * size, y + 0.1 * size);
            cairo_fill(cr);
        }
        draw_disc(cr, x, y, 0.25 * size);
    }
    for (int i = 0; i < 3; i++) { /* fog */
        const Element *e = &shot->elements[80 + i];
        paint(cr, color_mix(shot->palette.sky_low, white, 0.15), 0.3);
        draw_cloud(cr, drift(shot, e->x, 0.07 * t * shot->side, 0.6), 0.8 + 0.12 * e->y, 0.25, e);
    }
}

const SceneKind scene_castle = {"castle", castle_backdrop, castle_moving};

/* ---- campfire ---- */

static void campfire_backdrop(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    double fire = shot->light_x;
    fill_sky(cr, shot, p->sky_top, color_mix(p->sky_low, p->sky_top, 0.4), 1);
    draw_stars(cr, shot, 30, 0.5);
    paint(cr, p->far, 1);
    for (int i = 0; i < 10; i++) {
        const Element *e = &shot->elements[30 + i];
        double size = 0.25 + 0.3 * e->size, foot = shot->horizon + 0.1;
        cairo_move_to(cr, e->x - 0.3 * size, foot);
        cairo_line_to(cr, e->x, foot - size);
        cairo_line_to(cr, e->x + 0.3 * size, foot);
        cairo_fill(cr);
    }
    paint(cr, p->near, 1);
    draw_ridge(cr, shot, 42, shot->horizon + 0.12, 0.07, 0.8);
    draw_glow(cr, fire, shot->horizon + 0.12, 0.7, p->accents[1], 0.6);
    for (int i = 0; i < 2; i++) { /* two who sit there */
        const Element *e = &shot->elements[46 + i];
        double x = fire + (i ? 1 : -1) * (0.26 + 0.08 * e->size), foot = shot->horizon + 0.24;
        paint(cr, color_mix(p->near, black, 0.5), 1);
        draw_disc(cr, x, foot - 0.2, 0.045);
        cairo_move_to(cr, x - 0.08, foot);
        cairo_curve_to(cr, x - 0.08, foot - 0.2, x + 0.08, foot - 0.2, x + 0.1, foot);
        cairo_fill(cr);
    }
}

static void draw_flame(cairo_t *cr, double x, double foot, double half, double height, double lean)
{
    cairo_move_to(cr, x - half, foot);
    cairo_curve_to(cr, x - 1.3 * half, foot - 0.5 * height, x + lean - 0.2 * half,
                   foot - 0.6 * height, x + lean, foot - height);
    cairo_curve_to(cr, x + lean + 0.3 * half, foot - 0.6 * height, x + 1.3 * half,
                   foot - 0.5 * height, x + half, foot);
    cairo_fill(cr);
}

static void campfire_moving(cairo_t *cr, const Shot *shot, double t)
{
    const Palette *p = &shot->palette;
    double x = shot->light_x, foot = shot->horizon + 0.24;
    draw_glow(cr, x, foot - 0.08, 0.34 + 0.05 * sin(turn(1.3 * t)), p->accents[1], 0.7);
    Color colors[3] = {
        {0.93, 0.3, 0.12},
        p->accents[1], p->light
    };
    for (int layer = 0; layer < 3; layer++)
        for (int i = -1; i <= 1; i++) {
            const Element *e = &shot->elements[50 + layer * 3 + i + 1];
            double flicker = sin(turn((1.1 + 0.5 * e->pace) * t + e->phase));
            double size = (1 - 0.28 * layer) * (i ? 0.7 : 1);
            paint(cr, colors[layer], 0.95);
            draw_flame(cr, x + 0.05 * i, foot, 0.06 * size, (0.24 + 0.05 * flicker) * size,
                       0.02 * flicker);
        }
    paint(cr, (Color){0.25, 0.13, 0.08}, 1);
    draw_box(cr, x - 0.12, foot - 0.015, 0.24, 0.03);
    for (int i = 0; i < 22; i++) { /* sparks */
        const Element *e = &shot->elements[60 + i];
        double rise = e->y + (0.15 + 0.2 * e->pace) * t;
        rise -= floor(rise);
        paint(cr, p->light, 1 - rise);
        draw_disc(cr, x + (e->size - 0.5) * 0.5 * rise + 0.02 * sin(turn(t + e->phase)),
                  foot - 0.1 - 0.75 * rise, 0.005);
    }
}

const SceneKind scene_campfire = {"campfire", campfire_backdrop, campfire_moving};

/* ---- lanterns over a lake ---- */

static void lanterns_backdrop(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    fill_sky(cr, shot, p->sky_top, p->sky_low, shot->horizon);
    paint(cr, p->far, 1);
    draw_ridge(cr, shot, 0, shot->horizon, 0.22, 1.2);
    paint(cr, color_mix(p->sky_top, p->near, 0.5), 1);
    draw_box(cr, 0, shot->horizon, shot->width, 1 - shot->horizon);
    double x = shot->side > 0 ? 0 : shot->width; /* a pier with two people */
    paint(cr, p->near, 1);
    double reach = shot->side * (0.4 + 0.4 * shot->elements[4].size), deck = shot->horizon + 0.16;
    draw_box(cr, fmin(x, x + reach), deck, fabs(reach), 0.025);
    for (int i = 0; i < 4; i++)
        draw_box(cr, x + reach * (i + 0.5) / 4, deck, 0.015, 0.1);
    draw_person(cr, x + 0.75 * reach, deck, 0.2, 0.2);
    draw_person(cr, x + 0.75 * reach + 0.09, deck, 0.18, -0.2);
}

static void lanterns_moving(cairo_t *cr, const Shot *shot, double t)
{
    const Palette *p = &shot->palette;
    for (int i = 0; i < 8 + (int)(14 * shot->amount); i++) {
        const Element *e = &shot->elements[20 + i];
        double size = 0.015 + 0.05 * e->size * e->size;
        double rise = fmod(e->y + 0.04 * (0.5 + e->pace) * t, 1.1);
        double x =
            drift(shot, e->x, 0.03 * t * shot->side + 0.02 * sin(turn(0.2 * t + e->phase)), 0.1);
        double y = shot->horizon + 0.05 - rise * (shot->horizon + 0.1);
        draw_glow(cr, x, y, 3.2 * size, p->accents[1], 0.8);
        paint(cr, color_mix(p->light, p->accents[e->tint], 0.35), 1);
        draw_box(cr, x - 0.7 * size, y - size, 1.4 * size, 2 * size);
        double mirrored = 2 * shot->horizon - y; /* in the lake */
        if (mirrored > 1 || mirrored < shot->horizon) continue;
        paint(cr, p->accents[1], 0.4);
        for (int k = 0; k < 3; k++)
            draw_box(cr, x - size * (1 - 0.2 * k) + 0.01 * sin(turn(0.7 * t + e->phase + 0.3 * k)),
                     mirrored + 0.5 * k * size, 1.6 * size, 0.2 * size);
    }
}

const SceneKind scene_lanterns = {"lanterns-on-lake", lanterns_backdrop, lanterns_moving};
