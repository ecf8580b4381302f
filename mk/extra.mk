# Sanitizers, fuzzers, static analysis, formatting, installation.

# Objects are made anew when the compiler or its flags change: they name the installation's directories, too.
FLAGS_NOW := $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) PREFIX=$(PREFIX) BINDIR=$(BINDIR) LIBEXECDIR=$(LIBEXECDIR) DATADIR=$(DATADIR)
$(ALL_OBJECTS) $(TEST_BINS) $(TESTLIB_OBJ): $(B)/flags
ifneq ($(strip $(file <$(B)/flags)),$(strip $(FLAGS_NOW)))
.PHONY: $(B)/flags
endif
$(B)/flags: export FLAGS_NOW := $(FLAGS_NOW)
$(B)/flags:
	@mkdir -p $(@D)
	@printf '%s\n' "$$FLAGS_NOW" >$@

# ---- sanitizers: compiler, reader and unit tests in a build directory of their own ----

ASAN_CC ?= gcc
# instrumented, gcc sees no longer what a check has bounded
ASAN_CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -Wno-format-truncation
# the bats files that drive llc-policy (not doctor's and elfdeps': inside sandboxes and under strace the leak checker cannot trace)
ASAN_WANTED := toml lint checks dump schema defaults bad_input reproducible lock diff why expect import export
ASAN_BATS := $(notdir $(wildcard $(ASAN_WANTED:%=tests/%.bats)))
check-asan:
	$(Q)$(MAKE) --no-print-directory B=$(B)/asan CC='$(ASAN_CC)' CFLAGS='$(ASAN_CFLAGS)' asan-programs
	$(Q)B=$(B)/asan ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99 UBSAN_OPTIONS=print_stacktrace=1 \
		tests/run _test $(ASAN_BATS)
asan-programs: all $(UNIT_BIN) $(HELPER_BIN) $(PROBE_BIN)
.PHONY: asan-programs

# Damaged blobs under sanitizers: the one test that `check` has from this build.
ifeq ($(filter %/asan,$(B)),)
ASAN_TEST := $(B)/asan/tests/damage_test
$(ASAN_TEST): FORCE
	$(Q)$(MAKE) --no-print-directory B=$(B)/asan CC='$(ASAN_CC)' CFLAGS='$(ASAN_CFLAGS)' $@
check: $(ASAN_TEST)
FORCE:
.PHONY: FORCE
endif

# ---- fuzzers: tests/fuzz/*_fuzz.c under libFuzzer, each FUZZ_SECONDS long ----

FUZZ_CC ?= clang
FUZZ_CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(B)/tests/%,$(wildcard tests/fuzz/*_fuzz.c))
$(B)/tests/%: tests/fuzz/%.c $(TESTLIB_OBJ) $(B)/libllc.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) -fsanitize=fuzzer -MMD -MP -MF $@.d -o $@ $< $(TESTLIB_OBJ) $(B)/libllc.a $(COMPILER_LIBS)
-include $(FUZZ_BIN:=.d)
fuzz: $(B)/llc-policy
	$(Q)$(MAKE) --no-print-directory B=$(B)/fuzz CC='$(FUZZ_CC)' CFLAGS='$(FUZZ_CFLAGS)' fuzz-programs
	$(Q)B=$(B) sh mk/fuzz.sh $(FUZZ_SECONDS)
fuzz-programs: $(FUZZ_BIN)
.PHONY: fuzz-programs

# ---- static analysis ----

# llc-trace is left out: most of what there is to find is in the skeleton that bpftool writes
ANALYZE_HOSTED := $(filter-out compiler/trace/%,$(wildcard compiler/*.c compiler/*/*.c schema/*.c))
ANALYZE_BARE := $(wildcard runtime/*.c runtime/*/*.c)
# flags as one word of the shell: what is quoted in them once is a string of C
unquoted = $(subst ',,$(1))
analyze: $(GENERATED_SOURCES)
	$(Q)status=0; \
	CC='$(CC)' sh mk/analyze.sh '-std=c11 $(call unquoted,$(COMPILER_DEFINES)) $(COMPILER_INCLUDES) -Iruntime -I$(B)/grammar' \
		$(ANALYZE_HOSTED) || status=1; \
	CC='$(CC)' sh mk/analyze.sh '-std=c11 $(call unquoted,$(RUNTIME_CFLAGS))' $(ANALYZE_BARE) || status=1; \
	exit $$status

# ---- formatting ----

CLANG_FORMAT ?= clang-format
FORMATTED := $(wildcard $(addsuffix /*.[ch],bench compiler compiler/* grammar runtime runtime/* schema tests/*))
format:
	$(CLANG_FORMAT) -i $(FORMATTED)
format-check:
	$(CLANG_FORMAT) --dry-run -Werror $(FORMATTED)

tags:
	ctags -f $(B)/tags -R bench compiler grammar runtime schema tests

# ---- installation: DESTDIR, PREFIX and the directories of the Makefile ----

INSTALL ?= install
# file:directory[:name] — one row per installed file, for install and uninstall alike
INSTALL_PROGRAMS := $(B)/llc-policy:$(BINDIR) $(B)/llrun:$(BINDIR) $(B)/llrund:$(BINDIR) $(B)/llc-perform:$(LIBEXECDIR) $(patsubst %,%:$(LIBEXECDIR),$(TRACE_PROGRAM))
INSTALL_DATA := contrib/systemd/llrund.socket:$(SYSTEMDUSERDIR) $(B)/libllrun.a:$(LIBDIR) runtime/llrun.h:$(INCLUDEDIR) \
	$(patsubst %,%:$(DOCDIR),$(filter-out docs/CONTRIBUTING.md,$(wildcard docs/*.md))) \
	$(patsubst %,%:$(DOCDIR)/examples,$(wildcard docs/examples/*)) \
	docs/llc-policy.1:$(MANDIR)/man1 docs/llrun.1:$(MANDIR)/man1 docs/llrund.1:$(MANDIR)/man1 docs/llpolicy.5:$(MANDIR)/man5 \
	docs/completions/llc-policy.bash:$(BASHCOMPDIR):llc-policy docs/completions/llrun.bash:$(BASHCOMPDIR):llrun \
	docs/completions/llrund.bash:$(BASHCOMPDIR):llrund docs/completions/_llrund:$(ZSHCOMPDIR) docs/completions/llrund.fish:$(FISHCOMPDIR) \
	docs/completions/_llc-policy:$(ZSHCOMPDIR) docs/completions/_llrun:$(ZSHCOMPDIR) \
	docs/completions/llc-policy.fish:$(FISHCOMPDIR) docs/completions/llrun.fish:$(FISHCOMPDIR) \
	schema/policy.schema.json:$(DATADIR) schema/audit.schema.json:$(DATADIR) $(patsubst %,%:$(DATADIR)/policies,$(wildcard policies/*.toml))
# other names of llc-policy, which it goes by: llc-policy(1), run
INSTALL_LINKS := runlock landrun
# what pkg-config reads; it names the directories of the installation
PC_FILE = $(DESTDIR)$(PKGCONFIGDIR)/libllrun.pc
SERVICE_FILE = $(DESTDIR)$(SYSTEMDUSERDIR)/llrund.service
VERSION = $(shell sed -n 's/^\#define LLC_VERSION *"\(.*\)"/\1/p' schema/version.h)
# words of a row
row = $(subst :, ,$(1))
source = $(word 1,$(call row,$(1)))
target = $(DESTDIR)$(word 2,$(call row,$(1)))/$(or $(word 3,$(call row,$(1))),$(notdir $(call source,$(1))))
# a line per row
define newline


endef
install: all
	$(foreach r,$(INSTALL_PROGRAMS),$(Q)$(INSTALL) -D -m 0755 '$(call source,$(r))' '$(call target,$(r))'$(newline))
	$(foreach r,$(INSTALL_DATA),$(Q)$(INSTALL) -D -m 0644 '$(call source,$(r))' '$(call target,$(r))'$(newline))
	$(Q)$(INSTALL) -d '$(dir $(PC_FILE))'
	$(Q)sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(INCLUDEDIR)|; s|@VERSION@|$(VERSION)|' \
		runtime/libllrun.pc.in >'$(PC_FILE)' && chmod 644 '$(PC_FILE)'
	$(Q)sed 's|@BINDIR@|$(BINDIR)|' contrib/systemd/llrund.service.in >'$(SERVICE_FILE)' && chmod 644 '$(SERVICE_FILE)'
	$(foreach l,$(INSTALL_LINKS),$(Q)ln -sf llc-policy '$(DESTDIR)$(BINDIR)/$(l)'$(newline))

uninstall:
	$(Q)rm -f '$(SERVICE_FILE)'
	$(foreach l,$(INSTALL_LINKS),$(Q)rm -f '$(DESTDIR)$(BINDIR)/$(l)'$(newline))
	$(foreach r,$(INSTALL_PROGRAMS) $(INSTALL_DATA),$(Q)rm -f '$(call target,$(r))'$(newline))
	$(Q)rm -f '$(PC_FILE)'
	$(Q)rmdir '$(DESTDIR)$(DOCDIR)/examples' '$(DESTDIR)$(DOCDIR)' '$(DESTDIR)$(DATADIR)/policies' '$(DESTDIR)$(DATADIR)' '$(DESTDIR)$(LIBEXECDIR)' \
		2>/dev/null || :
