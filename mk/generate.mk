# Files derived from the tables of schema/, compiler/ and runtime/. They are checked in, so that a reader of the
# repository and an installation have them without building anything; `make check-generated` keeps them honest.
GEN := $(B)/gen
# file:what `build/gen` calls it
GENERATED_FILES := schema/policy.schema.json:schema schema/audit.schema.json:audit-schema docs/checks.md:checks \
	docs/completions/llc-policy.bash:bash docs/completions/_llc-policy:zsh docs/completions/llc-policy.fish:fish \
	docs/completions/llrun.bash:llrun-bash docs/completions/_llrun:llrun-zsh docs/completions/llrun.fish:llrun-fish \
	docs/completions/llrund.bash:llrund-bash docs/completions/_llrund:llrund-zsh docs/completions/llrund.fish:llrund-fish
# these pages carry the generated section between two marker lines
GENERATED_PAGE := docs/llpolicy.5 docs/audit-schema.md

$(GEN): schema/gen.c $(wildcard schema/*.def) compiler/options.h compiler/options.def compiler/front/checks.def \
		runtime/options.def runtime/llrund/options.def runtime/llrund/events.def
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(WARNINGS) -Ischema -Icompiler -Icompiler/front -o $@ $<

generate: $(GEN)
	$(Q)mkdir -p docs/completions
	$(Q)for pair in $(GENERATED_FILES); do $(GEN) $${pair##*:} >$${pair%%:*} || exit 1; done
	$(Q)for page in $(GENERATED_PAGE); do \
		sh mk/splice.sh $(GEN) $$page >$(B)/page.tmp && cat $(B)/page.tmp >$$page || exit 1; done

check-generated: $(GEN)
	$(Q)stale=0; for pair in $(GENERATED_FILES); do \
		$(GEN) $${pair##*:} | diff -u $${pair%%:*} - || { echo "$${pair%%:*} is stale: make generate" >&2; stale=1; }; done; \
	for page in $(GENERATED_PAGE); do \
		sh mk/splice.sh $(GEN) $$page | diff -u $$page - || { echo "$$page is stale: make generate" >&2; stale=1; }; done; \
	exit $$stale
