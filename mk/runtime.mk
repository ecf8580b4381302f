# llrun, libllrun.a: freestanding, static, no libc, one read-execute segment, non-PIE.
# Why each flag: reference figures in docs/performance.md. They come after CFLAGS, and switch off what needs a C library.
RUNTIME_CFLAGS := -Os -ffreestanding -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables \
	-fcf-protection=none -fomit-frame-pointer -mgeneral-regs-only -fno-sanitize=all -fno-lto -fno-ident -Ischema -Iruntime \
	-DLLRUN_DATADIR='"$(DATADIR)"' -DLLRUN_BINDIR='"$(BINDIR)"'
RUNTIME_LDFLAGS := -nostdlib -static -s -Wl,-no-pie,--build-id=none,-z,norelro,-z,noseparate-code,-z,noexecstack,--gc-sections

# what blob_open() checks of sections that only some runs have: beside the core (mk/metrics.sh), and llrun has but one,
# as it hands a blob with a broker to llrund
BLOB_PARTS := runtime/blob_broker.c runtime/blob_view.c
NOT_IN_LLRUN := runtime/blob_broker.c
LIBLLRUN_SRC := runtime/enter.c runtime/landlock.c runtime/process.c runtime/blob.c $(BLOB_PARTS)
# llrun's core beside the library; and what else is linked into it: reports, mounts, the client of llrund
CORE_SRC := runtime/llrun.c runtime/arguments.c runtime/command.c runtime/msg.c
MORE_SRC := runtime/mem.c runtime/report.c runtime/mounts.c runtime/init.c runtime/signals.c runtime/client.c \
	runtime/remote.c runtime/wire.c
LLRUN_SRC := $(CORE_SRC) $(MORE_SRC)
# llrund has all that llrun's children go through, and files of its own
LLRUND_SRC := $(filter-out runtime/llrun.c runtime/client.c,$(LLRUN_SRC)) $(wildcard runtime/llrund/*.c)
LIBLLRUN_OBJ := $(patsubst runtime/%.c,$(B)/runtime/%.o,$(LIBLLRUN_SRC))
LLRUN_OBJ := $(patsubst runtime/%.c,$(B)/runtime/%.o,$(LLRUN_SRC)) $(B)/runtime/start.o
LLRUND_OBJ := $(patsubst runtime/%.c,$(B)/runtime/%.o,$(LLRUND_SRC)) $(B)/runtime/start.o

$(B)/llrund: $(LLRUND_OBJ) $(LIBLLRUN_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(RUNTIME_LDFLAGS) -o $@ $^
$(B)/llrun: $(LLRUN_OBJ) $(filter-out $(NOT_IN_LLRUN:%.c=$(B)/%.o),$(LIBLLRUN_OBJ))
	$(call say,LD,$@)
	$(Q)$(CC) $(RUNTIME_LDFLAGS) -o $@ $^

# The compiler knows the objcopy of its target, so that CC=aarch64-linux-gnu-gcc is all a cross build needs.
OBJCOPY ?= $(shell $(CC) -print-prog-name=objcopy)
# The library is for any program: position-independent, and one object whose only visible names are llrun.h's.
PIC_OBJ := $(patsubst runtime/%.c,$(B)/runtime/pic/%.o,$(LIBLLRUN_SRC))
PIC_CFLAGS := $(filter-out -fno-pie,$(RUNTIME_CFLAGS)) -fPIC -fvisibility=hidden
$(B)/libllrun.a: $(PIC_OBJ)
	$(call say,AR,$@)
	$(Q)$(CC) -nostdlib -r -o $(B)/runtime/pic/libllrun.o $^
	$(Q)$(OBJCOPY) --localize-hidden $(B)/runtime/pic/libllrun.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(B)/runtime/pic/libllrun.o
# what llc-policy test --live enters a sandbox with: the library and what makes views, in llc-policy itself; and a
# program that does one operation, for llrund to start
PERFORM_OBJ := $(PIC_OBJ) $(patsubst %,$(B)/runtime/pic/%.o,mounts init signals msg perform/view perform/acts)
$(B)/libperform.a: $(PERFORM_OBJ)
	$(call say,AR,$@)
	$(Q)$(CC) -nostdlib -r -o $(B)/runtime/pic/libperform.o $^
	$(Q)$(OBJCOPY) --localize-hidden $(B)/runtime/pic/libperform.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(B)/runtime/pic/libperform.o
LLC_PERFORM_OBJ := $(patsubst %,$(B)/runtime/%.o,perform/main perform/acts mem start)
$(B)/llc-perform: $(LLC_PERFORM_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(RUNTIME_LDFLAGS) -o $@ $^

$(B)/runtime/pic/%.o: runtime/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) $(PIC_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/runtime/%.o: runtime/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) $(RUNTIME_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/runtime/%.o: runtime/%.S
	@mkdir -p $(@D)
	$(call say,AS,$<)
	$(Q)$(CC) -Ischema -Iruntime -c -o $@ $<

# aarch64: cross-built by make check
ARM64_CFLAGS := $(filter-out -fcf-protection=none,$(RUNTIME_CFLAGS)) -mno-outline-atomics
ARM64_OBJ := $(patsubst $(B)/%,$(B)/aarch64/%,$(sort $(LLRUN_OBJ) $(LLRUND_OBJ) $(LIBLLRUN_OBJ)))
$(B)/aarch64/llrun: $(patsubst $(B)/%,$(B)/aarch64/%,$(LLRUN_OBJ) $(filter-out $(NOT_IN_LLRUN:%.c=$(B)/%.o),$(LIBLLRUN_OBJ)))
	$(call say,LD,$@)
	$(Q)$(ARM64_CC) $(RUNTIME_LDFLAGS) -o $@ $^
$(B)/aarch64/llrund: $(patsubst $(B)/%,$(B)/aarch64/%,$(LLRUND_OBJ) $(LIBLLRUN_OBJ))
	$(call say,LD,$@)
	$(Q)$(ARM64_CC) $(RUNTIME_LDFLAGS) -o $@ $^
$(B)/aarch64/runtime/%.o: runtime/%.c
	@mkdir -p $(@D)
	$(Q)$(ARM64_CC) $(WARNINGS) $(ARM64_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/aarch64/runtime/%.o: runtime/%.S
	@mkdir -p $(@D)
	$(Q)$(ARM64_CC) -Ischema -Iruntime -c -o $@ $<

ALL_OBJECTS += $(sort $(LLRUN_OBJ) $(LLRUND_OBJ) $(LLC_PERFORM_OBJ)) $(LIBLLRUN_OBJ) $(PERFORM_OBJ) $(ARM64_OBJ)

# lines, function lengths, size
metrics: $(B)/llrun
	$(Q)mk/metrics.sh $(B)/llrun '$(CORE_SRC) $(filter-out $(BLOB_PARTS),$(LIBLLRUN_SRC)) runtime/start.S' \
		'$(MORE_SRC) $(filter-out $(NOT_IN_LLRUN),$(BLOB_PARTS))' '$(NOT_IN_LLRUN) $(wildcard runtime/llrund/*.c)'
