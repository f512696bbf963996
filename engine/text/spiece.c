/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of protobuf that sentencepiece_model.proto needs. Fields that are not known are skipped;
 * of one that is there twice the last counts. */
#include "engine/text/spiece.h"
#include "engine/text/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES_MAX = 1024 };

enum { MODEL_PIECE = 1, MODEL_TRAINER = 2, MODEL_NORMALISER = 3 };  /* ModelProto */
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };           /* SentencePiece */
enum { TRAINER_KIND = 3, TRAINER_UNKNOWN = 40, KIND_UNIGRAM = 1 };  /* TrainerSpec */
enum { NORMALISER_CHARSMAP = 2 };                                   /* NormalizerSpec */
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 }; /* of any field */

/* What is left of a message, and the file that it is in. */
typedef struct Message {
    const char *file, *at, *end;
} Message;

typedef struct Field {
    uint64_t number;
    int wire;
    uint64_t value; /* of WIRE_VARINT */
    Message bytes;  /* of WIRE_BYTES */
    float real;     /* of WIRE_32 */
} Field;

static bool broken(const Message *m, const char *what, Err *err)
{
    return mel_err(err, ERR_FORMAT, "%s at byte %lld", what, (long long)(m->at - m->file));
}

static bool read_varint(Message *m, uint64_t *out, Err *err)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (m->at >= m->end) return broken(m, "a number is cut off", err);
        unsigned char byte = (unsigned char)*m->at++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) {
            *out = value;
            return true;
        }
    }
    return broken(m, "a number has no end", err);
}

static bool skip(Message *m, uint64_t size, Err *err)
{
    if (size > (uint64_t)(m->end - m->at)) return broken(m, "a field is cut off", err);
    m->at += size;
    return true;
}

/* False at the end, too; look at err. */
static bool next_field(Message *m, Field *field, Err *err)
{
    uint64_t tag = 0, size = 0;
    if (m->at >= m->end || !read_varint(m, &tag, err)) return false;
    *field = (Field){.number = tag >> 3, .wire = (int)(tag & 7)};
    switch (field->wire) {
    case WIRE_VARINT:
        return read_varint(m, &field->value, err);
    case WIRE_64:
        return skip(m, 8, err);
    case WIRE_32:
        if (!skip(m, 4, err)) return false;
        memcpy(&field->real, m->at - 4, 4);
        return true;
    case WIRE_BYTES:
        if (!read_varint(m, &size, err) || !skip(m, size, err)) return false;
        field->bytes = (Message){.file = m->file, .at = m->at - size, .end = m->at};
        return true;
    default:
        return broken(m, "a field of an unknown kind ends", err);
    }
}

static bool is_field(const Field *field, uint64_t number, int wire)
{
    return field->number == number && field->wire == wire;
}

/* ---- the messages --------------------------------------------------------------------------- */

static bool read_text(SpieceModel *model, const Message *bytes, const char **out, Err *err)
{
    size_t n = (size_t)(bytes->end - bytes->at);
    if (n == 0 || n > PIECE_BYTES_MAX || !mel_utf8_valid(bytes->at, n))
        return broken(bytes, "a piece that is no text, or a very long one,", err);
    *out = mel_arena_strndup(&model->arena, bytes->at, n);
    return true;
}

static bool read_piece(SpieceModel *model, Message message, SpiecePiece *out, Err *err)
{
    Field field;
    const Message whole = message;
    SpiecePiece piece = {.type = PIECE_NORMAL};
    while (next_field(&message, &field, err)) {
        if (is_field(&field, PIECE_TEXT, WIRE_BYTES)) {
            if (!read_text(model, &field.bytes, &piece.text, err)) return false;
        } else if (is_field(&field, PIECE_SCORE, WIRE_32)) {
            piece.score = field.real;
        } else if (is_field(&field, PIECE_TYPE, WIRE_VARINT)) {
            if (field.value < PIECE_NORMAL || field.value > PIECE_BYTE)
                return broken(&message, "a piece of an unknown type ends", err);
            piece.type = (PieceType)field.value;
        }
    }
    if (mel_err_is_set(err)) return false;
    if (!piece.text) return broken(&whole, "a piece without text", err);
    if (!(piece.score >= -1e30F && piece.score <= 1e30F))
        return broken(&whole, "a piece with a score that is no number", err);
    *out = piece;
    return true;
}

static bool add_piece(SpieceModel *model, size_t *capacity, const Message *message, Err *err)
{
    if (model->count >= VOCABULARY_MAX)
        return mel_err(err, ERR_LIMIT, "there are more than %d pieces", VOCABULARY_MAX);
    mel_grow(&model->pieces, capacity, model->count + 1, sizeof *model->pieces);
    if (!read_piece(model, *message, &model->pieces[model->count], err)) return false;
    model->count++;
    return true;
}

static bool read_trainer(SpieceModel *model, Message message, Err *err)
{
    Field field;
    while (next_field(&message, &field, err)) {
        if (is_field(&field, TRAINER_KIND, WIRE_VARINT) && field.value != KIND_UNIGRAM)
            return broken(&message, "a model of another kind than unigram ends", err);
        if (is_field(&field, TRAINER_UNKNOWN, WIRE_VARINT)) model->unknown = (int64_t)field.value;
    }
    return !mel_err_is_set(err);
}

static bool read_normaliser(SpieceModel *model, Message message, Err *err)
{
    Field field;
    while (next_field(&message, &field, err)) {
        if (!is_field(&field, NORMALISER_CHARSMAP, WIRE_BYTES)) continue;
        model->charsmap_size = (size_t)(field.bytes.end - field.bytes.at);
        char *copy = mel_arena_alloc(&model->arena, model->charsmap_size + 1);
        memcpy(copy, field.bytes.at, model->charsmap_size);
        model->charsmap = model->charsmap_size ? copy : NULL;
    }
    return !mel_err_is_set(err);
}

static bool read_model(SpieceModel *model, Message message, Err *err)
{
    Field field;
    size_t capacity = 0;
    bool ok = true;
    while (ok && next_field(&message, &field, err)) {
        if (is_field(&field, MODEL_PIECE, WIRE_BYTES))
            ok = add_piece(model, &capacity, &field.bytes, err);
        else if (is_field(&field, MODEL_TRAINER, WIRE_BYTES))
            ok = read_trainer(model, field.bytes, err);
        else if (is_field(&field, MODEL_NORMALISER, WIRE_BYTES))
            ok = read_normaliser(model, field.bytes, err);
    }
    if (mel_err_is_set(err)) return false;
    if (model->count == 0) return mel_err(err, ERR_FORMAT, "there are no pieces");
    if (model->unknown < 0 || model->unknown >= (int64_t)model->count ||
        model->pieces[model->unknown].type != PIECE_UNKNOWN)
        return mel_err(err, ERR_FORMAT, "piece %lld, for what has none, is not of that type",
                       (long long)model->unknown);
    return true;
}

bool spiece_read(const char *bytes, size_t n, SpieceModel *out, Err *err)
{
    SpieceModel model = {0};
    bool ok = read_model(&model, (Message){.file = bytes, .at = bytes, .end = bytes + n}, err);
    if (ok)
        *out = model;
    else
        spiece_clear(&model);
    return ok;
}

void spiece_clear(SpieceModel *model)
{
    free(model->pieces);
    mel_arena_clear(&model->arena);
    *model = (SpieceModel){0};
}
