/* SPDX-License-Identifier: Apache-2.0 */
/* All of the C library that the engine uses, as instructions of WebAssembly (bulk memory). */
#ifndef STRING_H
#define STRING_H

#define memcpy __builtin_memcpy
#define memset __builtin_memset

#endif
