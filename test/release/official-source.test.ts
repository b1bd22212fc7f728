import { expect, test } from "bun:test";
import { type ErrorCode, UpdateError } from "../../src/platform/errors.ts";
import { officialSource } from "../../src/release/official-source.ts";
import { testWorld } from "./archive.ts";

const ELSEWHERE = "or name a mirror with `--base-url URL`";

/** What the default place says where every request fails so. */
async function hintsOf(code: ErrorCode, hint: string | undefined) {
  const failure = new UpdateError(code, "cannot fetch", hint === undefined ? {} : { hint });
  const source = officialSource({ ...testWorld(), http: { get: () => Promise.reject(failure) } }, ELSEWHERE);
  const asked = [source.readText("a.sha256", 10), source.open("a")];
  return Promise.all(asked.map((one) => one.catch(({ code, message, hint }) => ({ code, message, hint }))));
}

test.each<[ErrorCode, string | undefined, string | undefined]>([
  ["E_NETWORK", "check the name", `check the name; ${ELSEWHERE}`],
  ["E_NETWORK", undefined, ELSEWHERE],
  ["E_CONNECT_PROXY", "check the proxy", `check the proxy; ${ELSEWHERE}`],
  ["E_DOWNLOAD", "the server is busy", "the server is busy"],
])(
  "where the default place fails with %s, another one is mentioned if it was not reached",
  async (code, hint, said) => {
    const expected = { code, message: "cannot fetch", hint: said };
    expect(await hintsOf(code, hint)).toEqual([expected, expected]);
  },
);
