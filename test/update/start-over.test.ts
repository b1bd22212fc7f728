import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openHttp } from "../../src/platform/fetch-http.ts";
import type { Http, HttpAnswer } from "../../src/platform/http.ts";
import { httpSource } from "../../src/release/http-source.ts";
import { revision } from "../../src/settings/revision.ts";
import { obtainRelease } from "../../src/update/obtain-release.ts";
import { type CutAnswer, type CutRequest, partOf, startCutServer } from "../support/cut-server.ts";
import { quickClock } from "../support/quick-clock.ts";
import { makeRelease } from "../support/release-maker.ts";
import { temporaryHost } from "../support/temporary-host.ts";
import { testWorld } from "../support/test-world.ts";
import { NAMESPACE } from "../support/update-host.ts";

// For busy machines: each test stages a whole release.
setDefaultTimeout(60_000);

const CUT = 20_000;
const PATH = "/release.tar.gz";

let folder: string;
let file: Buffer;
let sha256: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "start-over-"));
  const release = await makeRelease({ version: "18.1.0", directory: folder });
  file = readFileSync(release.archive);
  sha256 = release.sha256;
});
afterAll(() => rmSync(folder, { recursive: true }));

type Answer = (request: CutRequest) => CutAnswer;
const whole: Answer = () => ({ body: file });

/** What is there when the rest of an archive is asked for, of which a part came under this tag. */
const CHANGES: [title: string, tag: string, rest: Answer][] = [
  ["by its tag", '"1"', () => ({ body: file, headers: { ETag: '"2"' } })],
  [
    "by nothing but the digest of all",
    'W/"1"',
    (request) =>
      partOf(
        file.map((byte) => byte ^ 1),
        request,
      ),
  ],
];

test.each(CHANGES)(
  "an archive that is another one after a cut, %s, starts over from its checksum",
  async (_, tag, rest) => {
    const { error, asked, lines } = await obtain([cut(tag), rest, whole]);
    expect([error, asked]).toEqual([undefined, ["checksum", "archive", "rest", "checksum", "archive"]]);
    expect(lines).toContainEqual(expect.stringContaining("WARN The download starts over."));
  },
);

test.each(CHANGES)("and once only: %s", async (_, tag, rest) => {
  const { error, asked } = await obtain([cut(tag), rest, cut(tag), rest]);
  expect(error).toMatchObject({ code: "E_CHANGED" });
  expect(asked).toEqual(["checksum", "archive", "rest", "checksum", "archive", "rest"]);
});

test("one that came in one piece and is another one does not", async () => {
  const { error, asked } = await obtain([() => ({ body: file.subarray(1) })]);
  expect(error).toMatchObject({ code: "E_CHECKSUM" });
  expect(asked).toEqual(["checksum", "archive"]);
});

function cut(tag: string): Answer {
  return () => ({ body: file, headers: { ETag: tag }, cutAfter: CUT });
}

/** Stages the release from a server that answers for the archive with these, one after the other. */
async function obtain(answers: Answer[]) {
  let arrived = () => {};
  await using server = await startCutServer((request) => {
    if (request.path !== PATH) return { body: Buffer.from(sha256) };
    const said = (answers.shift() ?? whole)(request);
    if (said.cutAfter === undefined) return said;
    const here = Promise.withResolvers<void>();
    arrived = here.resolve;
    return { ...said, beforeCut: () => here.promise };
  });
  using host = temporaryHost();
  host.files.makeDirectory(NAMESPACE.versions);
  const http = counting((bytes) => {
    if (bytes >= CUT) arrived();
  });
  const world = testWorld(host.root, { http, clock: quickClock() });
  const demands = { pinned: [], keys: [], skipSignature: false };
  const release = { name: PATH.slice(1), source: httpSource(world, server.url), demands };
  const request = {
    namespace: NAMESPACE,
    target: revision("18.1.0"),
    release,
    isLinked: false,
    makeRoom: async () => {},
  };
  const error: unknown = await obtainRelease(world, request).then(
    (obtained) => obtained[Symbol.asyncDispose](),
    (reason) => reason,
  );
  const asked = server.requests.map(({ path, headers }) =>
    path !== PATH ? "checksum" : headers["range"] === undefined ? "archive" : "rest",
  );
  return { error, asked, lines: world.log.lines };
}

/** The network, which tells how much of each answer was read: what is on the line when it is cut may be lost. */
function counting(read: (bytes: number) => void): Http {
  const http = openHttp({
    trust: () => {
      throw new Error("this test uses no TLS");
    },
    insecure: false,
    proxies: { httpsProxy: "", httpProxy: "", noProxy: "" },
  });
  async function* counted({ body }: HttpAnswer) {
    let bytes = 0;
    for await (const chunk of body) {
      bytes += chunk.length;
      yield chunk;
      read(bytes);
    }
  }
  return {
    async get(url, options) {
      const answer = await http.get(url, options);
      return { ...answer, body: counted(answer) };
    },
  };
}
