import { describe, expect, test } from "bun:test";
import { fipsError } from "../../../src/platform/fips/host-program.ts";
import { hasActiveProvider, libraryIn } from "../../../src/platform/fips/require-fips.ts";
import { fipsConfig } from "../../booted/support/fips-mode.ts";

test("the configuration that hosts are tested with is the documented one", async () => {
  const indented = fipsConfig()
    .trimEnd()
    .replace(/^(?=.)/gm, "    ");
  expect(await Bun.file("docs/fips.md").text()).toContain(indented);
});

test("what a refused host is told names the OpenSSL that is needed, as the document and the install script do", async () => {
  const needed = "OpenSSL 3.0 or later";
  expect(fipsError("it is none").hint).toContain(needed);
  for (const path of ["docs/fips.md", "scripts/install/install.sh"])
    expect(await Bun.file(path).text()).toContain(needed);
});

const provider = (name: string, title: string, status = "active") =>
  `  ${name}\n    name: ${title}\n    version: 3.5.1\n    status: ${status}\n`;

describe("`openssl list -providers`", () => {
  test.each([
    ["Debian's", provider("base", "OpenSSL Base Provider") + provider("fips", "OpenSSL FIPS Provider"), true],
    ["RHEL's", provider("fips", "Red Hat Enterprise Linux 9 - OpenSSL FIPS Provider"), true],
    ["no module", provider("default", "OpenSSL Default Provider"), false],
    ["a name only", provider("fips", "OpenSSL Default Provider"), false],
    ["an inactive one", provider("fips", "OpenSSL FIPS Provider", "inactive") + provider("base", "Base"), false],
    ["nothing", "", false],
  ])("%s: %p is %p", (_, listing, isActive) => {
    expect(hasActiveProvider(`Providers:\n${listing}`)).toBe(isActive);
  });
});

test.each([
  ["OpenSSL 3.5.1 1 Jul 2025 (Library: OpenSSL 3.5.2 5 Aug 2025)", "3.5.2"],
  ["OpenSSL 3.0.7 1 Nov 2022", "3.0.7"],
  ["curl 8.14.1 (x86_64-pc-linux-gnu) libcurl/8.14.1 OpenSSL/3.5.1 zlib/1.3.1", "3.5.1"],
  ["curl 8.5.0 (x86_64-pc-linux-gnu) libcurl/8.5.0 (OpenSSL/3.5.1) GnuTLS/3.8.3", undefined],
  ["curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1 GnuTLS/3.7.9", undefined],
  ["", undefined],
])("%p runs with OpenSSL %p", (version, library) => expect(libraryIn(version)).toBe(library));
