/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/text_states.h"
#include "engine/device.h"

#include "engine/network.h"
#include "engine/plan.h"
#include "engine/text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

struct TextStates {
    Network *network;
    NetworkSet set;
    Params params;
    Tokenizer *tokenizer;
    Graph *graph;
    Plan *plan;
    int64_t tokens, width;
    int32_t *ids;
    float *mask;
};

/* The kind that the folder says, of those that encode texts. */
static bool open_network(TextStates *s, const char *folder, const char *part, Err *err)
{
    static const ModelKind kinds[] = {MODEL_T5, MODEL_CLIP_TEXT, MODEL_CLIP};
    for (size_t i = 0; i < MEL_COUNT(kinds); i++) {
        mel_err_clear(err);
        if (mel_network_open(folder, part, kinds[i], NETWORK_HASHED, &s->network, err)) return true;
        if (err->code != ERR_USAGE) return false; /* else it is another kind */
    }
    return mel_err_wrap(err, "no text encoder");
}

static bool is_t5(const TextStates *s)
{
    return s->network->settings.kind == MODEL_T5;
}

static bool open_tokenizer(TextStates *s, const char *folder, const char *tokenizer_part, Err *err)
{
    const ModelSettings *settings = &s->network->settings;
    int64_t wanted = is_t5(s) ? settings->t5.vocabulary : settings->clip.vocabulary;
    char *beside = mel_path_join(folder, tokenizer_part);
    bool ok = mel_tokenizer_open(mel_path_is_dir(beside) ? beside : s->network->folder,
                                 &s->tokenizer, err);
    free(beside);
    return ok && (mel_tokenizer_size(s->tokenizer) <= wanted ||
                  mel_err(err, ERR_FORMAT, "the tokenizer has %d pieces, the text encoder %lld",
                          mel_tokenizer_size(s->tokenizer), (long long)wanted));
}

static void describe(TextStates *s, int64_t tokens)
{
    const ModelSettings *settings = &s->network->settings;
    s->width = is_t5(s) ? settings->t5.tower.width : settings->clip.text.width;
    s->tokens = is_t5(s) || tokens < settings->clip.positions ? tokens : settings->clip.positions;
    s->ids = mel_alloc((size_t)s->tokens * sizeof *s->ids);
    s->mask = mel_alloc((size_t)s->tokens * sizeof *s->mask);
}

static bool make_plan(TextStates *s, DType float_type, Err *err)
{
    static const char *const t5_known[] = {"encoder.embed_tokens.weight", "decoder.", "lm_head.",
                                           NULL};
    static const char *const clip_known[] = {"*position_ids",      "logit_scale",
                                             "text_projection.",   "vision_model.",
                                             "visual_projection.", NULL};
    Graph *g = s->graph = mel_graph_new(float_type);
    const ModelSettings *settings = &s->network->settings;
    Node *ids = mel_graph_input(g, "ids", DTYPE_I32, SHAPE(1, s->tokens)), *y;
    if (is_t5(s)) {
        Node *mask = mel_graph_input(g, "mask", DTYPE_F32, SHAPE(1, 1, 1, s->tokens));
        y = mel_net_t5_encoder(g, &settings->t5, ids, mask);
    } else {
        y = mel_net_clip_text(g, &settings->clip, ids);
    }
    mel_graph_output(g, "states", y);
    mel_network_set_add(&s->set, "", s->network);
    s->params = mel_network_set_params(&s->set, NULL);
    return mel_graph_ok(g, err) &&
           mel_network_check(s->network, g, is_t5(s) ? t5_known : clip_known, err) &&
           mel_plan_new(g, mel_device(), &s->params, &s->plan, err);
}

bool mel_text_states_open(const char *folder, const char *part, const char *tokenizer_part,
                          int64_t tokens, DType float_type, TextStates **out, Err *err)
{
    TextStates *s = mel_alloc(sizeof *s);
    bool ok = open_network(s, folder, part, err) && open_tokenizer(s, folder, tokenizer_part, err);
    if (ok) {
        describe(s, tokens);
        ok = make_plan(s, float_type, err) && mel_network_hashed(s->network, err);
    }
    if (ok)
        *out = s;
    else
        mel_text_states_close(s);
    return ok;
}

void mel_text_states_close(TextStates *states)
{
    if (!states) return;
    mel_plan_free(states->plan);
    mel_graph_free(states->graph);
    mel_network_close(states->network);
    mel_tokenizer_close(states->tokenizer);
    free(states->ids);
    free(states->mask);
    free(states);
}

int64_t mel_text_states_width(const TextStates *states)
{
    return states->width;
}

int64_t mel_text_states_tokens(const TextStates *states)
{
    return states->tokens;
}

const char *mel_text_states_sha256(const TextStates *states)
{
    return states->network->sha256;
}

bool mel_text_states(TextStates *states, const char *text, float *out, int32_t *length, Err *err)
{
    int count = mel_tokenize(states->tokenizer, text, states->ids, (int)states->tokens);
    for (int64_t i = 0; i < states->tokens; i++) {
        if (i >= count) states->ids[i] = mel_tokenizer_pad(states->tokenizer);
        states->mask[i] = i < count ? 0 : -1e9F;
    }
    *length = count;
    return mel_plan_write(states->plan, "ids", states->ids, err) &&
           (!is_t5(states) || mel_plan_write(states->plan, "mask", states->mask, err)) &&
           mel_plan_run(states->plan, err) && mel_plan_read(states->plan, "states", out, err);
}
