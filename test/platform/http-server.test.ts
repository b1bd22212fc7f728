import { expect, test } from "bun:test";
import { openSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerSettings, startHttpServer } from "../../src/platform/http-server.ts";

const settings = (more: Partial<ServerSettings> = {}): ServerSettings => ({
  ...{ host: "127.0.0.1", port: 0, capacity: 10, idleSeconds: 60 },
  answer: () => ({ status: 200, headers: {}, body: "here" }),
  ...more,
});

test("an address that is taken, or is not of this machine, is named", async () => {
  const server = startHttpServer(settings());
  const port = Number(new URL(server.url).port);
  const failure = (reason: string) =>
    expect.objectContaining({ code: "E_SERVE", message: expect.stringContaining(reason) });
  expect(() => startHttpServer(settings({ port }))).toThrow(failure(`port ${port} of \`127.0.0.1\`: another program`));
  expect(() => startHttpServer(settings({ host: "192.0.2.1" }))).toThrow(failure("`192.0.2.1`"));
  expect(await server.stop(1000)).toBe(true);
});

test("IPv6 has brackets in its URL", async () => {
  const server = startHttpServer(settings({ host: "::1" }));
  expect(server.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  expect(await (await fetch(server.url)).text()).toBe("here");
  await server.stop(0);
});

test("what an answer throws is told to nobody", async () => {
  const server = startHttpServer(
    settings({
      answer() {
        throw new Error("secret");
      },
    }),
  );
  const response = await fetch(server.url);
  expect([response.status, await response.text()]).toEqual([500, "internal error\n"]);
  await server.stop(0);
});

test("a client that says nothing, and one that does not read, are cut", async () => {
  const path = join(tmpdir(), `idle-${process.pid}`);
  await Bun.write(path, new Uint8Array(64 << 20));
  const answer = () => {
    const descriptor = openSync(path, "r");
    return { status: 200, headers: {}, body: { descriptor, start: 0, end: 64 << 20 } };
  };
  const server = startHttpServer(settings({ idleSeconds: 1, answer }));
  const port = Number(new URL(server.url).port);
  const [silent, deaf] = [client(port, ""), client(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")];
  silent.read();
  expect(await silent.received).toBe(0);
  // By then this one was silent for as long; what was cut shows as soon as it reads.
  deaf.read();
  expect(await deaf.received).toBeLessThan(64 << 20);
  await Bun.file(path).delete();
  await server.stop(0);
}, 60_000);

test("stopping waits for what runs, and cuts what takes too long", async () => {
  for (const [graceMs, isWhole] of [
    [10_000, true],
    [50, false],
  ] as const) {
    const path = join(tmpdir(), `stop-${process.pid}`);
    await Bun.write(path, new Uint8Array(64 << 20));
    const answer = () => ({
      ...{ status: 200, headers: {} },
      body: { descriptor: openSync(path, "r"), start: 0, end: 64 << 20 },
    });
    const server = startHttpServer(settings({ answer }));
    const response = await fetch(server.url);
    const stopping = server.stop(graceMs);
    if (isWhole) expect((await response.bytes()).length).toBe(64 << 20);
    expect(await stopping).toBe(isWhole);
    if (!isWhole) await expect(response.bytes()).rejects.toThrow();
    await expect(fetch(server.url)).rejects.toThrow();
    await Bun.file(path).delete();
  }
});

/** A client that begins to read when it is told to; `received` are the bytes that came until the server hung up. */
function client(port: number, request: string): { read(): void; received: Promise<number> } {
  let count = 0;
  const socket = connect(port, "127.0.0.1", () => socket.write(request)).pause();
  socket.on("data", (chunk) => {
    count += chunk.length;
  });
  const received = new Promise<number>((resolve) => {
    socket.on("error", () => {}).on("close", () => resolve(count));
  });
  return { read: () => socket.resume(), received };
}
