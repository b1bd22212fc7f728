import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { disable } from "../../src/update/disable.ts";
import { formatHistory, readHistory } from "../../src/update/history.ts";
import { unpin } from "../../src/update/unpin.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost } from "../support/update-host.ts";

// For busy machines: it installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
beforeAll(async () => {
  site = await startSite();
  for (const version of ["18.0.0", "18.1.0"]) await site.release({ version });
});
afterAll(() => site[Symbol.asyncDispose]());

test("each command that changes the host is one line, each that does not is none", async () => {
  using host = offlineHost(site);
  site.server.find = advertise("18.0.0");
  await host.enroll();
  await host.update();
  site.server.find = advertise("18.9.9");
  await host.update().catch(({ code }) => expect(code).toBe("E_CHECKSUM"));
  site.server.find = advertise("18.1.0");
  await host.update();
  await host.enroll({ command: "pin" });
  await host.update();
  for (let twice = 0; twice < 2; twice += 1) await unpin(host.world, { namespace: NAMESPACE });
  await disable(host.world, { namespace: NAMESPACE });

  const history = readHistory(host.files, NAMESPACE);
  expect(
    history.map(({ command, outcome, from, to, proof, code }) => [command, outcome, from, to, proof ?? code]),
  ).toEqual([
    ["enable", "done", undefined, "18.0.0", "checksum"],
    ["update", "failed", "18.0.0", "18.9.9", "E_CHECKSUM"],
    ["update", "done", "18.0.0", "18.1.0", "checksum"],
    ["pin", "done", "18.1.0", "18.1.0", "checksum"],
    ["unpin", "done", undefined, undefined, undefined],
    ["disable", "done", undefined, undefined, undefined],
  ]);
  expect(formatHistory(history).split("\n")).toEqual([
    expect.stringMatching(/^\S+Z {2}enable nothing -> 18\.0\.0: done in [\d.]+ s, accepted by its checksum$/),
    expect.stringMatching(/^\S+Z {2}update 18\.0\.0 -> 18\.9\.9: failed in [\d.]+ s, E_CHECKSUM: checksum not found/),
    expect.stringMatching(/^\S+Z {2}update 18\.0\.0 -> 18\.1\.0: done/),
    expect.stringMatching(/^\S+Z {2}pin 18\.1\.0 -> 18\.1\.0: done/),
    expect.stringMatching(/^\S+Z {2}unpin: done/),
    expect.stringMatching(/^\S+Z {2}disable: done/),
    "",
  ]);
});

test("a move has its line before what it leaves over is tidied up", async () => {
  using host = offlineHost(site);
  await host.enroll({ forceVersion: "18.0.0" });
  host.write(`${NAMESPACE.versions}/16.0.0/sha256`, "");
  const { removeTree } = host.files;
  const seen: unknown[] = [];
  host.world.files = {
    ...host.files,
    removeTree(path) {
      if (path.endsWith("/16.0.0")) seen.push(readHistory(host.files, NAMESPACE).at(-1));
      removeTree(path);
    },
  };
  await host.enroll({ forceVersion: "18.1.0" });
  const line = { command: "enable", outcome: "done", from: "18.0.0", to: "18.1.0", proof: "checksum" };
  expect(seen).toMatchObject([line]);
  expect(readHistory(host.files, NAMESPACE)).toHaveLength(2);
});
