/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/application.h"

int main(int argc, char **argv)
{
    return mel_annotator_main(argc, argv);
}
