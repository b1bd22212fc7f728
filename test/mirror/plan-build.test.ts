import { describe, expect, test } from "bun:test";
import { EDITIONS } from "../../src/mirror/archive-names.ts";
import { type BuildWishes, planBuild } from "../../src/mirror/plan-build.ts";
import { parseVersionWish } from "../../src/mirror/versions.ts";
import { revision } from "../../src/settings/revision.ts";
import { nameOf } from "./building.ts";

const DIGEST = "ab".repeat(32);
const LISTED = ["18.1.0", "18.2.0", "18.3.0", "19.0.0"].flatMap((version) => [
  nameOf(version),
  `${nameOf(version)}.sha256`,
]);

function plan(
  { versions = [], ...rest }: Partial<Omit<BuildWishes, "versions">> & { versions?: string[] },
  listed = LISTED,
) {
  const wishes = {
    advertised: undefined,
    editions: [EDITIONS.oss],
    architectures: ["amd64"],
    keep: undefined,
    digest: "",
  } as const;
  return planBuild({ ...wishes, versions: versions.map(parseVersionWish), ...rest }, listed);
}
const names = (...args: Parameters<typeof plan>) => plan(...args).map(({ name }) => name);

describe("what is named is wanted", () => {
  test("in each edition and for each processor, once", () => {
    const editions = [EDITIONS.oss, EDITIONS["ent-fips"]];
    expect(names({ versions: ["18.1.0", "v18.1.0"], editions, architectures: ["arm64", "amd64"] })).toEqual([
      "teleport-ent-v18.1.0-linux-amd64-fips-bin.tar.gz",
      "teleport-ent-v18.1.0-linux-arm64-fips-bin.tar.gz",
      "teleport-v18.1.0-linux-amd64-bin.tar.gz",
      "teleport-v18.1.0-linux-arm64-bin.tar.gz",
    ]);
  });

  test("whether or not a place lists it", () => {
    expect(names({ versions: ["20.0.0"] })).toEqual([nameOf("20.0.0")]);
  });
});

describe("a range takes what there is", () => {
  test("of these editions and processors", () => {
    expect(names({ versions: ["18"] })).toEqual(["18.1.0", "18.2.0", "18.3.0"].map((version) => nameOf(version)));
    const listed = [...LISTED, nameOf("18.2.0", "linux-arm64-bin"), nameOf("18.9.0", "linux-386-bin")];
    expect(names({ versions: ["18.2.."], architectures: ["arm64"] }, listed)).toEqual([
      nameOf("18.2.0", "linux-arm64-bin"),
    ]);
  });

  test("and no more of it than stays", () => {
    expect(names({ versions: ["18"], keep: 2 })).toEqual([nameOf("18.2.0"), nameOf("18.3.0")]);
    expect(names({ versions: ["18", "18.1.0"], keep: 1 })).toEqual([nameOf("18.1.0"), nameOf("18.3.0")]);
  });

  test("also where a place lists as many as it may", () => {
    const many = Array.from({ length: 100_000 }, (_, at) => nameOf(`18.${at}.0`));
    const begun = performance.now();
    expect(names({ versions: ["18"] }, many)).toHaveLength(many.length);
    expect(performance.now() - begun).toBeLessThan(10_000);
  }, 60_000);

  test("and nothing is a failure", () => {
    expect(() => plan({ versions: ["17"] })).toThrow(expect.objectContaining({ code: "E_MIRROR" }));
    expect(() => plan({ versions: ["18"], editions: [EDITIONS.ent] })).toThrow(
      expect.objectContaining({ code: "E_MIRROR" }),
    );
  });
});

test("what a cluster advertises is wanted, with the digests that it sends", () => {
  const advertised = { target: revision("18.2.0"), digests: new Map([[nameOf("18.2.0"), DIGEST]]) };
  const pinned = plan({ versions: ["18.1.0"], advertised }).map((one) => [one.name, one.pinned] as const);
  expect(pinned).toEqual([
    [nameOf("18.1.0"), []],
    [nameOf("18.2.0"), [{ sha256: DIGEST, by: "the cluster" }]],
  ]);
});

test("a digest is for one archive", () => {
  expect(plan({ versions: ["18.1.0"], digest: DIGEST })[0]?.pinned).toEqual([{ sha256: DIGEST, by: "`--digest`" }]);
  expect(() => plan({ versions: ["18.1.0", "18.2.0"], digest: DIGEST })).toThrow(
    expect.objectContaining({ code: "E_USAGE" }),
  );
});

test("something has to be wanted", () => {
  expect(() => plan({})).toThrow(expect.objectContaining({ code: "E_USAGE" }));
});
