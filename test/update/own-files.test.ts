import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, cpSync, lchownSync, linkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PROGRAM_BUILD, PROGRAM_VERSION } from "../../src/platform/build-info.ts";
import { historyPath, readHistory } from "../../src/update/history.ts";
import { journalPath } from "../../src/update/journal-format.ts";
import { must } from "../support/must.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, type UpdateHost } from "../support/update-host.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
/** Enrolled into 18.0.0; every test starts from a copy of it. */
let enrolled: UpdateHost;
beforeAll(async () => {
  site = await startSite();
  for (const version of ["18.0.0", "18.1.0"]) await site.release({ version });
  site.server.find = advertise("18.0.0");
  enrolled = offlineHost(site);
  await enrolled.enroll();
});
afterAll(async () => {
  enrolled[Symbol.dispose]();
  await site[Symbol.asyncDispose]();
});
beforeEach(() => {
  site.server.find = advertise("18.1.0");
});

function enrolledHost(): UpdateHost {
  const host = offlineHost(site);
  cpSync(enrolled.root, host.root, { recursive: true, verbatimSymlinks: true });
  return host;
}

const at = (host: UpdateHost, path: string) => join(host.root, path);
const version = (host: UpdateHost) => host.files.readLink("/usr/local/bin/teleport")?.split("/").at(-3);

const PLANTS: Record<string, (host: UpdateHost, path: string) => unknown> = {
  "a link": (host, path) => host.link(path, "/etc/planted"),
  "a fifo": (host, path) => must(["mkfifo", at(host, path)]),
  "a directory": (host, path) => host.files.makeDirectory(path),
  "a file that others may write": (host, path) => {
    writeFileSync(at(host, path), "");
    chmodSync(at(host, path), 0o666);
  },
};

const PLACES: [path: string, code: string][] = [
  [NAMESPACE.lock, "E_LOCK"],
  [NAMESPACE.options, "E_OPTIONS_READ"],
  [NAMESPACE.unitRecord, "E_UNREADABLE_FILE"],
];

describe("[threat own-files] what others planted as a file of ours", () => {
  test.each(PLACES.flatMap(([path, code]) => Object.keys(PLANTS).map((kind) => [path, kind, code] as const)))(
    "stops the run, which names it: `%s` as %s",
    async (path, kind, code) => {
      using host = enrolledHost();
      host.write("/etc/planted", "version: v1\nkind: updater_options\nca_file: /etc/planted\n");
      host.files.removeTree(path);
      await PLANTS[kind]?.(host, path);
      const before = host.read("/etc/planted");
      const failure = await host.enroll().then(
        () => expect.unreachable(),
        (error) => error,
      );
      expect(failure).toMatchObject({ code, message: expect.stringContaining(path) });
      expect(failure.hint).toContain(`mv ${at(host, path)} `);
      expect(host.read("/etc/planted")).toBe(before);
      expect(version(host)).toBe("18.0.0");

      host.files.rename(path, `${path}.bad`);
      await host.enroll();
      expect(version(host)).toBe("18.1.0");
    },
  );

  test.each(["a link", "a directory", "a file that others may write"])(
    "stops the run, which names it: the journal as %s",
    async (kind) => {
      using host = enrolledHost();
      const path = journalPath(NAMESPACE);
      await PLANTS[kind]?.(host, path);
      await expect(host.enroll()).rejects.toMatchObject({
        code: "E_JOURNAL",
        hint: expect.stringContaining(`mv ${at(host, path)} `),
      });
      host.files.rename(path, `${path}.bad`);
      await host.enroll();
      expect(version(host)).toBe("18.1.0");
    },
  );
});

/** It is root's own file under another name: nothing in it comes from who linked it, and nothing may change in it. */
test.each([NAMESPACE.lock, NAMESPACE.unitRecord, historyPath(NAMESPACE)])(
  "[threat own-files] a hard link at `%s` spares its file",
  async (path) => {
    using host = enrolledHost();
    host.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0o640);
    host.files.removeFile(path);
    linkSync(at(host, "/etc/passwd"), at(host, path));
    await host.enroll();
    expect(version(host)).toBe("18.1.0");
    expect(host.read("/etc/passwd")).toBe("root:x:0:0::/root:/bin/sh\n");
    expect(host.files.stat("/etc/passwd")).toMatchObject({ mode: 0o640 });
  },
);

test("[threat own-files] a history with a hard link goes on in a file of its own, without what is no line of it", async () => {
  using host = enrolledHost();
  const path = historyPath(NAMESPACE);
  host.write("/var/backup/history", `${host.read(path)}root:x:0:0::/root:/bin/sh\n`, 0o644);
  const before = host.read("/var/backup/history");
  host.files.removeFile(path);
  linkSync(at(host, "/var/backup/history"), at(host, path));
  await host.enroll();
  expect(host.read("/var/backup/history")).toBe(before);
  expect(readHistory(host.files, NAMESPACE).map(({ to }) => to)).toEqual(["18.0.0", "18.1.0"]);
  expect(host.read(path)).not.toContain("root:");
  expect(host.files.stat(path)).toMatchObject({ mode: 0o600, links: 1 });
});

describe("[threat own-files] a copy of this updater that others may have made", () => {
  const build = `${PROGRAM_VERSION}-${PROGRAM_BUILD}`;
  const folder = `${NAMESPACE.updaterCopies}/${build}`;
  const copy = `${folder}/teleport-update`;
  const link = "/usr/local/bin/teleport-update";

  async function isReplaced(host: UpdateHost): Promise<void> {
    await host.enroll();
    const ours = `${folder}.1/teleport-update`;
    expect(host.files.readLink(link)).toBe(ours);
    expect(host.files.list(NAMESPACE.updaterCopies)).toEqual([`${build}.1`]);
    expect(host.files.stat(dirname(ours))).toMatchObject({ kind: "directory", mode: 0o755 });
    expect(host.files.stat(ours)).toMatchObject({ kind: "file", mode: 0o755, owner: process.geteuid?.() ?? 0 });
    await must(["cmp", at(host, ours), host.world.program ?? ""]);
    expect(host.world.log.lines.join("\n")).toContain("WARN The copy of this updater is replaced");
    expect(host.files.list(NAMESPACE.directory)).not.toContainEqual(expect.stringContaining("staging"));
  }

  test.each([copy, folder])("is replaced by ours: `%s` may be written", async (path) => {
    using host = enrolledHost();
    writeFileSync(at(host, copy), "#!/bin/sh\n");
    chmodSync(at(host, path), 0o777);
    await isReplaced(host);
  });

  test("is replaced by ours: it is a link", async () => {
    using host = enrolledHost();
    host.files.removeFile(copy);
    host.link(copy, "/etc/planted");
    await isReplaced(host);
  });

  test("is replaced without a moment at which the link to it leads nowhere", async () => {
    using host = enrolledHost();
    chmodSync(at(host, folder), 0o775);
    const broken: string[] = [];
    const rename = (from: string, to: string) => {
      host.files.rename(from, to);
      if (host.files.statFollowed(link)?.kind !== "file") broken.push(`${from} -> ${to}`);
    };
    host.world.files = { ...host.files, rename };
    await host.enroll();
    expect(broken).toEqual([]);
    expect(host.files.stat(folder)).toBeUndefined();
  });

  test("is not replaced again once it is ours, and the next one may be", async () => {
    using host = enrolledHost();
    chmodSync(at(host, folder), 0o775);
    await isReplaced(host);
    await host.enroll();
    expect(host.files.readLink(link)).toBe(`${folder}.1/teleport-update`);
    chmodSync(at(host, `${folder}.1`), 0o775);
    await host.enroll();
    expect(host.files.readLink(link)).toBe(copy);
    expect(host.files.list(NAMESPACE.updaterCopies)).toEqual([build]);
  });

  test.if(process.geteuid?.() === 0)("is replaced by ours: it is theirs", async () => {
    using host = enrolledHost();
    writeFileSync(at(host, copy), "#!/bin/sh\n");
    lchownSync(at(host, dirname(copy)), 65_534, 0);
    await isReplaced(host);
  });
});
