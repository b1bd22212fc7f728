import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import packageJson from "../package.json" with { type: "json" };
import runtimes from "../scripts/runtimes.json" with { type: "json" };

const lock = await Bun.file("bun.lock").text();

describe("bun.lock", () => {
  test("names no host, so that it works behind any mirror of the registry", () => {
    expect(lock.match(/\w+:\/\/[^"]*/g)).toBeNull();
  });

  test("pins every package by its digest", () => {
    const packages = lock.split("\n").filter((line) => /^ {4}"[^"]+": \[/.test(line));
    expect(packages.length).toBeGreaterThan(Object.keys(packageJson.dependencies).length);
    expect(packages.filter((line) => !/"sha512-[A-Za-z0-9+/]{86}=="\],$/.test(line))).toEqual([]);
  });

  test("is the only lock file", () => {
    const others = ["package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lockb"];
    expect(others.filter((name) => existsSync(name))).toEqual([]);
  });
});

describe("package.json", () => {
  test("names exact versions", () => {
    const versions = Object.values({ ...packageJson.dependencies, ...packageJson.devDependencies });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  test("has the runtimes and the types of the Bun that the bootstrap pins", () => {
    const { devDependencies } = packageJson;
    expect(runtimes.version).toBe(Bun.version);
    expect(devDependencies["@oven/bun-linux-x64"]).toBe(runtimes.version);
    expect(devDependencies["@oven/bun-linux-aarch64"]).toBe(runtimes.version);
    expect(devDependencies["@types/bun"]).toBe(runtimes.version);
  });
});
