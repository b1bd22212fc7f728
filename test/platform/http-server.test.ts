import { expect, test } from "bun:test";
import { existsSync, openSync, readdirSync, readFileSync, readlinkSync, truncateSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerAnswer, type ServerSettings, startHttpServer } from "../../src/platform/http-server.ts";
import { makeAuthority } from "../support/certificates.ts";
import { must } from "../support/must.ts";

const settings = (more: Partial<ServerSettings> = {}): ServerSettings => ({
  ...{ host: "127.0.0.1", port: 0, idleSeconds: 60 },
  ...{ answers: { all: 10, each: 10 }, connections: { all: 10, each: 10 } },
  answer: () => ({ status: 200, headers: {}, body: "here" }),
  ...more,
});

test("an address that is taken, or is not of this machine, is named", async () => {
  const server = await startHttpServer(settings());
  const port = Number(new URL(server.url).port);
  const failure = (reason: string) =>
    expect.objectContaining({ code: "E_SERVE", message: expect.stringContaining(reason) });
  await expect(startHttpServer(settings({ port }))).rejects.toThrow(
    failure(`port ${port} of \`127.0.0.1\`: another program`),
  );
  await expect(startHttpServer(settings({ host: "192.0.2.1" }))).rejects.toThrow(failure("`192.0.2.1`"));
  expect(await server.stop(1000)).toBe(true);
});

test("IPv6 has brackets in its URL", async () => {
  const server = await startHttpServer(settings({ host: "::1" }));
  expect(server.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  expect(await (await fetch(server.url)).text()).toBe("here");
  await server.stop(0);
});

test("what an answer throws is told to nobody", async () => {
  const server = await startHttpServer(
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

test("[threat serve-limits] a client that says nothing, and one that does not read, are cut", async () => {
  const path = join(tmpdir(), `idle-${process.pid}`);
  await Bun.write(path, new Uint8Array(64 << 20));
  const answer = () => {
    const descriptor = openSync(path, "r");
    return { status: 200, headers: {}, body: { descriptor, start: 0, end: 64 << 20 } };
  };
  const server = await startHttpServer(settings({ idleSeconds: 1, answer }));
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

test("[threat serve-limits] a client may have a share of the answers and of the connections, and no more", async () => {
  const each = 2;
  const answers: boolean[] = [];
  const answer = ({ isOneTooMany }: { isOneTooMany: boolean }) => {
    answers.push(isOneTooMany);
    return whole(file);
  };
  const file = join(tmpdir(), `share-${process.pid}`);
  await Bun.write(file, new Uint8Array(16 << 20));
  const server = await startHttpServer(
    settings({ answers: { all: 10, each }, connections: { all: 10, each: each + 1 }, answer }),
  );
  const port = Number(new URL(server.url).port);
  const held = Array.from({ length: each + 1 }, () => client(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  const from = (address: string) => must(["curl", "-sS", "--interface", address, "-o", "/dev/null", server.url]);
  while (answers.length < held.length) await Bun.sleep(1);
  expect(answers).toEqual([false, false, true]);
  // This one gets no connection any more; another client all that it wants.
  await expect(from("127.0.0.1")).rejects.toThrow(/reset|Empty reply/);
  await from("127.0.0.2");
  expect(answers.slice(held.length)).toEqual([false]);
  for (const { read } of held) read();
  await server.stop(0);
  await Bun.file(file).delete();
});

test.each(["http", "https"])("%s: who leaves makes room, also in the middle of an answer", async (scheme) => {
  const file = join(tmpdir(), `room-${process.pid}`);
  await Bun.write(file, new Uint8Array(16 << 20));
  const { cert, key } = await (await makeAuthority()).issue();
  const one = { all: 2, each: 2 };
  const tls = scheme === "https" ? { tls: { cert, key } } : {};
  const server = await startHttpServer(settings({ ...tls, answers: one, connections: one, answer: () => whole(file) }));
  for (let at = 0; at < 20; at += 1) {
    const limit = at % 2 === 0 ? ["--max-filesize", "1"] : [];
    const asked = must(["curl", "-sSk", ...limit, "-w", "%{http_code}", "-o", "/dev/null", server.url]);
    if (at % 2 === 0) await expect(asked).rejects.toThrow("Maximum file size exceeded");
    else expect(await asked).toBe("200");
  }
  expect(await server.stop(60_000)).toBe(true);
  expect(descriptorsOf(file)).toEqual([]);
  await Bun.file(file).delete();
});

test("[threat serve-limits] what all answers send in a turn of the loop is little, so that who comes then is heard", async () => {
  const file = join(tmpdir(), `turns-${process.pid}`);
  await Bun.write(file, new Uint8Array(8 << 20));
  const { cert, key } = await (await makeAuthority()).issue();
  const readerCount = 48;
  const limits = { all: readerCount, each: readerCount };
  const server = await startHttpServer(
    settings({ tls: { cert, key }, answers: limits, connections: limits, answer: () => whole(file) }),
  );
  const readers = Array.from({ length: readerCount }, () => must(["curl", "-sSk", "-o", "/dev/null", server.url]));
  let isDone = false;
  const done = Promise.all(readers).finally(() => {
    isDone = true;
  });
  const read = () => Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/self/task/${process.pid}/io`, "utf8"))?.[1]);
  const [turns, first] = [[] as number[], read()];
  for (let last = first; !isDone; last = first + turns.reduce((sum, bytes) => sum + bytes, 0)) {
    await new Promise((resolve) => setImmediate(resolve));
    turns.push(read() - last);
  }
  await done;
  // A few of our turns fit between two looks, and all else that is read counts, too: without turns it is 3 MiB.
  expect(Math.max(...turns)).toBeLessThan(1 << 20);
  await server.stop(0);
  await Bun.file(file).delete();
}, 60_000);

test.each([
  ["of a length", "Content-Length: 99999999"],
  ["in chunks", "Transfer-Encoding: chunked"],
])("[threat serve-limits] a body %s is refused, and who sends it is cut", async (_, header) => {
  let isAsked = false;
  const server = await startHttpServer(
    settings({
      answer() {
        isAsked = true;
        return { status: 200, headers: {}, body: "here" };
      },
    }),
  );
  const port = Number(new URL(server.url).port);
  const { read, received, said } = client(port, `GET / HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`);
  read();
  await received;
  expect([said().slice(0, 12), isAsked]).toEqual(["HTTP/1.1 413", false]);
  await server.stop(0);
});

test("a file that becomes shorter in the middle is cut, and is not taken for whole", async () => {
  const file = join(tmpdir(), `shorter-${process.pid}`);
  await Bun.write(file, new Uint8Array(64 << 20));
  const server = await startHttpServer(settings({ answer: () => whole(file) }));
  const response = await fetch(server.url);
  expect(response.headers.get("content-length")).toBe(String(64 << 20));
  truncateSync(file, 1);
  await expect(response.bytes()).rejects.toThrow();
  await server.stop(0);
  await Bun.file(file).delete();
});

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
    const server = await startHttpServer(settings({ answer }));
    const response = await fetch(server.url);
    const stopping = server.stop(graceMs);
    if (isWhole) expect((await response.bytes()).length).toBe(64 << 20);
    expect(await stopping).toBe(isWhole);
    if (!isWhole) await expect(response.bytes()).rejects.toThrow();
    await expect(fetch(server.url)).rejects.toThrow();
    await Bun.file(path).delete();
  }
});

/** Those of this process that stand for the file at this path. */
function descriptorsOf(path: string): string[] {
  const isOfFile = (descriptor: string) => {
    const name = `/proc/self/fd/${descriptor}`;
    // The one that lists them is gone by now.
    return existsSync(name) && readlinkSync(name) === path;
  };
  return readdirSync("/proc/self/fd").filter(isOfFile);
}

/** The whole file at this path, which has its full length still. */
function whole(path: string): ServerAnswer {
  return { status: 200, headers: {}, body: { descriptor: openSync(path, "r"), start: 0, end: Bun.file(path).size } };
}

/** A client that begins to read when it is told to; `received` are the bytes that came until the server hung up. */
function client(port: number, request: string): { read(): void; received: Promise<number>; said(): string } {
  let count = 0;
  let begin = "";
  const socket = connect(port, "127.0.0.1", () => socket.write(request)).pause();
  socket.on("data", (chunk) => {
    count += chunk.length;
    if (begin === "") begin = chunk.toString("latin1");
  });
  const received = new Promise<number>((resolve) => {
    socket.on("error", () => {}).on("close", () => resolve(count));
  });
  return { read: () => socket.resume(), received, said: () => begin };
}
