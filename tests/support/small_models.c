/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/small_models.h"

#include "engine/nets.h"
#include "tests/support/random_model.h"
#include "tests/support/random_weights.h"

#include <math.h>

enum { VOCABULARY = 4608, JOINT = 32 };

static bool write_clip(const char *folder, const char *tokenizers, Err *err)
{
    static const char config[] =
        "{\"model_type\":\"clip\",\"projection_dim\":32,\n"
        " \"text_config\":{\"vocab_size\":4608,\"max_position_embeddings\":77,\"hidden_size\":48,"
        "\"num_hidden_layers\":2,\"num_attention_heads\":4,\"intermediate_size\":96},\n"
        " \"vision_config\":{\"image_size\":64,\"patch_size\":16,\"hidden_size\":48,"
        "\"num_hidden_layers\":2,\"num_attention_heads\":4,\"intermediate_size\":96}}\n";
    static const ClipConfig clip = {
        .vocabulary = VOCABULARY,
        .positions = 77,
        .text = {.width = 48, .layers = 2, .heads = 4, .hidden = 96},
        .vision = {.width = 48, .layers = 2, .heads = 4, .hidden = 96},
        .picture = 64,
        .patch = 16,
        .joint = JOINT,
        .gelu = UNARY_QUICK_GELU
    };
    RandomWeights w = {.seed = 1};
    Graph *g = mel_graph_new(DTYPE_F32);
    Node *states = mel_net_clip_text(g, &clip, mel_graph_input(g, "ids", DTYPE_I32, SHAPE(1, 77)));
    mel_net_clip_text_embedding(g, &clip, states, mel_graph_input(g, "ends", DTYPE_I32, SHAPE(1)));
    mel_net_clip_vision_embedding(g, &clip,
                                  mel_graph_input(g, "pictures", DTYPE_F32, SHAPE(1, 64, 64, 3)));
    random_weights_fill(&w, g);
    random_weights_number(&w, "logit_scale", log(100));
    mel_graph_free(g);
    return random_weights_write(folder, "clip", config, "model.safetensors", &w, err) &&
           tokenizer_copy(tokenizers, "clip", folder, "clip", err);
}

static bool write_clap(const char *folder, const char *tokenizers, Err *err)
{
    static const char config[] =
        "{\"model_type\":\"clap\",\"projection_dim\":24,\n"
        " \"audio_config\":{\"num_mel_bins\":64,\"spec_size\":256,\"patch_size\":4,"
        "\"patch_embeds_hidden_size\":8,\"window_size\":8,\"depths\":[2,2,2,2],"
        "\"num_attention_heads\":[1,2,4,8]},\n"
        " \"text_config\":{\"vocab_size\":4608,\"max_position_embeddings\":514,\"hidden_size\":48,"
        "\"num_hidden_layers\":2,\"num_attention_heads\":4,\"intermediate_size\":96}}\n";
    static const ClapConfig clap = {
        .audio = {.mel_bins = 64,
                  .side = 256,
                  .patch = 4,
                  .width = 8,
                  .window = 8,
                  .stages = 4,
                  .depths = {2, 2, 2, 2},
                  .heads = {1, 2, 4, 8}},
        .text = {.vocabulary = VOCABULARY,
                  .positions = 514,
                  .tower = {.width = 48, .layers = 2, .heads = 4, .hidden = 96},
                  .eps = 1e-12},
        .joint = 24
    };
    RandomWeights w = {.seed = 2};
    Graph *g = mel_graph_new(DTYPE_F32);
    mel_net_clap_audio_embedding(g, &clap, mel_graph_input(g, "x", DTYPE_F32, SHAPE(1, 1001, 64)));
    mel_net_clap_text_embedding(g, &clap, mel_graph_input(g, "ids", DTYPE_I32, SHAPE(1, 77)),
                                mel_graph_input(g, "positions", DTYPE_I32, SHAPE(1, 77)), NULL);
    random_weights_fill(&w, g);
    random_weights_number(&w, "logit_scale_a", log(20));
    random_weights_number(&w, "logit_scale_t", log(20));
    mel_graph_free(g);
    return random_weights_write(folder, "clap", config, "model.safetensors", &w, err) &&
           tokenizer_copy(tokenizers, "roberta", folder, "clap", err);
}

static bool write_sound_tower(const char *folder, Err *err)
{
    static const char config[] = "{\"model_type\":\"melkit_sound_tower\",\"front\":\"cnn14_16k\","
                                 "\"width\":2,\"embedding\":32,\"projection_dim\":32}\n";
    static const Cnn14Config cnn14 = {.mel_bins = 64, .width = 2, .embedding = 32};
    RandomWeights w = {.seed = 3};
    Graph *g = mel_graph_new(DTYPE_F32);
    mel_graph_push(g, "audio_encoder.base.");
    Node *x = mel_graph_input(g, "x", DTYPE_F32, SHAPE(1, 1001, 64));
    x = mel_net_cnn14(g, &cnn14, x).embedding;
    mel_graph_pop(g);
    mel_graph_push(g, "audio_encoder.projection.");
    mel_net_msclap_projection(g, x, JOINT);
    mel_graph_pop(g);
    random_weights_fill(&w, g);
    random_weights_number(&w, "logit_scale", log(50));
    mel_graph_free(g);
    return random_weights_write(folder, "sound", config, "model.safetensors", &w, err);
}

static bool write_cnn14(const char *folder, Err *err)
{
    static const Cnn14Config cnn14 = {.mel_bins = 64, .width = 2, .embedding = 24, .classes = 10};
    static const char config[] = "{\"model_type\":\"melkit_cnn14\",\"front\":\"cnn14_16k\","
                                 "\"width\":2,\"embedding\":24,\"classes\":10}\n";
    RandomWeights w = {.seed = 4};
    Graph *g = mel_graph_new(DTYPE_F32);
    mel_net_cnn14(g, &cnn14, mel_graph_input(g, "x", DTYPE_F32, SHAPE(1, 1001, 64)));
    random_weights_fill(&w, g);
    mel_graph_free(g);
    return random_weights_write(folder, "cnn14", config, "model.safetensors", &w, err);
}

static bool write_vggish(const char *folder, Err *err)
{
    static const VggishConfig vggish = {.width = 2, .hidden = 24, .embedding = 16};
    static const char config[] =
        "{\"model_type\":\"melkit_vggish\",\"width\":2,\"hidden\":24,\"embedding\":16}\n";
    RandomWeights w = {.seed = 5};
    Graph *g = mel_graph_new(DTYPE_F32);
    mel_net_vggish(g, &vggish, mel_graph_input(g, "x", DTYPE_F32, SHAPE(1, 96, 64, 1)));
    random_weights_fill(&w, g);
    mel_graph_free(g);
    return random_weights_write(folder, "vggish", config, "model.safetensors", &w, err);
}

bool small_models_write(const char *folder, const char *tokenizers, Err *err)
{
    return write_clip(folder, tokenizers, err) && write_clap(folder, tokenizers, err) &&
           write_sound_tower(folder, err) && write_cnn14(folder, err) && write_vggish(folder, err);
}
