import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brokenPromises, shapeOf } from "../faults/bench-host.ts";
import { type Event, isStaging, readTrace, tracingScript } from "../faults/operations.ts";
import { countChanges, findOutsiders } from "../faults/outsiders.ts";
import { HOST_ARCHITECTURE } from "../support/elf-patch.ts";
import { testingExecutablePath } from "../support/executable.ts";
import { advertise, type ProxyAndCdn, startProxyAndCdn } from "../support/proxy-and-cdn.ts";
import { makeRelease } from "../support/release-maker.ts";
import { HOSTILE_ARCHIVES } from "./hostile-archives.ts";

// For busy machines: each test is a whole `enable`.
setDefaultTimeout(60_000);

const OLD = "18.0.0";
const NEW = "18.1.0";
const NAMESPACE = "/opt/teleport/default";
const ARCHIVE = `/teleport-v${NEW}-linux-${HOST_ARCHITECTURE}-bin.tar.gz`;

let scratch: string;
/** Enrolled into the old release; every archive is offered to this one host, after the other. */
let root: string;
let program: string;
let server: ProxyAndCdn;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "archives-"));
  root = join(scratch, "root");
  // One program for all of it, whatever is built meanwhile.
  program = join(scratch, "teleport-update");
  copyFileSync(await testingExecutablePath(), program);
  const releases = join(scratch, "releases");
  for (const version of [OLD, NEW]) await makeRelease({ directory: releases, version });
  server = await startProxyAndCdn({ releases });
  mkdirSync(join(root, "etc"), { recursive: true });
  writeFileSync(join(root, "etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
  writeFileSync(join(root, "etc/ca.pem"), server.ca);
  writeFileSync(join(scratch, "traced"), tracingScript(program, join(scratch, "trace")), {
    mode: 0o755,
  });
  server.find = advertise(OLD);
  expect(await enable()).toMatchObject({ exitCode: 0 });
  server.find = advertise(NEW);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

describe("`enable` refuses it, touches nothing outside of staging, and leaves nothing", () => {
  test.each(HOSTILE_ARCHIVES.map((hostile) => [hostile.rule, hostile.lie, hostile] as const))(
    "[threat %s] %s",
    async (_rule, _lie, { archive, says }) => {
      const before = shapeOf(root);
      const { exitCode, failure, events } = await enableOffering(archive());
      expect(exitCode).toBe(1);
      expect(failure?.code).toBe("E_ARCHIVE");
      expect(failure?.hint).not.toBe("");
      for (const words of [ARCHIVE, ...says]) expect(failure?.error).toContain(words);
      expect(countChanges(events)).toBe(0);
      expect(findOutsiders(events)).toEqual([]);
      expect(shapeOf(root)).toEqual(before);
      // Without it the trace would prove nothing.
      expect(events.filter((event) => event.kind === "directory" && isStaging(event.path))).not.toBeEmpty();
    },
  );
});

test("after all of them the good release installs on the same host", async () => {
  expect(await enable()).toMatchObject({ exitCode: 0 });
  expect(readlinkSync(join(root, "usr/local/bin/teleport"))).toBe(`${NAMESPACE}/versions/${NEW}/bin/teleport`);
  expect(brokenPromises(root)).toEqual([]);
  expect(readdirSync(join(root, NAMESPACE)).filter((name) => name.startsWith(".staging"))).toEqual([]);
});

interface Ended {
  exitCode: number;
  failure: { error: string; code: string; hint: string } | undefined;
}

async function enableOffering(archive: Buffer): Promise<Ended & { events: Event[] }> {
  const digest = new Bun.CryptoHasher("sha256").update(archive).digest("hex");
  server.respond(ARCHIVE, () => new Response(archive));
  server.respond(`${ARCHIVE}.sha256`, () => new Response(digest));
  const ended = await enable(join(scratch, "traced"));
  for (const path of [ARCHIVE, `${ARCHIVE}.sha256`]) server.respond(path, undefined);
  return { ...ended, events: readTrace(readFileSync(join(scratch, "trace"), "utf8")).map(ofHost) };
}

/** Runs our own program over the tree, or another that runs it. */
async function enable(updater = program): Promise<Ended> {
  const child = Bun.spawn(
    [
      updater,
      ...["--root", root, "--log-format", "json", "enable", "--debug"],
      ...["--proxy", server.address, "--base-url", server.baseUrl, "--ca-file", join(root, "etc/ca.pem")],
    ],
    { stdin: "ignore", stdout: "ignore", stderr: "pipe", env: {} },
  );
  const lines = (await new Response(child.stderr).text()).trim().split("\n");
  const failure = lines.map((line) => JSON.parse(line)).find(({ message }) => message === "command failed");
  return { exitCode: await child.exited, failure };
}

function ofHost(event: Event): Event {
  if (event.kind === "said") return event;
  const strip = (path: string) => (`${path}/`.startsWith(`${root}/`) ? path.slice(root.length) || "/" : path);
  const path = strip(event.path);
  return event.kind === "rename" ? { ...event, path, from: strip(event.from) } : { ...event, path };
}
