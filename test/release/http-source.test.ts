import { describe, expect, test } from "bun:test";
import type { UpdateError } from "../../src/platform/errors.ts";
import type { Http, HttpOptions } from "../../src/platform/http.ts";
import { httpSource } from "../../src/release/http-source.ts";
import { quickClock } from "../support/quick-clock.ts";
import { serve, testWorld } from "./archive.ts";

const NAME = "a.tar.gz.sha256";

describe("a small file", () => {
  test("comes with the time of its last change", async () => {
    const modified = "Sun, 22 Nov 2026 15:00:00 GMT";
    await using server = serve(() => new Response("text", { headers: { "last-modified": modified } }));
    const place = source(server.url);
    expect(await place.readText(NAME, 4)).toEqual({ text: "text", modified: new Date(modified), giver: place });
  });

  test.each([undefined, "yesterday"])("with the time %p has none", async (modified) => {
    await using server = serve(
      () => new Response("x", modified === undefined ? {} : { headers: { "last-modified": modified } }),
    );
    expect((await source(server.url).readText(NAME, 4))?.modified).toBeUndefined();
  });

  test("is looked for below the base URL", async () => {
    const paths: string[] = [];
    await using server = serve(({ url }) => {
      paths.push(new URL(url).pathname);
      return new Response("");
    });
    for (const base of ["", "/", "/a/b", "/a/b/"]) await source(server.url + base).readText(NAME, 4);
    expect(paths).toEqual([`/${NAME}`, `/${NAME}`, `/a/b/${NAME}`, `/a/b/${NAME}`]);
    expect(source(`${server.url}/a/b/`).locate(NAME)).toBe(`${server.url}/a/b/${NAME}`);
  });

  test("is not there, at once", async () => {
    const clock = quickClock();
    await using server = serve(() => new Response("no", { status: 404 }));
    expect(await source(server.url, clock).readText(NAME, 4)).toBeUndefined();
    expect(clock.pauses).toEqual([]);
  });

  test.each([206, 401, 403, 500, 503])("[threat status-means] is no answer of the status %d", async (status) => {
    await using server = serve(() => new Response("text", { status }));
    await expect(source(server.url).readText(NAME, 4)).rejects.toMatchObject({
      code: "E_DOWNLOAD",
      message: expect.stringContaining(`\`${server.url}/${NAME}\`: the server answered HTTP ${status}`),
    });
  });

  test("[threat answer-limits] is not read beyond its limit", async () => {
    await using server = serve(() => new Response("x".repeat(5)));
    await expect(source(server.url).readText(NAME, 4)).rejects.toMatchObject({
      code: "E_DOWNLOAD",
      message: `\`${server.url}/${NAME}\` is larger than 4 bytes, and no such file is`,
    });
  });

  test("[threat stalls] may take 30 s, for the whole request", async () => {
    const asked: (HttpOptions | undefined)[] = [];
    const http: Http = {
      get(_url, options) {
        asked.push(options);
        return Promise.reject(new Error("enough"));
      },
    };
    await expect(httpSource({ ...testWorld(), http }, "https://mirror.test").readText(NAME, 4)).rejects.toThrow(
      "enough",
    );
    expect(asked).toMatchObject([{ timeoutMs: 30_000 }]);
  });
});

describe("a server that is overloaded", () => {
  test.each([408, 429, 500, 502, 503, 504])("with the status %d is asked again", async (status) => {
    const clock = quickClock();
    let asked = 0;
    await using server = serve(() => (asked++ < 3 ? new Response("no", { status }) : new Response("text")));
    expect(await source(server.url, clock).readText(NAME, 4)).toMatchObject({ text: "text" });
    expect(clock.pauses).toEqual([500, 1000, 2000]);
  });

  test("is asked four times, each a line of the log, for the archive too", async () => {
    let asked = 0;
    await using server = serve(() => {
      asked += 1;
      return new Response("no", { status: 503 });
    });
    const world = testWorld();
    await expect(httpSource(world, server.url).open(NAME)).rejects.toMatchObject({ code: "E_DOWNLOAD" });
    expect(asked).toBe(4);
    expect(world.lines.map((line) => /"what":"([^"]*)","try":(\d)/.exec(line)?.slice(1))).toEqual(
      ["2", "3", "4"].map((number) => [`${server.url}/${NAME}`, number]),
    );
  });

  test.each([
    ["2", 2000],
    [new Date(Date.now() + 20_000).toUTCString(), 20_000],
  ])("is given the time that it asks for: %s", async (retryAfter, milliseconds) => {
    const clock = quickClock();
    let asked = 0;
    const busy = () => new Response("no", { status: 429, headers: { "retry-after": retryAfter } });
    await using server = serve(() => (asked++ === 0 ? busy() : new Response("text")));
    await source(server.url, clock).readText(NAME, 4);
    const [pause = 0] = clock.pauses;
    // A date has no parts of a second.
    expect(pause - milliseconds).toBeWithin(-2000, 501);
    expect(pause).toBeGreaterThan(milliseconds / 2);
  });

  test("is not waited for when it asks for more than a minute", async () => {
    const clock = quickClock();
    await using server = serve(() => new Response("no", { status: 429, headers: { "retry-after": "120" } }));
    await expect(source(server.url, clock).readText(NAME, 4)).rejects.toMatchObject({ retryAfterMs: 120_000 });
    expect(clock.pauses).toEqual([]);
  });
});

test("what is shown to a place goes along with each request", async () => {
  const seen: (string | null)[] = [];
  await using server = serve(({ headers }) => {
    seen.push(headers.get("authorization"));
    return new Response("text");
  });
  const shown = { headers: { Authorization: "Bearer word" } };
  const place = httpSource(testWorld(), server.url, shown);
  await place.readText(NAME, 4);
  await (await place.open(NAME, { received: 2, length: 4 })).discard();
  expect(seen).toEqual(["Bearer word", "Bearer word"]);
});

test("a password in the address is in no message", async () => {
  await using server = serve(() => new Response("no", { status: 503 }));
  const world = testWorld();
  const place = httpSource(world, server.url.replace("//", "//user:secret@"));
  for (const asked of [place.open(NAME), place.readText(NAME, 4)]) {
    const error: UpdateError = await asked.then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(`${error.message} ${error.hint} ${place.locate(NAME)} ${world.lines}`).not.toContain("secret");
  }
});

function source(url: string, clock = quickClock()) {
  return httpSource({ ...testWorld(), clock }, url);
}
