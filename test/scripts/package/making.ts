import { mkdirSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { must } from "../../support/must.ts";

export const SCRIPT = resolve("scripts/package.ts");

/** The files that are made, by their formats, and the folder that they are in. */
export interface Made {
  folder: string;
  deb: string;
  rpm: string;
}

/** Makes both packages of a program without weight in a new `folder`; `shell` is run before, in the same shell. */
export async function makeBoth(folder: string, options: readonly string[], shell = ""): Promise<Made> {
  mkdirSync(folder);
  const argv = [process.execPath, SCRIPT, "--quick", "--to", folder, "--executable", "/bin/true", ...options];
  await must(["sh", "-c", `${shell} exec "$@"`, "sh", ...argv]);
  const found = (format: string) =>
    join(folder, readdirSync(folder).find((file) => file.endsWith(format)) ?? "missing");
  return { folder, deb: found(".deb"), rpm: found(".rpm") };
}

/** Files and links: `-rwxr-xr-x root/root /usr/lib/teleport-update/copies`. */
export async function listDeb(deb: string): Promise<string[]> {
  return (await must(["dpkg-deb", "--contents", deb]))
    .split("\n")
    .flatMap((line) => /^([-l]\S+) (\S+) .*? \.(\/.*)$/.exec(line)?.slice(1, 4).join(" ") ?? [])
    .sort();
}

/** As `listDeb`, and folders, as an rpm has none but its own. */
export async function listRpm(rpm: string): Promise<string[]> {
  const format = "[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES} %{FILELINKTOS}\\n]";
  return (await must(["rpm", "--query", "--package", "--queryformat", format, rpm]))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.trimEnd().replace(/^(l\S+ \S+ \S+) /, "$1 -> "))
    .sort();
}
