/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/op.h"

#define OP(name) &op_##name,
const OpDef *const op_table[] = {
#include "engine/ops.def"
};
#undef OP

const int op_count = (int)MEL_COUNT(op_table);
