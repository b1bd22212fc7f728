import { expect, test } from "bun:test";
import { commandLine } from "../../../scripts/release/command-line.ts";
import { COMPANIONS } from "../../../scripts/release/companions.ts";
import { tarballsOf } from "../../../scripts/release/tarballs.ts";
import { installNotes, unpackedReadme } from "../../../scripts/release/texts.ts";
import { VARIANTS } from "../../../scripts/release/variants.ts";

test("the tarballs have the names of the downloads page, and of the page for operators", () => {
  const shown = VARIANTS.flatMap((variant) => tarballsOf(variant, "1.2.3")).map(
    ({ gzip, zstd, topFolder }) => `${gzip} ${zstd} ${topFolder}/`,
  );
  expect(shown).toEqual([
    "teleport-update-v1.2.3-linux-amd64-bin.tar.gz teleport-update-v1.2.3-linux-amd64-bin.tar.zst teleport-update/",
    "teleport-update-1.2.3.tgz teleport-update-1.2.3.tar.zst teleport-update-1.2.3/",
    "teleport-update-v1.2.3-linux-amd64-fips-bin.tar.gz teleport-update-v1.2.3-linux-amd64-fips-bin.tar.zst teleport-update/",
    "teleport-update-v1.2.3-linux-arm64-bin.tar.gz teleport-update-v1.2.3-linux-arm64-bin.tar.zst teleport-update/",
    "teleport-update-v1.2.3-linux-arm64-fips-bin.tar.gz teleport-update-v1.2.3-linux-arm64-fips-bin.tar.zst teleport-update/",
  ]);
});

test.each(VARIANTS)("the README of $architecture, FIPS: $isFips names commands that there are", (variant) => {
  const readme = unpackedReadme("1.2.3", variant);
  const named = [...readme.matchAll(/teleport-update ([a-z]+)/g)].map(([, command]) => command);
  const known = ["help", ...commandLine().commands.map(({ name }) => name)];
  expect(named).toContain("enable");
  expect(named.filter((command) => !known.includes(command ?? "") && command !== "for")).toEqual([]);
  expect(readme.includes("FIPS mode")).toBe(variant.isFips);
});

test("the notes for installing say where each companion belongs", () => {
  const notes = installNotes({ architecture: "amd64", isFips: false });
  for (const path of Object.values(COMPANIONS)) expect(notes).toContain(` install -D -m 644 ${path} /usr/local/share/`);
});
