import runtimes from "../runtimes.json" with { type: "json" };

/** One executable of a release. */
export interface Variant {
  architecture: "amd64" | "arm64";
  isFips: boolean;
}

/** All that a release has, in the order of its lists. */
export const VARIANTS: readonly Variant[] = [
  { architecture: "amd64", isFips: false },
  { architecture: "amd64", isFips: true },
  { architecture: "arm64", isFips: false },
  { architecture: "arm64", isFips: true },
];

/** As in the names of files: `amd64-fips`. */
export function variantName({ architecture, isFips }: Variant): string {
  return isFips ? `${architecture}-fips` : architecture;
}

/** Where `scripts/build.ts` puts it. */
export function executableOf(variant: Variant): string {
  return `dist/teleport-update-linux-${variantName(variant)}`;
}

/** The package of the Bun that is its body, and the digest of the program in it. */
export function runtimeOf({ architecture }: Variant): { name: string; version: string; sha256: string } {
  const runtime = architecture === "amd64" ? "bun-linux-x64" : "bun-linux-aarch64";
  return { name: `@oven/${runtime}`, version: runtimes.version, sha256: runtimes[runtime] };
}
