import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openWorld, readNamespace } from "../../src/cli/context.ts";
import { GLOBAL_FLAGS } from "../../src/cli/flags.ts";
import type { CommandInput } from "../../src/cli/program.ts";
import { resolveValues } from "../../src/cli/values.ts";
import { type ProxyAndCdn, startProxyAndCdn } from "../support/proxy-and-cdn.ts";
import { recordingLog } from "../support/recording-log.ts";

let root = "";
let server: ProxyAndCdn;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "context-test-"));
  server = await startProxyAndCdn();
  write("/etc/site.pem", server.ca);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

function write(path: string, content: string): void {
  mkdirSync(dirname(root + path), { recursive: true });
  writeFileSync(root + path, content);
}

function inputWith(suffix: string, insecure = false): CommandInput {
  const written = [
    { name: "install-suffix", value: suffix },
    { name: "insecure", value: insecure },
  ];
  const resolved = resolveValues(GLOBAL_FLAGS, written, {});
  return { ...resolved, environment: {}, hostRoot: root, log: recordingLog() };
}

/** The status of one request, or the code of its failure. */
async function ask(suffix: string, caFile?: string): Promise<unknown> {
  const input = inputWith(suffix);
  const world = openWorld(input, { namespace: readNamespace(input), ...(caFile === undefined ? {} : { caFile }) });
  const answer = world.http.get(`${server.baseUrl}/webapi/find`, { timeoutMs: 10_000 });
  return answer.then(
    async ({ status, discard }) => {
      await discard();
      return status;
    },
    (error) => error.code,
  );
}

test("the authorities of this machine are trusted, under `--root` too, and no others", async () => {
  write("/etc/ssl/certs/ca-certificates.crt", server.ca);
  expect(await ask("none")).toBe("E_TLS");
});

test("the file of `--ca-file` is trusted, as a path of this machine", async () => {
  symlinkSync("site.pem", join(root, "etc/linked.pem"));
  expect(await ask("flag", join(root, "etc/site.pem"))).toBe(200);
  expect(await ask("flag", join(root, "etc/linked.pem"))).toBe(200);
  expect(await ask("flag", "/etc/site.pem")).toBe("E_TRUST_STORE");
});

test("the file in the namespace's options is trusted when no other is named", async () => {
  write("/opt/teleport/kept/updater.yaml", "kind: updater_options\nversion: v1\nca_file: /etc/site.pem\n");
  expect(await ask("kept")).toBe(200);
  expect(await ask("kept", "/etc/missing.pem")).toBe("E_TRUST_STORE");
  expect(await ask("kept", "default")).toBe("E_TLS");
});

test("a run that checks no certificates says so, once", async () => {
  const log = recordingLog();
  const input = { ...inputWith("any", true), log };
  const { http } = openWorld(input, { namespace: readNamespace(input) });
  for (const _ of [1, 2]) await (await http.get(`${server.baseUrl}/webapi/find`)).discard();
  expect(log.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
    "warn Certificates are not checked in this run: whoever answers is believed.",
  ]);
});

test("files are those under the root", () => {
  const input = inputWith("any");
  const { files, program } = openWorld(input, { namespace: readNamespace(input) });
  expect(files.readText("/etc/site.pem", 1 << 20)).toBe(server.ca);
  expect(program).toBeUndefined();
});
