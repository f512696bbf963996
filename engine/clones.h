/* SPDX-License-Identifier: Apache-2.0
 *
 * MEL_CLONES: a function compiled for wider vectors too; which one runs is chosen when the program
 * starts. */
#ifndef MEL_ENGINE_CLONES_H
#define MEL_ENGINE_CLONES_H

/* Sanitizers run before the resolvers of clones do. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(MEL_SANITIZED)
#define MEL_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define MEL_CLONES
#endif

#endif
