/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/scene.h"

#include "tests/world/scene_kinds.h"

#include <stdlib.h>

#ifdef __SANITIZE_THREAD__
/* cairo guards its pools of freed patterns by atomic operations that the sanitizer, which has not
 * seen cairo compiled, takes for races. Every film is one thread's own. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libcairo.so\n";
}
#endif

static const SceneKind *const kinds[MOOD_COUNT][2] = {
    [MOOD_CALM] = {&scene_sea,      &scene_mountains },
    [MOOD_HAPPY] = {&scene_balloons, &scene_meadow    },
    [MOOD_SAD] = {&scene_rain,     &scene_autumn    },
    [MOOD_TENSE] = {&scene_storm,    &scene_desert    },
    [MOOD_ENERGETIC] = {&scene_stage,    &scene_neon      },
    [MOOD_DREAMY] = {&scene_aurora,   &scene_underwater},
    [MOOD_DARK] = {&scene_city,     &scene_castle    },
    [MOOD_ROMANTIC] = {&scene_campfire, &scene_lanterns  },
};

/* What the shots of a film are, without their elements. */
typedef struct Cut {
    int count;
    double start_s[FILM_SHOTS_MAX];
    int kind[FILM_SHOTS_MAX];
} Cut;

/* Where the picture is cut out of the scene, and how far a hand-held camera strays from there. All
 * in pixels. */
typedef struct Camera {
    double scale; /* pixels in one scene unit */
    double left, top;
    int margin;
    double phase;
} Camera;

struct Film {
    Cut cut;
    int current; /* shot that is set up; -1 = none */
    Shot shot;
    int width, height;
    Camera camera;
    cairo_surface_t *backdrop, *surface; /* the backdrop is larger by camera.margin on each side */
    PictureFactors factors;
};

/* ---- drawing ---- */

Color color_mix(Color a, Color b, double share_of_b)
{
    double s = share_of_b;
    return (Color){a.r + (b.r - a.r) * s, a.g + (b.g - a.g) * s, a.b + (b.b - a.b) * s};
}

void paint(cairo_t *cr, Color color, double alpha)
{
    cairo_set_source_rgba(cr, color.r, color.g, color.b, alpha);
}

void draw_box(cairo_t *cr, double x, double y, double width, double height)
{
    cairo_rectangle(cr, x, y, width, height);
    cairo_fill(cr);
}

void fill_sky(cairo_t *cr, const Shot *shot, Color top, Color low, double bottom)
{
    double lean = 0.25 * shot->side * shot->width; /* lighter towards one side */
    cairo_pattern_t *sky = cairo_pattern_create_linear(lean, 0, -lean, bottom);
    cairo_pattern_add_color_stop_rgb(sky, 0, top.r, top.g, top.b);
    cairo_pattern_add_color_stop_rgb(sky, 1, low.r, low.g, low.b);
    cairo_set_source(cr, sky);
    draw_box(cr, 0, 0, shot->width, bottom);
    cairo_pattern_destroy(sky);
}

void draw_disc(cairo_t *cr, double x, double y, double radius)
{
    cairo_arc(cr, x, y, radius, 0, 2 * M_PI);
    cairo_fill(cr);
}

void draw_glow(cairo_t *cr, double x, double y, double radius, Color color, double alpha)
{
    cairo_pattern_t *glow = cairo_pattern_create_radial(x, y, 0, x, y, radius);
    cairo_pattern_add_color_stop_rgba(glow, 0, color.r, color.g, color.b, alpha);
    cairo_pattern_add_color_stop_rgba(glow, 0.4, color.r, color.g, color.b, 0.4 * alpha);
    cairo_pattern_add_color_stop_rgba(glow, 1, color.r, color.g, color.b, 0);
    cairo_set_source(cr, glow);
    draw_box(cr, x - radius, y - radius, 2 * radius, 2 * radius);
    cairo_pattern_destroy(glow);
}

void draw_cloud(cairo_t *cr, double x, double y, double size, const Element *element)
{
    for (int i = 0; i < 5; i++) {
        double place = (i - 2) * 0.55 * size;
        double radius = size * (0.62 - 0.13 * abs(i - 2) + 0.12 * sin(turn(element->phase) + i));
        cairo_save(cr);
        cairo_translate(cr, x + place, y - 0.1 * size * (i % 2));
        cairo_scale(cr, 1, 0.62);
        cairo_arc(cr, 0, 0, radius, 0, 2 * M_PI);
        cairo_restore(cr);
        cairo_close_path(cr);
        cairo_new_sub_path(cr);
    }
    cairo_fill(cr);
}

double ridge_y(const Shot *shot, int first, double base, double height, double waves, double x)
{
    const Element *e = &shot->elements[first];
    double at = 2 * M_PI * waves * x / shot->width;
    double sum = 0.5 * sin(at + turn(e[0].phase)) +
                 0.3 * sin(at * (1.7 + e[1].pace) + turn(e[1].phase)) +
                 0.14 * sin(at * (4.3 + e[2].pace) + turn(e[2].phase));
    return base - height * (0.5 + 0.5 * sum);
}

void draw_ridge(cairo_t *cr, const Shot *shot, int first, double base, double height, double waves)
{
    enum { POINTS = 90 };
    cairo_move_to(cr, 0, 1);
    for (int i = 0; i <= POINTS; i++) {
        double x = shot->width * i / POINTS;
        cairo_line_to(cr, x, ridge_y(shot, first, base, height, waves, x));
    }
    cairo_line_to(cr, shot->width, 1);
    cairo_close_path(cr);
    cairo_fill(cr);
}

double drift(const Shot *shot, double x, double distance, double margin)
{
    double span = shot->width + 2 * margin;
    double at = fmod(x + margin + distance, span);
    return (at < 0 ? at + span : at) - margin;
}

/* ---- films ---- */

static Cut draw_cut(const PictureFactors *picture, double seconds)
{
    Rng rng = picture->rng;
    Cut cut = {.count = 2 + mel_rng_int(&rng, FILM_SHOTS_MAX - 1)};
    int first = mel_rng_int(&rng, 2);
    for (int i = 0; i < cut.count; i++) {
        double share = (i + mel_rng_range(&rng, -0.2, 0.2)) / cut.count;
        cut.start_s[i] = i ? share * seconds : 0;
        cut.kind[i] = (first + i) % 2;
    }
    return cut;
}

int mel_film_shots(const PictureFactors *picture, double seconds, FilmShot shots[FILM_SHOTS_MAX])
{
    Cut cut = draw_cut(picture, seconds);
    for (int i = 0; i < cut.count; i++)
        shots[i] = (FilmShot){cut.start_s[i], kinds[picture->mood][cut.kind[i]]->id};
    return cut.count;
}

static void draw_shot(const Film *film, int index, Shot *shot)
{
    Rng rng = film->factors.rng;
    rng.next += (uint64_t)(index + 1) << 32; /* each shot draws from a place of its own */
    *shot = (Shot){
        .palette = film->factors.palette,
        .width = (double)film->width / film->height,
        .motion = film->factors.motion,
        .horizon = mel_rng_range(&rng, 0.45, 0.8),
        .light_y = mel_rng_range(&rng, 0.1, 0.42),
        .light_size = mel_rng_range(&rng, 0.05, 0.14),
        .side = mel_rng_int(&rng, 2) ? 1 : -1,
        .amount = mel_rng_range(&rng, 0.4, 1),
    };
    shot->light_x = shot->width * mel_rng_range(&rng, 0.08, 0.92);
    for (int i = 0; i < SHOT_ELEMENTS; i++)
        shot->elements[i] = (Element){
            .x = shot->width * mel_rng_uniform(&rng),
            .y = mel_rng_uniform(&rng),
            .size = mel_rng_uniform(&rng),
            .phase = mel_rng_uniform(&rng),
            .pace = mel_rng_uniform(&rng),
            .tint = mel_rng_int(&rng, 3),
        };
}

/* Zoomed in by 8 to 45 percent, on a place of its own in each shot. */
static void aim_camera(const Film *film, int index, Camera *camera)
{
    Rng rng = film->factors.rng;
    rng.next += (uint64_t)(index + 1) << 34;
    double zoom = mel_rng_range(&rng, 1.08, 1.45);
    camera->scale = zoom * film->height;
    camera->left =
        camera->margin + mel_rng_uniform(&rng) * ((zoom - 1) * film->width - 2 * camera->margin);
    camera->top =
        camera->margin + mel_rng_uniform(&rng) * ((zoom - 1) * film->height - 2 * camera->margin);
    camera->phase = mel_rng_uniform(&rng);
}

Film *mel_film_new(const PictureFactors *picture, double seconds, int width, int height)
{
    Film *film = mel_alloc(sizeof *film);
    film->factors = *picture;
    film->cut = draw_cut(picture, seconds);
    film->current = -1;
    film->width = width;
    film->height = height;
    film->camera.margin = (int)(0.035 * height);
    int large_width = width + 2 * film->camera.margin, large = height + 2 * film->camera.margin;
    film->backdrop = cairo_image_surface_create(CAIRO_FORMAT_RGB24, large_width, large);
    film->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    return film;
}

void mel_film_free(Film *film)
{
    if (!film) return;
    cairo_surface_destroy(film->backdrop);
    cairo_surface_destroy(film->surface);
    free(film);
}

/* A canvas in scene units; pixel (x, y) of the shot at rest lands on (x + dx, y + dy). */
static cairo_t *canvas(const Film *film, cairo_surface_t *surface, double dx, double dy)
{
    cairo_t *cr = cairo_create(surface);
    cairo_translate(cr, dx - film->camera.left, dy - film->camera.top);
    cairo_scale(cr, film->camera.scale, film->camera.scale);
    return cr;
}

static const SceneKind *film_kind(const Film *film)
{
    return kinds[film->factors.mood][film->cut.kind[film->current]];
}

/* Uneven light: a few large soft patches, brighter and darker, at places of the shot's own. */
static void draw_uneven_light(cairo_t *cr, const Shot *shot, Rng rng)
{
    enum { PATCHES = 10 };
    for (int i = 0; i < PATCHES; i++) {
        double x = shot->width * mel_rng_uniform(&rng), y = mel_rng_uniform(&rng);
        double radius = mel_rng_range(&rng, 0.18, 0.5);
        Color shade = color_mix(shot->palette.sky_top, shot->palette.near, 0.4);
        Color color = i % 2 ? shot->palette.light : shade;
        draw_glow(cr, x, y, radius, color, mel_rng_range(&rng, 0.15, i % 2 ? 0.3 : 0.4));
    }
}

static void set_up_shot(Film *film, int index)
{
    film->current = index;
    draw_shot(film, index, &film->shot);
    aim_camera(film, index, &film->camera);
    cairo_t *cr = canvas(film, film->backdrop, film->camera.margin, film->camera.margin);
    film_kind(film)->backdrop(cr, &film->shot);
    Rng rng = film->factors.rng;
    rng.next += (uint64_t)(index + 1) << 36;
    draw_uneven_light(cr, &film->shot, rng);
    cairo_destroy(cr);
    cairo_surface_flush(film->backdrop);
}

const uint8_t *mel_film_frame(Film *film, double t_s, ptrdiff_t *stride_out)
{
    int index = 0;
    while (index + 1 < film->cut.count && t_s >= film->cut.start_s[index + 1])
        index++;
    if (index != film->current) set_up_shot(film, index);
    const Camera *camera = &film->camera;
    double t = t_s * film->shot.motion;
    double dx = camera->margin * sin(turn(0.17 * t + camera->phase));
    double dy = 0.6 * camera->margin * sin(turn(0.23 * t + 2 * camera->phase));
    cairo_t *cr = cairo_create(film->surface);
    cairo_set_operator(cr, CAIRO_OPERATOR_SOURCE);
    cairo_set_source_surface(cr, film->backdrop, dx - camera->margin, dy - camera->margin);
    cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BILINEAR);
    cairo_paint(cr);
    cairo_destroy(cr);
    cr = canvas(film, film->surface, dx, dy);
    film_kind(film)->moving(cr, &film->shot, t);
    cairo_destroy(cr);
    cairo_surface_flush(film->surface);
    *stride_out = cairo_image_surface_get_stride(film->surface);
    return cairo_image_surface_get_data(film->surface);
}
