import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { eventually } from "../../booted/support/eventually.ts";

const PROGRAM = "/usr/lib/teleport-update/teleport-update";
const LINK = "/usr/local/bin/teleport-update";
const NAMESPACE = "/opt/teleport/default";
const OLD_COPY = `${NAMESPACE}/updater/given-0123456789abcdef/teleport-update`;
const NEW_COPY = `${NAMESPACE}/updater/given-${new Bun.CryptoHasher("sha256").update(program("0.9.0")).digest("hex").slice(0, 16)}/teleport-update`;

function program(version: string, variant = ""): string {
  return `#!/bin/sh\necho 'Teleport v${version} git:none'\n${variant && `echo '${variant}'\n`}`;
}
const FIPS = "FIPS variant: it leaves all cryptography to the host";

/** The file system of an enrolled host that has the package. Its programs are those of this machine. */
let root: string;
const at = (path: string) => join(root, path);
const write = (path: string, text: string) => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text, { mode: 0o755 });
};
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "package-host-"));
  for (const folder of ["host", "tmp", "usr/lib", "usr/local/bin"]) mkdirSync(at(folder), { recursive: true });
  for (const folder of ["bin", "lib", "lib64", "dev", "proc"]) symlinkSync(`host/${folder}`, at(folder));
  for (const folder of ["bin", "sbin"]) symlinkSync(`../host/usr/${folder}`, at(`usr/${folder}`));
  write(PROGRAM, program("0.9.0"));
  write("/usr/lib/teleport-update/copies", readFileSync("scripts/package/copies", "utf8"));
  write(OLD_COPY, program("0.8.0"));
  write(`${NAMESPACE}/update.yaml`, "version: v1\n");
  write(`${NAMESPACE}/update.lock`, "");
});
afterEach(() => rmSync(root, { recursive: true }));

/** Runs the script as root of that host, and answers what it said. */
async function copies(verb: "keep" | "follow"): Promise<string> {
  const unshare = ["unshare", "--mount", ...(process.getuid?.() === 0 ? [] : ["--map-root-user"])];
  const inside = `mount --rbind / ${root}/host && exec chroot ${root} /usr/lib/teleport-update/copies ${verb}`;
  const child = Bun.spawn([...unshare, "sh", "-c", inside], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect([await child.exited, stdout]).toEqual([0, ""]);
  return stderr;
}

const kept = () =>
  readdirSync(at(`${NAMESPACE}/updater`)).map((name) => `${NAMESPACE}/updater/${name}/teleport-update`);

test.each<["keep" | "follow", string]>([
  ["keep", NAMESPACE],
  ["keep", "/usr/local/bin"],
  ["follow", NAMESPACE],
  ["follow", "/opt/teleport"],
  ["follow", dirname(OLD_COPY)],
  ["follow", OLD_COPY],
])(
  "[threat closed-parents] %s leaves a link alone, and runs nothing, where others may change `%s`",
  async (verb, path) => {
    const target = verb === "keep" ? PROGRAM : OLD_COPY;
    symlinkSync(target, at(LINK));
    write(OLD_COPY, "#!/bin/sh\n: >/tmp/ran\n");
    chmodSync(at(path), 0o777);
    expect(await copies(verb)).toContain(`others than root may change ${path}: what ${LINK} leads to stays`);
    expect(readlinkSync(at(LINK))).toBe(target);
    expect(kept()).toEqual([OLD_COPY]);
    expect(existsSync(at("/tmp/ran"))).toBe(false);
  },
);

describe("before the package goes", () => {
  beforeEach(() => symlinkSync(PROGRAM, at(LINK)));

  test("a link that leads into it leads to a copy instead, the only one that is left", async () => {
    expect(await copies("keep")).toBe("");
    expect(readlinkSync(at(LINK))).toBe(NEW_COPY);
    expect(readFileSync(at(NEW_COPY), "utf8")).toBe(program("0.9.0"));
    expect(kept()).toEqual([NEW_COPY]);
  });

  test("so it does where an interrupted run has something to undo, with what it may link again", async () => {
    write(`${NAMESPACE}/update.journal`, "");
    expect(await copies("keep")).toBe("");
    expect(readlinkSync(at(LINK))).toBe(NEW_COPY);
    expect(kept().sort()).toEqual([OLD_COPY, NEW_COPY].sort());
    expect(existsSync(at(`${NAMESPACE}/update.journal`))).toBeTrue();
  });

  test("so it does without `/proc`", async () => {
    rmSync(at("proc"));
    expect(await copies("keep")).toBe("");
    expect(readlinkSync(at(LINK))).toBe(NEW_COPY);
  });

  test("a link without an installation stays, which is told", async () => {
    rmSync(at(`${NAMESPACE}/update.lock`));
    expect(await copies("keep")).toContain("holds no installation");
    expect(readlinkSync(at(LINK))).toBe(PROGRAM);
  });
});

describe("after an installation", () => {
  beforeEach(() => symlinkSync(OLD_COPY, at(LINK)));

  test("the copy becomes the program of the package", async () => {
    expect(await copies("follow")).toBe("");
    expect(readlinkSync(at(LINK))).toBe(NEW_COPY);
    expect(kept()).toEqual([NEW_COPY]);
  });

  test("but not while an interrupted run has something to undo", async () => {
    write(`${NAMESPACE}/update.journal`, "");
    expect(await copies("follow")).toContain("an updater is at work, and its copy stays");
    expect(readlinkSync(at(LINK))).toBe(OLD_COPY);
    expect(kept()).toEqual([OLD_COPY]);
  });

  test.each([
    ["the ordinary one", "", FIPS, "teleport-update", "teleport-update-fips"],
    ["that for FIPS", FIPS, "", "teleport-update-fips", "teleport-update"],
  ])(
    "nor where the copy is of another variant, %s, and both ways to go on are told",
    async (_, ours, theirs, wanted, present) => {
      write(OLD_COPY, program("0.8.0", ours));
      write(PROGRAM, program("0.9.0", theirs));
      const said = await copies("follow");
      expect(said).toContain(
        `run \`apt install ${wanted}\`, or \`dnf swap ${present} ${wanted}\`, to keep that one up to date`,
      );
      expect(said).toContain(`or \`${PROGRAM} enable\` to change over`);
      expect(readlinkSync(at(LINK))).toBe(OLD_COPY);
    },
  );

  test("nor where the installation went while an updater was waited for", async () => {
    const lock = at(`${NAMESPACE}/update.lock`);
    const holder = Bun.spawn(["flock", lock, "sh", "-c", "echo held; read -r _"], { stdin: "pipe", stdout: "pipe" });
    for await (const _ of holder.stdout) break;
    const running = copies("follow");
    const waiting = new RegExp(`-> FLOCK .*:${statSync(lock).ino} `);
    await eventually("the script waits", async () => waiting.test(readFileSync("/proc/locks", "utf8")));
    rmSync(lock);
    write(`${NAMESPACE}/update.lock`, "");
    holder.stdin.end();
    expect(await running).toBe("");
    expect(readlinkSync(at(LINK))).toBe(OLD_COPY);
  });
});
