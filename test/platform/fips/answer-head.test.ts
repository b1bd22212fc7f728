import { expect, test } from "bun:test";
import fc from "fast-check";
import { readHead } from "../../../src/platform/fips/answer-head.ts";

const read = (text: string) => readHead(Buffer.from(text, "latin1"));

test("status, headers, and what comes behind", () => {
  const head = read('HTTP/1.1 206 Partial Content\r\nETag: "x"\r\nX-A:1\r\nx-a: 2\r\nEmpty:\r\n\r\nbo\r\n\r\ndy');
  expect(head?.status).toBe(206);
  expect(Object.fromEntries(head?.headers ?? [])).toEqual({ etag: '"x"', "x-a": "1, 2", empty: "" });
  expect(head?.rest.toString()).toBe("bo\r\n\r\ndy");
});

test("it may come in parts", () => {
  const text = "HTTP/1.1 200\r\nA: b\r\n\r\n";
  for (let length = 0; length < text.length; length += 1) expect(read(text.slice(0, length))).toBeUndefined();
  expect(read(text)?.status).toBe(200);
});

test("heads that announce another are passed over", () => {
  const first = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
  expect(read(first)).toBeUndefined();
  const head = read(`${first}HTTP/1.1 200 OK\r\nA: b\r\n\r\n`);
  expect([head?.status, head?.headers.has("link")]).toEqual([200, false]);
});

test.each([
  ["no HTTP", "hello\r\n\r\n", "Malformed_HTTP_Response"],
  ["another HTTP", "HTTP/2 200\r\n\r\n", "Malformed_HTTP_Response"],
  ["a status of its own", "HTTP/1.1 999 X\r\n\r\n", "Malformed_HTTP_Response"],
  ["a line that is no header", "HTTP/1.1 200 OK\r\nhello\r\n\r\n", "Malformed_HTTP_Response"],
  ["a folded line", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "Malformed_HTTP_Response"],
  ["a control character", "HTTP/1.1 200 OK\r\nA: \u001b[2J\r\n\r\n", "Malformed_HTTP_Response"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "InvalidContentLength"],
  ["a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "InvalidContentLength"],
  ["another protocol", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "UnrequestedUpgrade"],
  ["no end", `HTTP/1.1 200 OK\r\nA: ${"b".repeat(300_000)}`, "ResponseHeadersTooLarge"],
])("%s is refused", (_, text, code) => {
  expect(() => read(text)).toThrow(expect.objectContaining({ code }));
});

test("whatever comes, it is a head, no head yet, or refused by a known code", () => {
  const line = fc.string({ unit: "binary", maxLength: 40 });
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      try {
        const head = read(`HTTP/1.1 200 OK\r\n${lines.join("\r\n")}\r\n\r\n`);
        expect(head?.status).toBe(200);
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^(Malformed_HTTP_Response|UnrequestedUpgrade)$/) });
      }
    }),
  );
});
