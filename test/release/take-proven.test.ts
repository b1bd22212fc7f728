import { describe, expect, test } from "bun:test";
import { isUpdateError } from "../../src/platform/errors.ts";
import { provenChunks } from "../../src/release/download.ts";
import { failOver } from "../../src/release/fail-over.ts";
import { httpSource } from "../../src/release/http-source.ts";
import { proveDigest } from "../../src/release/proof.ts";
import { takeProven } from "../../src/release/take-proven.ts";
import { type CutAnswer, type CutRequest, partOf, startCutServer } from "../support/cut-server.ts";
import { NO_PROGRESS, sha256Of, testWorld } from "./archive.ts";

const NAME = "a.tar.gz";
const LENGTH = 300_000;
const [OLD, NEW] = [1, 2].map((seed) => new Uint8Array(LENGTH).map((_, at) => ((at + seed) * 2654435761) >>> 24));

type Answer = (request: CutRequest, halfIsHere: Promise<void>) => CutAnswer;
const has =
  (file = new Uint8Array()): Answer =>
  (request) =>
    partOf(file, request);
const cut =
  (file = new Uint8Array()): Answer =>
  (_, halfIsHere) => ({ body: file, cutAfter: LENGTH / 2, beforeCut: () => halfIsHere });
const gone: Answer = () => ({ status: 404 });

/** What a place says when it is asked for its checksum, and for the archive, one answer after the other; the last one stays. */
interface Place {
  checksum: (Uint8Array | undefined)[];
  archive: Answer[];
}

describe("what one place was believed on", () => {
  test.each<[string, Place, Place, taken: Uint8Array | undefined]>([
    [
      "is demanded of the next one, whose file has the same length",
      { checksum: [OLD], archive: [cut(OLD), gone] },
      { checksum: [NEW], archive: [has(NEW)] },
      undefined,
    ],
    ["and which has it", { checksum: [OLD], archive: [cut(OLD), gone] }, { checksum: [NEW], archive: [has(OLD)] }, OLD],
    [
      "is demanded although its own archive is another one",
      { checksum: [OLD], archive: [has(NEW)] },
      { checksum: [NEW], archive: [has(NEW)] },
      undefined,
    ],
    [
      "counts no more when that place changes its file itself, as the others do",
      { checksum: [OLD, NEW], archive: [cut(OLD), gone, has(NEW)] },
      { checksum: [NEW], archive: [has(NEW)] },
      NEW,
    ],
    [
      "was nothing when it has no checksum that can be read",
      { checksum: [Buffer.from("<html>")], archive: [gone] },
      { checksum: [NEW], archive: [has(NEW)] },
      NEW,
    ],
  ])("%s", async (_, first, second, taken) => {
    expect(await take([first, second])).toBe(taken && sha256Of(taken));
  });

  test("is told beside what the next one says", async () => {
    const places = [
      { checksum: [OLD], archive: [cut(OLD), gone] },
      { checksum: [NEW], archive: [has(NEW)] },
    ];
    const lines: string[] = [];
    await take(places, lines);
    expect(lines.join("\n")).toMatch(/http.*\/a\.tar\.gz.* says .*, and .*http.*\/a\.tar\.gz\.sha256.* says /);
  });
});

/** The digest of what is taken from these places in order; undefined when nothing is believed. */
async function take(places: readonly Place[], lines: string[] = []): Promise<string | undefined> {
  await using stack = new AsyncDisposableStack();
  const half = Promise.withResolvers<void>();
  let received = 0;
  const advance = (bytes: number) => {
    received += bytes;
    if (received >= LENGTH / 2) half.resolve();
  };
  const servers = await Promise.all(places.map((place) => startCutServer(answersOf(place, half.promise))));
  for (const server of servers) stack.use(server);
  const world = testWorld();
  const source = failOver(
    servers.map(({ url }) => httpSource(world, url)),
    world.log,
  );
  const demands = { pinned: [], keys: [], skipSignature: false };
  try {
    return await takeProven(source, world.log, {
      prove: (believed) => proveDigest(source, NAME, { ...demands, believed }, world.log),
      async take({ sha256 }) {
        const archive = await source.open(NAME);
        const request = { name: NAME, sha256, progress: { ...NO_PROGRESS, advance } };
        return sha256Of(Buffer.concat(await Array.fromAsync(provenChunks(archive, request))));
      },
    });
  } catch (error) {
    if (!isUpdateError(error, "E_CHECKSUM", "E_CHANGED")) throw error;
    return undefined;
  } finally {
    lines.push(...world.lines);
  }
}

function answersOf({ checksum, archive }: Place, halfIsHere: Promise<void>) {
  const [checksums, archives] = [[...checksum], [...archive]];
  const next = <T>(left: T[]) => (left.length > 1 ? left.shift() : left[0]);
  return (request: CutRequest): CutAnswer => {
    if (request.path === `/${NAME}`) return next(archives)?.(request, halfIsHere) ?? { status: 404 };
    const file = next(checksums);
    if (file === undefined) return { status: 404 };
    return { body: Buffer.from(file.length === LENGTH ? sha256Of(file) : file) };
  };
}
