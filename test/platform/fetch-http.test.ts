import { expect, test } from "bun:test";
import { createServer } from "node:net";
import { openHttp } from "../../src/platform/fetch-http.ts";
import { keepsPromisesOfHttp } from "./http-promises.ts";

keepsPromisesOfHttp({
  open: openHttp,
  refused: "connection refused",
  asksTwiceFor: ["", "user:p%40ss@"],
  obeysVariables: true,
});

test.each([
  [429, "120", 120_000, ", try again after 120 s"],
  [503, "7", 7000, ", try again after 7 s"],
  [503, undefined, 0, ""],
  [403, "7", undefined, ""],
])("a CONNECT proxy that answers %d with Retry-After %p is asked again then", async (status, after, ms, words) => {
  const wait = after === undefined ? "" : `Retry-After: ${after}\r\n`;
  await using proxy = await startAnswering(`HTTP/1.1 ${status} No\r\n${wait}Content-Length: 0\r\n\r\n`);
  const proxies = { httpsProxy: proxy.address, httpProxy: "", noProxy: "" };
  const http = openHttp({ trust: () => ({ pem: "", files: [] }), insecure: false, proxies });
  const error = await http.get("https://cluster.test/").then(
    () => expect.unreachable(),
    (reason) => reason,
  );
  expect(error).toMatchObject({ code: "E_CONNECT_PROXY", retryAfterMs: ms });
  expect(error.message).toEndWith(`the proxy refused to open a tunnel (status ${status})${words}`);
});

/** Gives every connection this answer. */
async function startAnswering(answer: string) {
  const server = createServer((socket) => socket.on("error", () => {}).once("data", () => socket.end(answer)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const at = server.address();
  if (at === null || typeof at === "string") throw new Error("the server has no port");
  return {
    address: `127.0.0.1:${at.port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
