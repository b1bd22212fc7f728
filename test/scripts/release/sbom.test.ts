import { describe, expect, test } from "bun:test";
import type { BundledPackage } from "../../../scripts/release/bundled-packages.ts";
import { cycloneDx } from "../../../scripts/release/sbom.ts";
import { VARIANTS } from "../../../scripts/release/variants.ts";
import runtimes from "../../../scripts/runtimes.json" with { type: "json" };

const SHA256 = "0123456789abcdef".repeat(4);
const PACKAGES: readonly BundledPackage[] = [
  { name: "@noble/hashes", version: "2.4.0", license: "MIT", licenseText: "text", sha512: "00".repeat(64) },
  { name: "yaml", version: "2.9.1", license: "ISC", licenseText: "text", sha512: "ff".repeat(64) },
];
const FACTS = { version: "1.2.3", commit: "abcdef012345", date: new Date(0), sha256: SHA256, packages: PACKAGES };

describe.each(VARIANTS)("the list of $architecture, FIPS: $isFips", (variant) => {
  const bom = JSON.parse(cycloneDx({ ...FACTS, variant }));

  test("has what the schema of CycloneDX 1.6 requires", () => {
    expect(bom).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6", version: 1 });
    expect(bom.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(bom.metadata.timestamp).toBe("1970-01-01T00:00:00.000Z");
    const components = [bom.metadata.component, ...bom.components];
    for (const component of components) {
      expect(component).toMatchObject({
        type: expect.stringMatching(/^(application|library|platform)$/),
        name: expect.any(String),
      });
      for (const { alg, content } of component.hashes)
        expect(content).toMatch(alg === "SHA-512" ? /^[0-9a-f]{128}$/ : /^[0-9a-f]{64}$/);
      for (const { license } of component.licenses) expect(license.id).toMatch(/^[A-Za-z0-9.-]+$/);
    }
    const references = components.map((component) => component["bom-ref"]);
    expect(new Set(references).size).toBe(references.length);
    expect(bom.dependencies).toEqual([{ ref: references[0], dependsOn: references.slice(1) }]);
  });

  test("names the packages and the runtime, with their digests", () => {
    expect(bom.components.map((component: { purl: string }) => component.purl)).toEqual([
      "pkg:npm/%40noble/hashes@2.4.0",
      "pkg:npm/yaml@2.9.1",
      expect.stringMatching(/^pkg:npm\/%40oven\/bun-linux-(x64|aarch64)@/),
    ]);
    expect(bom.components[0]).toMatchObject({ group: "@noble", name: "hashes", hashes: [{ alg: "SHA-512" }] });
    const body = variant.architecture === "amd64" ? runtimes["bun-linux-x64"] : runtimes["bun-linux-aarch64"];
    expect(bom.components.at(-1).hashes).toEqual([{ alg: "SHA-256", content: body }]);
  });
});

test("another executable has another serial number, the same one the same", () => {
  const [variant = { architecture: "amd64", isFips: false }] = VARIANTS;
  const serial = (sha256: string) => JSON.parse(cycloneDx({ ...FACTS, variant, sha256 })).serialNumber;
  expect(serial(SHA256)).toBe(serial(SHA256));
  expect(serial(SHA256)).not.toBe(serial("f".repeat(64)));
});
