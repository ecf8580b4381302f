/* SPDX-License-Identifier: MIT */
/*
 * blob_open() on any bytes: first as they come, then with header fields and checksum made right, so that the fuzzer
 * gets behind them. Whatever is accepted is walked to the end.
 */
#include "blob.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile size_t sink;

static void walk(const struct blob *blob)
{
	size_t sum = 0;
	int missing;

	for (uint32_t i = 0; i < blob->npaths; i++)
		sum += strlen(blob_str(blob, blob->paths[i].path)) + strlen(blob_str(blob, blob->paths[i].shown)) +
		       blob->rulesets[blob->paths[i].layer].handled_access_fs;
	for (uint32_t i = 0; i < blob->nports; i++)
		sum += blob->ports[i].attr.port;
	for (uint32_t i = 0; i < blob->nslots; i++)
		sum += strlen(blob_str(blob, blob->slots[i].name)) + strlen(blob_str(blob, blob->slots[i].variable)) +
		       strlen(blob_str(blob, blob->slots[i].fallback));
	for (uint32_t i = 0; i < blob->nenv; i++)
		sum += strlen(blob_str(blob, blob->env[i].text));
	for (uint32_t i = 0; i < blob->nguarantees; i++)
		sum += strlen(blob_str(blob, blob->guarantees[i].name)) +
		       strlen(blob_str(blob, blob->guarantees[i].text)) +
		       strlen(blob_str(blob, blob->guarantees[i].file));
	for (uint32_t i = 0; i < blob->nlosses; i++)
		sum += strlen(blob_str(blob, blob->losses[i].text));
	for (uint32_t i = 0; blob->source && i < blob->npaths + blob->nports + blob->nslots; i++)
		sum += strlen(blob_str(blob, blob->source[i].file));
	for (uint32_t i = 0; i < blob->nplans; i++) {
		const struct llpb_filter *filter = blob_filter(blob, i, K_AUDIT_ARCH_X86_64, &missing);

		for (uint32_t k = 0; filter && k < filter->count; k++)
			sum += blob->insns[filter->first + k].k;
	}
	for (uint32_t i = 0; i < blob->process->nkeep; i++)
		sum += blob->process->keep[i];
	sink = sum + strlen(blob_str(blob, blob->meta->compiler)) + strlen(blob_str(blob, blob->meta->name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct llpb_header *header;
	struct blob blob;
	size_t rounded = size / 8 * 8;
	unsigned char *copy = malloc(size + 1);

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (!blob_open(&blob, copy, size))
		walk(&blob);
	free(copy);
	if (rounded < sizeof(struct llpb_header))
		return 0;
	copy = malloc(rounded);
	if (!copy)
		return 0;
	memcpy(copy, data, rounded);
	memcpy(copy, LLPB_MAGIC, 8);
	header = (void *)copy;
	header->total_size = (uint32_t)rounded;
	header->checksum = llpb_checksum((const void *)copy, rounded / 8, LLPB_CHECKSUM_WORD);
	if (!blob_open(&blob, copy, rounded))
		walk(&blob);
	free(copy);
	return 0;
}
