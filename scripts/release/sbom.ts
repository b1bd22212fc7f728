import type { BundledPackage } from "./bundled-packages.ts";
import { runtimeOf, type Variant, variantName } from "./variants.ts";

interface SbomFacts {
  version: string;
  commit: string;
  /** Of the commit. */
  date: Date;
  variant: Variant;
  /** Of the executable, in hex. */
  sha256: string;
  packages: readonly BundledPackage[];
}

/**
 * The list of what is in one executable, in CycloneDX 1.6: the packages whose modules the bundler took, with the digests that
 * `bun.lock` pins, and the runtime. Nothing in it depends on who made it, or when.
 */
export function cycloneDx({ version, commit, date, variant, sha256, packages }: SbomFacts): string {
  const runtime = runtimeOf(variant);
  const own = `pkg:generic/teleport-update@${version}?arch=${variant.architecture}${variant.isFips ? "&variant=fips" : ""}`;
  const components = [...packages.map(library), runtimeComponent(runtime)];
  return `${JSON.stringify(
    {
      $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
      bomFormat: "CycloneDX",
      specVersion: "1.6",
      serialNumber: `urn:uuid:${uuidFrom(sha256)}`,
      version: 1,
      metadata: {
        timestamp: date.toISOString(),
        lifecycles: [{ phase: "build" }],
        component: {
          type: "application",
          "bom-ref": own,
          name: "teleport-update",
          version,
          description: `Managed Updates v2 for Teleport agents and bots, linux-${variantName(variant)}`,
          hashes: [{ alg: "SHA-256", content: sha256 }],
          licenses: [{ license: { id: "Apache-2.0" } }],
          purl: own,
          properties: [{ name: "commit", value: commit }],
        },
      },
      components,
      dependencies: [{ ref: own, dependsOn: components.map((component) => component["bom-ref"]) }],
    },
    undefined,
    2,
  )}\n`;
}

function library({ name, version, license, sha512 }: BundledPackage) {
  const purl = npmUrl(name, version);
  return {
    type: "library",
    "bom-ref": purl,
    ...splitName(name),
    version,
    scope: "required",
    hashes: [{ alg: "SHA-512", content: sha512 }],
    licenses: [{ license: { id: license } }],
    purl,
  };
}

function runtimeComponent({ name, version, sha256 }: { name: string; version: string; sha256: string }) {
  const purl = npmUrl(name, version);
  return {
    type: "platform",
    "bom-ref": purl,
    ...splitName(name),
    version,
    scope: "required",
    hashes: [{ alg: "SHA-256", content: sha256 }],
    licenses: [{ license: { id: "MIT" } }],
    purl,
  };
}

function splitName(name: string): { group?: string; name: string } {
  const [group, rest] = name.split("/");
  return rest === undefined ? { name } : { group: group ?? "", name: rest };
}

/** A scope is written with its `@` escaped (package URL specification). */
function npmUrl(name: string, version: string): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

/** A UUID of version 8 (RFC 9562): another executable has another one, the same executable the same. */
function uuidFrom(hex: string): string {
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  const digits = `${hex.slice(0, 12)}8${hex.slice(13, 16)}${variant}${hex.slice(17, 32)}`;
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
