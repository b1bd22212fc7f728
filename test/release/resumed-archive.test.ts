import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { UpdateError } from "../../src/platform/errors.ts";
import type { HttpOptions } from "../../src/platform/http.ts";
import { httpSource } from "../../src/release/http-source.ts";
import type { BegunArchive } from "../../src/release/source.ts";
import { type CutAnswer, type CutRequest, type CutServer, partOf, startCutServer } from "../support/cut-server.ts";
import { quickClock } from "../support/quick-clock.ts";
import { serve, sha256Of, testWorld } from "./archive.ts";

// For busy machines.
setDefaultTimeout(60_000);

const FILE = new Uint8Array(600_000).map((_, index) => (index * 2654435761) >>> 24);
const OTHER = FILE.map((byte) => byte ^ 1);
const NAME = "a.tar.gz";
/** Where the first answer ends when nothing else is said. */
const CUT = 200_000;
const TAG = '"1"';

type Answer = (request: CutRequest) => CutAnswer | undefined;

describe("a line that is cut", () => {
  const ways = (["FIN", "RST"] as const).flatMap((by) => [TAG, 'W/"1"', undefined].map((tag) => [by, tag] as const));
  test.each(ways)("by %s goes on where it was, with the tag %p", async (by, tag) => {
    for (const cutAfter of [0, 1, 65_535, 65_536, CUT, 599_999]) {
      const { bytes, requests, lines } = await download((request) => ({
        ...partOf(FILE, request, tag),
        ...(request.at === 0 && { cutAfter, by }),
      }));
      const [first, second] = requests.map(({ headers }) => headers);
      expect({ cutAfter, digest: sha256Of(bytes) }).toEqual({ cutAfter, digest: sha256Of(FILE) });
      expect([first?.["range"], first?.["if-range"]]).toEqual([undefined, undefined]);
      expect(second?.["range"]).toBe(cutAfter === 0 ? undefined : `bytes=${cutAfter}-`);
      expect(second?.["if-range"]).toBe(cutAfter > 0 && tag === TAG ? TAG : undefined);
      expect(requests).toHaveLength(2);
      expect(lines.filter((line) => line.startsWith("warn Trying again."))).toHaveLength(1);
    }
  });

  test("[threat true-length] a server that knows no parts sends all of it again, and no byte is given twice", async () => {
    const { bytes, requests } = await download(({ at }) => ({
      body: FILE,
      ...(at < 3 && { cutAfter: CUT * (at + 1) - 1 }),
    }));
    expect([sha256Of(bytes), requests.length]).toEqual([sha256Of(FILE), 4]);
  });

  test("[threat true-length] a part may be cut short by the server itself", async () => {
    const { bytes } = await download((request) => {
      const { from = 0 } = request;
      if (request.at === 0) return { body: FILE, cutAfter: CUT };
      const range = { "Content-Range": `bytes ${from}-${from + CUT - 1}/${FILE.length}` };
      return { status: 206, headers: range, body: FILE.subarray(from, from + CUT) };
    });
    expect(sha256Of(bytes)).toBe(sha256Of(FILE));
  });

  test("without a length the archive is as long as it came, which its digest shows", async () => {
    const { bytes } = await download(() => ({ body: FILE, headers: { "Content-Length": undefined }, cutAfter: CUT }));
    expect(bytes.length).toBe(CUT);
  });

  test("170 MB over a line that is cut twenty times come whole, with no byte fetched twice", async () => {
    const file = new Uint8Array(170 << 20);
    for (let at = 0; at < file.length; at += 65_521) file[at] = at % 251;
    const step = Math.floor(file.length / 21);
    const arrival = new Arrival();
    await using server = await startCutServer(
      arrival.awaited((request) => ({
        ...partOf(file, request, TAG),
        ...(request.at < 20 && { cutAfter: step, by: "RST" }),
      })),
    );
    const archive = await open(server);
    const digest = new Bun.CryptoHasher("sha256");
    for await (const chunk of archive.chunks()) {
      digest.update(chunk);
      arrival.add(chunk.length);
    }
    expect([digest.digest("hex"), archive.isPieced]).toEqual([sha256Of(file), true]);
    expect([server.requests.length, server.served]).toEqual([21, file.length]);
  });
});

describe("another file than the one that was begun", () => {
  const rest = (from = 0) => ({ "Content-Range": `bytes ${from}-${FILE.length - 1}/${FILE.length}` });
  const answers: [title: string, answer: Answer][] = [
    ["all of it, with another tag", () => ({ headers: { ETag: '"2"' }, body: OTHER })],
    ["all of it, of another length", () => ({ headers: { ETag: TAG }, body: FILE.subarray(1) })],
    ["a part, with another tag", ({ from }) => ({ status: 206, headers: { ...rest(from), ETag: '"2"' }, body: OTHER })],
    ["a part that starts elsewhere", ({ from = 0 }) => ({ status: 206, headers: rest(from - 1), body: FILE })],
    [
      "a part of another length",
      ({ from = 0 }) => ({ status: 206, headers: { "Content-Range": `bytes ${from}-599997/599998` }, body: FILE }),
    ],
    [
      "a part of unknown length beyond the end",
      ({ from = 0 }) => ({ status: 206, headers: { "Content-Range": `bytes ${from}-${FILE.length}/*` }, body: FILE }),
    ],
    [
      "a part of unknown length that starts elsewhere",
      ({ from = 0 }) => ({ status: 206, headers: { "Content-Range": `bytes ${from - 1}-999/*` }, body: FILE }),
    ],
    ["a part that does not say where it starts", () => ({ status: 206, body: FILE })],
    ["nothing there any more", () => ({ status: 416, headers: { "Content-Range": "bytes */1000" } })],
  ];
  test.each(answers)("[threat true-length] is %s", async (_, answer) => {
    const { error, received } = await failure((request) => (request.at === 0 ? firstPart(request) : answer(request)));
    expect([error.code, received]).toEqual(["E_CHANGED", CUT]);
  });

  test("a file whose tag is weak is known by its length alone, and then by its digest", async () => {
    const { archive, bytes } = await download((request) =>
      request.at === 0 ? { body: FILE, cutAfter: CUT } : { headers: { ETag: 'W/"2"' }, body: OTHER },
    );
    expect([archive.isPieced, bytes.length]).toEqual([true, FILE.length]);
    expect(sha256Of(bytes)).not.toBe(sha256Of(FILE));
  });

  test("the first answer may not be a part", async () => {
    await using server = await startCutServer(() => ({ status: 206, headers: rest(), body: FILE }));
    await expect(open(server)).rejects.toMatchObject({ code: "E_DOWNLOAD" });
  });
});

test.each<[title: string, from: (from: number) => CutAnswer]>([
  ["all that is missing", (from) => ({ body: FILE.subarray(from) })],
  ["some of it", (from) => ({ body: FILE.subarray(from, from + CUT) })],
])(
  "[threat true-length] a part of a whole of unknown length goes on, as the length is known: %s",
  async (_, answer) => {
    const { bytes, archive } = await download((request) => {
      const { at, from = 0 } = request;
      if (at === 0) return firstPart(request);
      const said = answer(from);
      const last = from + (said.body?.length ?? 0) - 1;
      return { ...said, status: 206, headers: { "Content-Range": `bytes ${from}-${last}/*` } };
    });
    expect([sha256Of(bytes), archive.length]).toEqual([sha256Of(FILE), FILE.length]);
  },
);

describe("an archive that was begun elsewhere", () => {
  test("[threat true-length] does not go on where nobody tells its length", async () => {
    const part: Answer = ({ from = 0 }) => ({
      status: 206,
      headers: { "Content-Range": `bytes ${from}-${FILE.length - 1}/*` },
      body: FILE.subarray(from),
    });
    await using server = await startCutServer(part);
    await expect(open(server, quickClock(), { received: CUT, length: undefined })).rejects.toMatchObject({
      code: "E_CHANGED",
    });
  });

  const go = async (begun: BegunArchive, answer: Answer) => {
    await using server = await startCutServer(answer);
    const archive = await open(server, quickClock(), begun);
    expect(archive.isPieced).toBe(begun.received > 0);
    return Buffer.concat(await Array.fromAsync(archive.chunks()));
  };
  test.each([FILE.length, undefined])("goes on here, of the length %p", async (length) => {
    const rest = sha256Of(FILE.subarray(CUT));
    expect(sha256Of(await go({ received: CUT, length }, (request) => partOf(FILE, request, TAG)))).toBe(rest);
    expect(sha256Of(await go({ received: CUT, length }, () => ({ body: FILE })))).toBe(rest);
  });

  test("is another one of another length", async () => {
    const begun = { received: CUT, length: FILE.length + 1 };
    await expect(go(begun, (request) => partOf(FILE, request))).rejects.toMatchObject({ code: "E_CHANGED" });
    await expect(go(begun, () => ({ body: FILE }))).rejects.toMatchObject({ code: "E_CHANGED" });
  });
});

describe("tries", () => {
  test("are eight without progress, and then end", async () => {
    const { error, requests, lines } = await failure((request) => (request.at === 0 ? firstPart(request) : undefined));
    // The first brought something, so it is the first of the eight.
    expect([error.code, requests.length]).toEqual(["E_NETWORK", 8]);
    expect(lines.filter((line) => line.startsWith("warn Trying again."))).toHaveLength(7);
    expect(lines.find((line) => line.includes('"try":8,"of":8'))).toContain(`/${NAME} from byte ${CUT} on`);
  });

  test("a few bytes are no progress", async () => {
    const drip: Answer = (request) => ({ ...partOf(FILE, request), cutAfter: 1000 });
    const { error, requests } = await failure(drip);
    expect([error.code, requests.length]).toEqual(["E_NETWORK", 8]);
  });

  test("with progress are as many as it takes, and pauses are short again", async () => {
    const clock = quickClock();
    const { bytes, requests } = await download((request) => ({ ...partOf(FILE, request), cutAfter: 65_536 }), clock);
    expect([sha256Of(bytes), requests.length]).toEqual([sha256Of(FILE), 10]);
    expect(new Set(clock.pauses)).toEqual(new Set([500]));
  });

  test("all of it again is no progress, or it would be sent for ever", async () => {
    const { error, requests } = await failure(({ at }) => ({ body: FILE, cutAfter: 70_000 * (at + 1) - 1 }));
    expect([error.code, requests.length]).toEqual(["E_NETWORK", 8]);
  });

  test.each([401, 403, 404, 407])("[threat status-means] end at status %d", async (status) => {
    const { error, requests } = await failure((request) => (request.at === 0 ? firstPart(request) : { status }));
    expect([error.code, requests.length]).toEqual(["E_DOWNLOAD", 2]);
  });

  test.each([429, 503])("wait as long as status %d asks for, and no longer than two minutes", async (status) => {
    const clock = quickClock();
    const busy =
      (after: number): Answer =>
      (request) =>
        request.at === 0
          ? firstPart(request)
          : request.at === 1
            ? { status, headers: { "Retry-After": after } }
            : partOf(FILE, request);
    expect(sha256Of((await download(busy(30), clock)).bytes)).toBe(sha256Of(FILE));
    expect(clock.pauses).toEqual([500, 31_000]);
    const { error, requests } = await failure(busy(121));
    expect([error.code, error.retryAfterMs, requests.length]).toEqual(["E_DOWNLOAD", 121_000, 2]);
  });
});

test("[threat stalls] silence, a trickle and a day are too long for an archive", async () => {
  const asked: (HttpOptions | undefined)[] = [];
  const world = testWorld();
  const http = {
    get(url: string, options?: HttpOptions) {
      asked.push(options);
      return world.http.get(url, options);
    },
  };
  await using server = serve(() => new Response("x"));
  await (await httpSource({ ...world, http }, server.url).open(NAME)).discard();
  const [{ timeoutMs = 0, ...limits } = {}] = asked;
  expect(limits).toMatchObject({ stallMs: 60_000, floor: { bytes: 61_440, withinMs: 60_000 } });
  expect(timeoutMs).toBeWithin(86_000_000, 86_400_001);
});

test("whoever stops early leaves no connection behind", async () => {
  await using server = await startCutServer((request) => ({
    ...partOf(FILE, request),
    beforeCut: () => new Promise(() => {}),
    cutAfter: CUT,
  }));
  const archive = await open(server);
  for await (const _ of archive.chunks()) break;
  await server.idle();
  await (await open(server)).discard();
  await server.idle();
  expect(server.requests).toHaveLength(2);
});

test("an interrupt ends it, also between two tries", async () => {
  const world = testWorld();
  const clock = quickClock();
  await using server = await startCutServer((request) => (request.at === 0 ? firstPart(request) : undefined));
  const warn = () => world.interrupt.abort();
  const archive = await httpSource({ ...world, clock, log: { ...world.log, warn } }, server.url).open(NAME);
  await expect(Array.fromAsync(archive.chunks())).rejects.toMatchObject({ code: "E_CANCELED" });
  expect(server.requests).toHaveLength(1);
});

/** What a server sends first that knows the file by a tag, up to the cut. */
function firstPart(request: CutRequest): CutAnswer {
  return { ...partOf(FILE, request, TAG), cutAfter: CUT };
}

function open({ url }: CutServer, clock = quickClock(), begun?: BegunArchive) {
  return httpSource({ ...testWorld(), clock }, url).open(NAME, begun);
}

/** Downloads what `answer` gives. */
async function download(answer: Answer, clock = quickClock()) {
  const arrival = new Arrival();
  await using server = await startCutServer(arrival.awaited(answer));
  const world = { ...testWorld(), clock };
  const archive = await httpSource(world, server.url).open(NAME);
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive.chunks()) {
    chunks.push(chunk);
    arrival.add(chunk.length);
  }
  return { bytes: Buffer.concat(chunks), archive, requests: server.requests, lines: world.lines };
}

/** What a download ends with, and how many bytes came before. */
async function failure(answer: Answer) {
  const arrival = new Arrival();
  await using server = await startCutServer(arrival.awaited(answer));
  const world = testWorld();
  const archive = await httpSource(world, server.url).open(NAME);
  const error: UpdateError = await (async () => {
    for await (const chunk of archive.chunks()) arrival.add(chunk.length);
  })().then(
    () => expect.unreachable(),
    (reason) => reason,
  );
  return { error, received: arrival.bytes, requests: server.requests, lines: world.lines };
}

/** How much of an archive is here. A cut takes along what is still on the line, so a server that is to be exact waits. */
class Arrival {
  bytes = 0;
  #more = Promise.withResolvers<void>();

  add(bytes: number): void {
    this.bytes += bytes;
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  /** The same answers, cut only when all before the cut has arrived. */
  awaited(answer: Answer): Answer {
    return (request) => {
      const said = answer(request);
      if (said?.cutAfter === undefined) return said;
      const end = (said.status === 206 ? (request.from ?? 0) : 0) + said.cutAfter;
      return { ...said, beforeCut: () => this.#reaches(end) };
    };
  }

  async #reaches(end: number): Promise<void> {
    while (this.bytes < end) await this.#more.promise;
  }
}
