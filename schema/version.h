/* SPDX-License-Identifier: MIT */
/* The version of every program of the toolchain; part of the blob (struct llpb_meta.compiler). */
#ifndef SCHEMA_VERSION_H
#define SCHEMA_VERSION_H

#define LLC_VERSION        "0.1.0"
#define LLC_VERSION_STRING "llc-policy " LLC_VERSION

#endif
