/*
 * What tells the variants of this program apart beside their cryptography: this one asks nothing of the host. The other is
 * `fips/variant.ts`, and `package.json` says under `imports` which of the two a build gets.
 */

/** Told by `version` under its first line; empty for nothing. */
export const VARIANT_LINE = "";

/** Flags that every release has to have, whatever the cluster's edition. */
export const REQUIRED_FLAGS: readonly string[] = [];

/** Fails with `E_FIPS` when this host is not one that this variant may run on. */
export async function requireVariantHost(): Promise<void> {}
