/* SPDX-License-Identifier: Apache-2.0
 *
 * The card in front of README.md, in YAML, so that a loader of the Hugging Face hub has to guess
 * nothing: which files belong to which split and, where a reader would infer it from the first
 * clips alone (and take a field that these leave empty for one that never holds anything), what the
 * fields of mel_export_item_json are. */
#include "curator/export_internal.h"

#include <string.h>

typedef struct CardField {
    const char *name, *type; /* type NULL: a list of texts; "struct" ends at "end" */
} CardField;

static const CardField item_fields[] = {
    {"id",              "string" },
    {"key",             "string" },
    {"side",            "string" },
    {"caption",         "string" },
    {"genre",           "string" },
    {"moods",           NULL     },
    {"tempo",           "string" },
    {"bpm",             "float64"},
    {"voices",          NULL     },
    {"instruments",     NULL     },
    {"dissonance",      "string" },
    {"metre",           "string" },
    {"feel",            "string" },
    {"relevance",       "string" },
    {"aspects",         NULL     },
    {"audioset_labels", NULL     },
    {"start_s",         "float64"},
    {"end_s",           "float64"},
    {"frame_s",         "float64"},
    {"sample_rate_hz",  "int64"  },
    {"channels",        "int64"  },
    {"samples",         "int64"  },
    {"width",           "int64"  },
    {"height",          "int64"  },
    {"loudness_lufs",   "float64"},
    {"provenance",      "struct" },
    {"source",          "string" },
    {"kind",            "string" },
    {"locator",         "string" },
    {"title",           "string" },
    {"channel",         "string" },
    {"license",         "string" },
    {"published_split", "string" },
    {"audio_sha256",    "string" },
    {"image_sha256",    "string" },
    {"settled_by",      "string" },
    {"annotators",      NULL     },
    {"scores",          "struct" },
    {"imsm",            "float64"},
    {"clip",            "float64"},
    {"clap",            "float64"},
    {NULL,              "end"    },
    {NULL,              "end"    },
};
static const CardField jsonl_fields[] = {
    {"audio_path", "string"},
    {"image_path", "string"}
};
static const CardField tar_fields[] = {
    {"__key__", "string"},
    {"__url__", "string"},
    {"flac",    "audio" },
    {"jpg",     "image" }
};

static void add_fields(Str *out, const CardField *fields, size_t count, int indent)
{
    for (size_t i = 0; i < count; i++) {
        const CardField *field = &fields[i];
        if (!field->name) {
            indent -= 2;
            continue;
        }
        mel_str_addf(out, "%*s- name: %s\n", indent, "", field->name);
        if (mel_equal(field->type, "struct")) {
            mel_str_addf(out, "%*s  struct:\n", indent, "");
            indent += 2;
        } else if (field->type) {
            mel_str_addf(out, "%*s  dtype: %s\n", indent, "", field->type);
        } else {
            mel_str_addf(out, "%*s  sequence: string\n", indent, "");
        }
    }
}

static void add_features(ExportFormat format, Str *out)
{
    if (format != EXPORT_JSONL && format != EXPORT_WEBDATASET) return;
    mel_str_add(out, "dataset_info:\n  config_name: default\n  features:\n");
    if (format == EXPORT_JSONL) {
        add_fields(out, jsonl_fields, MEL_COUNT(jsonl_fields), 2);
        add_fields(out, item_fields, MEL_COUNT(item_fields), 2);
        return;
    }
    add_fields(out, tar_fields, MEL_COUNT(tar_fields), 2);
    mel_str_add(out, "  - name: json\n    struct:\n");
    add_fields(out, item_fields, MEL_COUNT(item_fields), 4);
    mel_str_add(out, "  - name: txt\n    dtype: string\n");
}

void mel_export_card(const ExportRun *run, Str *out)
{
    const char *files = mel_export_kind(run->options->format)->data_files;
    const char *side = strstr(files, "%s");
    mel_str_add(out, "---\nconfigs:\n- config_name: default\n  data_files:\n");
    for (int i = 0; i < run->report->side_count; i++)
        mel_str_addf(out, "  - split: %s\n    path: \"%.*s%s%s\"\n", run->report->sides[i],
                     (int)(side - files), files, run->report->sides[i], side + 2);
    add_features(run->options->format, out);
    mel_str_add(out, "tags:\n- music\n- image\n- text\n---\n\n");
}
