# Targets people type:
#   make            build/llc-policy build/llrun build/llrund (and libllrun.a)
#   make deps       install what the build and the tests need (mk/deps.sh)
#   make demo       compile policies/ci-default.toml and run real commands under it
#   make check      all tests; changes nothing outside build/ and a temporary directory
# Seams that the include paths enforce: runtime/ sees only schema/ and runtime/; grammar/ knows nothing of policies;
# only compiler/tools/ sees the runtime's reader (blob.h).
CC ?= cc
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
LIBEXECDIR ?= $(PREFIX)/libexec/llc-policy
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share/llc-policy
DOCDIR ?= $(PREFIX)/share/doc/llc-policy
SYSTEMDUSERDIR ?= $(PREFIX)/lib/systemd/user
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d
FLEX ?= flex
BISON ?= bison
ARM64_CC ?= aarch64-linux-gnu-gcc
FUZZ_SECONDS ?= 60

V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-7s %s\n' $(1) $(2)
endif

WARNINGS := -std=c11 -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
	-Wswitch-enum -Wundef -Wpointer-arith -Wvla -Werror
B := build

include mk/compiler.mk
include mk/runtime.mk
include mk/trace.mk
include mk/tests.mk
include mk/bench.mk
include mk/generate.mk
include mk/extra.mk

.DEFAULT_GOAL := all
.PHONY: all deps deps-bench demo check check-asan fuzz bench analyze format format-check generate check-generated \
	install uninstall clean metrics tags

all: $(B)/llc-policy $(B)/llrun $(B)/llrund $(B)/libllrun.a $(B)/llc-perform $(TRACE_PROGRAM)

# `make -j deps check` is ordered: everything else waits for deps when both are asked for.
deps:
	$(Q)sh mk/deps.sh build
ifneq ($(filter deps,$(MAKECMDGOALS)),)
$(filter-out deps,$(MAKECMDGOALS)) $(ALL_OBJECTS) $(GENERATED_SOURCES) $(TEST_BINS) $(TESTLIB_OBJ): | deps
endif
demo: all
	$(Q)B=$(B) sh mk/demo.sh

deps-bench:
	$(Q)sh mk/deps.sh bench

clean:
	rm -rf $(B)
# `make -j clean all`: make looks at a file's age before it waits for clean, so ordering alone would build too little.
ifneq ($(filter clean,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

-include $(ALL_OBJECTS:.o=.d)
