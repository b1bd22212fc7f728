/** The FIPS variant: see `../variant.ts`. */
export const VARIANT_LINE =
  "FIPS variant: its cryptography is done by /usr/bin/openssl and /usr/bin/curl of the host\n";

/** There is no FIPS edition that is not Enterprise (updater-core §6). */
export const REQUIRED_FLAGS: readonly string[] = ["Enterprise", "FIPS"];

export async function requireVariantHost(): Promise<void> {
  const { requireFipsPrograms } = await import("./require-fips.ts");
  await requireFipsPrograms();
}
