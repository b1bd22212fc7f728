import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getFromSocket as curlFromSocket } from "../../src/platform/fips/socket-get.ts";
import { hostFiles } from "../../src/platform/host-files.ts";
import { getFromSocket, type SocketGet } from "../../src/platform/socket-get.ts";
import { hostSockets } from "../../src/platform/socket-http.ts";
import { must } from "../support/must.ts";

const PATH = "/debug.sock";
const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

let root: string;
let server: Server | undefined;
const connections = new Set<Socket>();
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "socket-"));
});
afterEach(() => {
  for (const connection of connections) connection.destroy();
  connections.clear();
  server?.close();
  server = undefined;
  rmSync(root, { recursive: true });
});

/** A service that answers each connection as `answer` says, and knows no HTTP beyond that. */
async function listen(answer: (connection: Socket) => void, name = "debug.sock"): Promise<void> {
  const listening = createServer((connection) => {
    connections.add(connection);
    connection.on("error", () => {});
    connection.once("data", () => answer(connection));
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(join(root, name), resolve));
}

const signal = new AbortController().signal;
const ask = (get: SocketGet, timeoutMs = 300) =>
  hostSockets(hostFiles(root), get).get(PATH, "/readyz", { timeoutMs, signal });
const refusal = (get: SocketGet = getFromSocket) =>
  ask(get).then(
    () => expect.unreachable(),
    (failure) => failure,
  );

/** Writes `text` again and again, as fast as it is taken or with a pause. */
function forever(text: string, pauseMs = 0): (connection: Socket) => void {
  return (connection) => {
    const next = () => {
      if (!connection.destroyed) connection.write(text, () => setTimeout(next, pauseMs));
    };
    connection.write(HEAD);
    next();
  };
}

describe.each<[who: string, get: SocketGet]>([
  ["the runtime", getFromSocket],
  ["curl", curlFromSocket],
])("by %s", (_, get) => {
  test("an answer comes back with its status", async () => {
    await listen((connection) => connection.end(`${HEAD}Content-Length: 2\r\n\r\n{}`));
    expect(await ask(get, 5000)).toEqual({ status: 200, text: "{}" });
  });

  test.each<[service: string, answer: (connection: Socket) => void]>([
    ["says nothing", () => {}],
    ["never ends its head", forever("X-Header: more\r\n", 20)],
    ["never ends its body", forever("\r\n{", 20)],
    ["hangs up", (connection) => connection.destroy()],
    ["speaks something else", (connection) => connection.end("SSH-2.0-OpenSSH_9.2\r\n")],
  ])("[threat plantable-files] a service that %s holds nobody up", async (_, answer) => {
    await listen(answer);
    const begin = performance.now();
    expect(await refusal(get)).toMatchObject({ code: "E_SOCKET", message: expect.stringContaining(PATH) });
    expect(performance.now() - begin).toBeLessThan(4000);
  });

  test("[threat plantable-files] a service that sends without end is not listened to for long", async () => {
    await listen(forever(`\r\n${"x".repeat(1 << 16)}`));
    await expect(ask(get, 20_000)).rejects.toMatchObject({
      code: "E_SOCKET",
      message: expect.stringContaining("larger than 65536 bytes"),
    });
  });
});

test.each<[kind: string, plant: (path: string) => unknown]>([
  ["a fifo", (path) => must(["mkfifo", path])],
  ["a file", (path) => writeFileSync(path, "")],
  ["nothing", () => {}],
])("[threat plantable-files] where %s lies, there is no answer", async (_, plant) => {
  await plant(join(root, PATH));
  expect(await refusal()).toMatchObject({ code: "E_SOCKET" });
});

test.each<[kind: string, plant: (folder: string) => unknown]>([
  ["a file", (folder) => writeFileSync(folder, "")],
  ["a link in a circle", (folder) => symlinkSync("bot", folder)],
])("[threat plantable-files] %s in place of its folder is no answer, and no other failure", async (_, plant) => {
  plant(join(root, "bot"));
  const asked = hostSockets(hostFiles(root)).get("/bot/debug.sock", "/readyz", { timeoutMs: 300, signal });
  await expect(asked).rejects.toMatchObject({ code: "E_SOCKET" });
});

test("[threat plantable-files] a link to the socket of another service asks nobody", async () => {
  let asked = 0;
  await listen((connection) => {
    asked += 1;
    connection.end(`${HEAD}Content-Length: 2\r\n\r\n{}`);
  }, "other.sock");
  symlinkSync("other.sock", join(root, PATH));
  expect(await refusal()).toMatchObject({ code: "E_SOCKET" });
  expect(asked).toBe(0);
});
