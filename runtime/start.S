/* SPDX-License-Identifier: MIT */
/* Entry: hand the initial stack (argc, argv, envp, auxv) to llrun_start(). No C library, nothing to initialise. */
	.globl _start
	.type _start, %function
_start:
#ifdef __x86_64__
	xorl %ebp, %ebp
	movq %rsp, %rdi
	andq $-16, %rsp
	call llrun_start
#else
	mov x29, #0
	mov x30, #0
	mov x0, sp
	bl llrun_start
#endif
	.size _start, . - _start
	.section .note.GNU-stack, "", %progbits
