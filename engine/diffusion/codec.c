/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/diffusion/codec.h"
#include "engine/device.h"

#include "engine/network.h"
#include "engine/plan.h"

#include <stdlib.h>

typedef struct Way {
    Graph *graph;
    Plan *plan;
} Way;

struct Codec {
    Network *network;
    NetworkSet set;
    Params params;
    DType float_type;
    Shape shape, latent;
    Way in, out;
};

static Shape batch_of_one(Shape s)
{
    return SHAPE(1, s.dims[0], s.dims[1], s.dims[2]);
}

static Node *encoder(const Codec *codec, Graph *g)
{
    const VaeConfig *vae = &codec->network->settings.vae;
    Node *x = mel_graph_input(g, "x", codec->float_type, batch_of_one(codec->shape));
    Node *mean = mel_op_cast(mel_net_vae_encoder(g, vae, x).mean, DTYPE_F32);
    return mel_op_affine(mean, vae->scaling, 0);
}

static Node *decoder(const Codec *codec, Graph *g)
{
    const VaeConfig *vae = &codec->network->settings.vae;
    Node *z = mel_graph_input(g, "x", DTYPE_F32, batch_of_one(codec->latent));
    z = mel_op_cast(mel_op_affine(z, 1 / vae->scaling, 0), codec->float_type);
    return mel_net_vae_decoder(g, vae, z);
}

/* Both ways in one graph, which is only asked for its parameters. */
static bool check(const Codec *codec, Err *err)
{
    static const char *const known[] = {NULL};
    Graph *g = mel_graph_new(codec->float_type);
    encoder(codec, g);
    decoder(codec, g);
    bool ok = mel_graph_ok(g, err) && mel_network_check(codec->network, g, known, err);
    mel_graph_free(g);
    return ok;
}

bool mel_codec_open(const char *folder, const char *part, int64_t height, int64_t width,
                    DType float_type, Codec **out, Err *err)
{
    Codec *codec = mel_alloc(sizeof *codec);
    codec->float_type = float_type;
    bool ok = mel_network_open(folder, part, MODEL_VAE, NETWORK_HASHED, &codec->network, err);
    if (ok) {
        const VaeConfig *vae = &codec->network->settings.vae;
        int64_t factor = (int64_t)1 << (vae->levels - 1);
        codec->shape = SHAPE(height, width, vae->channels);
        codec->latent = SHAPE(height / factor, width / factor, vae->latent_channels);
        mel_network_set_add(&codec->set, "", codec->network);
        codec->params = mel_network_set_params(&codec->set, NULL);
        ok =
            (height % factor == 0 && width % factor == 0) ||
            mel_err(err, ERR_USAGE, "'%s' wants sides that %lld divides, not %lld and %lld",
                    codec->network->folder, (long long)factor, (long long)height, (long long)width);
        ok = ok && check(codec, err) && mel_network_hashed(codec->network, err);
    }
    if (ok)
        *out = codec;
    else
        mel_codec_close(codec);
    return ok;
}

void mel_codec_close(Codec *codec)
{
    if (!codec) return;
    mel_plan_free(codec->in.plan);
    mel_plan_free(codec->out.plan);
    mel_graph_free(codec->in.graph);
    mel_graph_free(codec->out.graph);
    mel_network_close(codec->network);
    free(codec);
}

const Shape *mel_codec_shape(const Codec *codec)
{
    return &codec->shape;
}

const Shape *mel_codec_latent_shape(const Codec *codec)
{
    return &codec->latent;
}

const char *mel_codec_sha256(const Codec *codec)
{
    return codec->network->sha256;
}

static bool go(Codec *codec, Way *way, Node *(*build)(const Codec *codec, Graph *g), const float *x,
               float *y, Err *err)
{
    if (!way->plan) {
        mel_graph_free(way->graph);
        way->graph = mel_graph_new(codec->float_type);
        mel_graph_output(way->graph, "y", build(codec, way->graph));
        if (!mel_plan_new(way->graph, mel_device(), &codec->params, &way->plan, err)) return false;
    }
    return mel_plan_write(way->plan, "x", x, err) && mel_plan_run(way->plan, err) &&
           mel_plan_read(way->plan, "y", y, err);
}

bool mel_codec_encode(Codec *codec, const float *x, float *latent, Err *err)
{
    return go(codec, &codec->in, encoder, x, latent, err);
}

bool mel_codec_decode(Codec *codec, const float *latent, float *x, Err *err)
{
    return go(codec, &codec->out, decoder, latent, x, err);
}
