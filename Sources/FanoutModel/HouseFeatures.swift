// Fanout
// SPDX-License-Identifier: Apache-2.0

// An unknown feature name in Package.swift is ignored in silence, so the settings are checked here.
#if !hasFeature(ExistentialAny) || !hasFeature(InternalImportsByDefault) || !hasFeature(MemberImportVisibility)
#error("a house feature is off: see Package.swift")
#endif
#if !hasFeature(NonisolatedNonsendingByDefault) || !hasFeature(InferIsolatedConformances)
#error("a house feature is off: see Package.swift")
#endif
