import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROGRAM_BUILD, PROGRAM_VERSION } from "../../src/platform/build-info.ts";
import { planOldCopies, stageOwnUpdater } from "../../src/update/own-updater.ts";
import type { UpdaterWish } from "../../src/update/updater-program.ts";
import { HOST_ARCHITECTURE } from "../support/elf-patch.ts";
import { must } from "../support/must.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, runningHost } from "../support/update-host.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
beforeAll(async () => {
  site = await startSite();
  await site.release({ version: "18.0.0" });
  site.server.find = advertise("18.0.0");
});
afterAll(() => site[Symbol.asyncDispose]());

const WISH: UpdaterWish = { architecture: HOST_ARCHITECTURE, given: "", path: "/usr/local/bin" };
const LINK = "/usr/local/bin/teleport-update";
const COPY = `${NAMESPACE.updaterCopies}/${PROGRAM_VERSION}-${PROGRAM_BUILD}/teleport-update`;
const THEIRS = `${NAMESPACE.versions}/18.0.0/bin/teleport-update`;

describe("the updater that enrolled a host", () => {
  test("stays: a copy of it is what the timer runs", async () => {
    using host = offlineHost(site);
    await host.enroll();
    expect(host.files.readLink(LINK)).toBe(COPY);
    expect(host.files.stat(COPY)).toMatchObject({ kind: "file", mode: 0o755 });
    await must(["cmp", join(host.root, COPY), host.world.program ?? ""]);
    expect(host.files.list(NAMESPACE.directory)).not.toContainEqual(expect.stringContaining("staging"));
  });

  test("keeps no copy of an older one", async () => {
    using host = offlineHost(site);
    const old = `${NAMESPACE.updaterCopies}/0.0.1-abc`;
    host.write(`${old}/teleport-update`, "old");
    host.link(LINK, `${old}/teleport-update`);
    await host.enroll();
    expect(host.files.list(NAMESPACE.updaterCopies)).toEqual([`${PROGRAM_VERSION}-${PROGRAM_BUILD}`]);
    expect(host.files.readLink(LINK)).toBe(COPY);
  });

  test.each<[string, (path: string) => void, string]>([
    ["was cut", (path) => truncateSync(path), "another size"],
    [
      "has other bytes",
      (path) =>
        writeFileSync(
          path,
          readFileSync(path).map((byte) => byte ^ 1),
        ),
      "another content",
    ],
  ])("replaces a copy of itself that %s, while the link leads into one or the other", async (_, spoil, reason) => {
    using host = offlineHost(site);
    await host.enroll();
    spoil(join(host.root, COPY));
    await host.enroll();
    const target = host.files.readLink(LINK) ?? "";
    await must(["cmp", join(host.root, target), host.world.program ?? ""]);
    expect(host.world.log.lines.join("\n")).toContain(`it has ${reason} than the program`);
    expect(host.files.list(NAMESPACE.updaterCopies)).toHaveLength(1);
  });

  test("gives its place to the release's with `--hand-over`, and takes it back without", async () => {
    using host = runningHost(site);
    await host.enroll({ handOver: true });
    expect(host.files.readLink(LINK)).toBe(THEIRS);
    expect(host.files.stat(COPY)).toBeUndefined();
    const call = JSON.parse(host.read(`${NAMESPACE.directory}/setup-calls.jsonl`));
    expect(call.argv.slice(-3)).toEqual(["--path", "/usr/local/bin", "--reload"]);

    await host.enroll();
    expect(host.files.readLink(LINK)).toBe(COPY);
    await host.enroll({ handOver: true });
    expect(host.files.readLink(LINK)).toBe(THEIRS);
    expect(host.files.stat(COPY)).toBeUndefined();
  });

  test("is left to the release when the sources run directly", async () => {
    using host = offlineHost(site, { program: undefined });
    await host.enroll();
    expect(host.files.readLink(LINK)).toBe(THEIRS);
  });

  test("leaves nothing behind when it cannot be copied", async () => {
    using host = offlineHost(site, { program: "/no/such/program" });
    host.files.makeDirectory(NAMESPACE.directory);
    await expect(stageOwnUpdater(host.world, NAMESPACE, WISH)).rejects.toMatchObject({
      code: "E_IO",
      message: expect.stringContaining(NAMESPACE.directory),
    });
    expect(host.files.list(NAMESPACE.directory)).toEqual([]);
  });
});

test("copies that nothing links to are to be removed, and no others", () => {
  const other = "/srv/bin/teleport-update";
  using host = offlineHost(site);
  for (const name of ["1.0.0-a", "1.1.0-b"]) host.write(`${NAMESPACE.updaterCopies}/${name}/teleport-update`, name);
  const removedBut = (target: string, link = LINK) => {
    host.link(link, target);
    const changes = planOldCopies(host.world, NAMESPACE, "/usr/local/bin", ["/usr/local/bin", "/srv/bin"]);
    return changes.map((change) => change.kind === "remove" && change.path);
  };
  const [older, newer] = [`${NAMESPACE.updaterCopies}/1.0.0-a`, `${NAMESPACE.updaterCopies}/1.1.0-b`];
  expect(removedBut(`${newer}/teleport-update`)).toEqual([older]);
  expect(removedBut(THEIRS)).toEqual([older, newer]);
  expect(host.world.log.lines).toEqual([]);
  expect(removedBut(`${older}/teleport-update`, other)).toEqual([newer]);
  expect(host.world.log.lines).toEqual([expect.stringContaining(`link:${other} command:rm ${other}`)]);
});
