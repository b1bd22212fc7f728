import { describe, expect, test } from "bun:test";
import type { UpdateError } from "../../src/platform/errors.ts";
import { failOver } from "../../src/release/fail-over.ts";
import { httpSource } from "../../src/release/http-source.ts";
import { type CutAnswer, type CutRequest, partOf, startCutServer } from "../support/cut-server.ts";
import { quickClock } from "../support/quick-clock.ts";
import { sha256Of, testWorld } from "./archive.ts";

const FILE = new Uint8Array(300_000).map((_, index) => (index * 2654435761) >>> 24);
const NAME = "a.tar.gz";

type Answer = (request: CutRequest) => CutAnswer | undefined;
const good: Answer = (request) => partOf(FILE, request);
const busy: Answer = () => ({ status: 503 });
const missing: Answer = () => ({ status: 404 });
const dead: Answer = () => undefined;

describe("a small file", () => {
  const text: Answer = () => ({ body: Buffer.from("text") });
  test.each<[title: string, answers: Answer[], asked: number[]]>([
    ["is asked of the first", [text, text], [1, 0]],
    ["is asked of the next that does not fail", [busy, dead, text, text], [4, 4, 1, 0]],
    ["is asked of the next that has it", [missing, text], [1, 1]],
    ["may be forbidden at one", [() => ({ status: 403 }), text], [1, 1]],
  ])("%s", async (_, answers, asked) => {
    await using places = await mirrors(answers);
    expect(await places.source.readText(NAME, 10)).toMatchObject({ text: "text" });
    expect(places.asked()).toEqual(asked);
  });

  test("is missing when every place says so, and only then", async () => {
    await using without = await mirrors([missing, missing]);
    expect(await without.source.readText(NAME, 10)).toBeUndefined();
    await using unknown = await mirrors([missing, busy]);
    await expect(unknown.source.readText(NAME, 10)).rejects.toMatchObject({ code: "E_DOWNLOAD" });
  });

  test("a place that failed comes last from then on, and the others keep their order", async () => {
    await using places = await mirrors([busy, text, text]);
    for (let time = 0; time < 3; time += 1) await places.source.readText(NAME, 10);
    expect(places.asked()).toEqual([4, 3, 0]);
    expect(places.source.locate(NAME)).toBe(`${places.urls[1]}/${NAME}`);
    expect(places.lines).toContainEqual(
      expect.stringContaining(`warn This place of releases fails, the next one is asked. {"url":"${places.urls[0]}/`),
    );
  });
});

describe("an archive", () => {
  test.each<[title: string, answers: Answer[], asked: number[]]>([
    ["comes from the first alone", [good, good], [1, 0]],
    ["comes from the next when the first is dead", [dead, good], [4, 1]],
    ["comes from the next when the first does not have it", [missing, good], [1, 1]],
    ["goes on at the next when the first is cut and stays dead", [once(good, dead), good], [8, 1]],
    ["goes on at the next when it is gone from the first", [once(good, missing), good], [2, 1]],
    ["goes on at the next when the first has another file now", [once(good, () => ({ status: 416 })), good], [2, 1]],
    ["goes on at a place that knows no parts", [once(good, missing), () => ({ body: FILE })], [2, 1]],
    ["goes on twice", [once(good, missing), once(good, missing), good], [2, 2, 1]],
    [
      "goes on past a place that has another file",
      [once(good, missing), () => ({ body: FILE.subarray(1) }), good],
      [2, 1, 1],
    ],
  ])("%s", async (_, answers, asked) => {
    await using places = await mirrors(answers);
    const { bytes, archive } = await places.download();
    expect([sha256Of(bytes), archive.length, places.asked()]).toEqual([sha256Of(FILE), FILE.length, asked]);
    expect(archive.isPieced).toBe(answers.length > 1 && bytes.length === FILE.length && places.isJoined());
  });

  test("each place is asked for it once, so that the end comes", async () => {
    await using places = await mirrors([once(good, missing), once(good, missing)]);
    const error = await failureOf(places.download());
    expect([error.code, places.asked()]).toEqual(["E_DOWNLOAD", [2, 2]]);
    for (const url of places.urls) expect(error.message).toContain(url);
  });

  test("that changed at one place and is missing at the others has changed", async () => {
    await using places = await mirrors([once(good, () => ({ status: 416 })), missing]);
    expect((await failureOf(places.download())).code).toBe("E_CHANGED");
  });

  test("an interrupt ends the search", async () => {
    const interrupt = new AbortController();
    await using places = await mirrors([busy, good], interrupt.signal);
    interrupt.abort();
    expect([(await failureOf(places.download())).code, places.asked()]).toEqual(["E_CANCELED", [0, 0]]);
  });

  test("one place alone speaks for itself", async () => {
    await using places = await mirrors([missing]);
    expect((await failureOf(places.download())).message).toBe(
      `release not found: \`${places.urls[0]}/${NAME}\` (HTTP 404)`,
    );
  });
});

test("no password of a place is shown", async () => {
  const world = testWorld();
  const source = failOver(
    ["http://user:secret@127.0.0.1:1", "http://user:secret@127.0.0.1:2"].map((url) => httpSource(world, url)),
    world.log,
  );
  const error = await failureOf(source.open(NAME));
  expect(`${error.message} ${error.hint} ${world.lines} ${source.locate(NAME)}`).not.toContain("secret");
});

/** The first answer, cut in the middle, and `others` from then on. */
function once(first: Answer, others: Answer): Answer {
  return (request) => {
    const said = request.at === 0 ? first(request) : others(request);
    return said && request.at === 0 ? { ...said, cutAfter: Math.floor((said.body?.length ?? 0) / 2) } : said;
  };
}

async function failureOf(promise: Promise<unknown>): Promise<UpdateError> {
  return promise.then(
    () => expect.unreachable(),
    (reason) => reason,
  );
}

/** Several places in order, one for each of `answers`. */
async function mirrors(answers: readonly Answer[], signal = new AbortController().signal) {
  const servers = await Promise.all(answers.map((answer) => startCutServer(answer)));
  const world = { ...testWorld(), clock: quickClock(), signal };
  const source = failOver(
    servers.map(({ url }) => httpSource(world, url)),
    world.log,
  );
  return {
    source,
    lines: world.lines,
    urls: servers.map(({ url }) => url),
    asked: () => servers.map(({ requests }) => requests.length),
    /** Whether a part was asked for. */
    isJoined: () => servers.some(({ requests }) => requests.some(({ headers }) => headers["range"] !== undefined)),
    async download() {
      const archive = await source.open(NAME);
      return { archive, bytes: Buffer.concat(await Array.fromAsync(archive.chunks())) };
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers) await server[Symbol.asyncDispose]();
    },
  };
}
