/* SPDX-License-Identifier: MIT */
/*
 * Entry: hand the initial stack (argc, argv, envp, auxv; 16-aligned by the psABIs) to program_start(). The kernel has
 * cleared the other registers, frame and link among them.
 */
	.globl _start
_start:
#ifdef __x86_64__
	movq %rsp, %rdi
	call program_start
#else
	mov x0, sp
	bl program_start
#endif
	.section .note.GNU-stack, "", %progbits
