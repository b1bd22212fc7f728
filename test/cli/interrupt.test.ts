import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startProxyAndCdn } from "../support/proxy-and-cdn.ts";

const PROGRAM = join(import.meta.dir, "../../src/bin/teleport-update.ts");

test.each(["SIGINT", "SIGTERM"] as const)("%s ends a command that waits for the proxy with 1", async (signal) => {
  const root = mkdtempSync(join(tmpdir(), "interrupt-"));
  await using server = await startProxyAndCdn();
  const asked = Promise.withResolvers<void>();
  server.respond("/webapi/find", () => {
    asked.resolve();
    return new Promise(() => {});
  });
  try {
    write(join(root, "/etc/site.pem"), server.ca);
    write(
      join(root, "/opt/teleport/default/updater.yaml"),
      "kind: updater_options\nversion: v1\nca_file: /etc/site.pem\n",
    );
    write(join(root, "/opt/teleport/default/update.yaml"), configFor(server.address));
    const child = Bun.spawn([process.execPath, PROGRAM, "--log-format=json", "status", "--root", root], {
      env: {},
      stdio: ["ignore", "pipe", "pipe"],
    });
    await Promise.race([asked.promise, child.exited]);
    child.kill(signal);
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    expect({ exitCode: await child.exited, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(JSON.parse(stderr.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({
      message: "command failed",
      code: "E_CANCELED",
    });
  } finally {
    rmSync(root, { recursive: true });
  }
});

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

function configFor(proxy: string): string {
  return `version: v1
kind: update_config
spec:
    proxy: ${proxy}
    path: /usr/local/bin
    enabled: true
    pinned: false
status:
    active:
        version: 18.1.0
`;
}
