import { describe, expect, test } from "bun:test";
import { goArchitecture } from "../../src/release/address.ts";
import { hostArchitecture } from "../../src/release/host-architecture.ts";
import { placeProgram } from "../support/place-program.ts";
import { type TemporaryHost, temporaryHost } from "../support/temporary-host.ts";
import { testWorld } from "../support/test-world.ts";
import { elfFile } from "./elf-file.ts";

const MACHINES = { amd64: 62, arm64: 183, riscv64: 243 };

function imageWith(path: string, machine: keyof typeof MACHINES): TemporaryHost {
  const host = temporaryHost();
  placeProgram(host, path, elfFile({ machine: MACHINES[machine] }));
  return host;
}

test.each(["amd64", "arm64"] as const)("the programs of an image tell that it is for %s", (architecture) => {
  for (const path of ["/bin/sh", "/usr/bin/env", "/usr/lib/systemd/systemd"]) {
    using host = imageWith(path, architecture);
    expect(hostArchitecture(testWorld(host.root))).toBe(architecture);
    expect(hostArchitecture(testWorld(host.root), { stated: architecture })).toBe(architecture);
  }
});

test("links are followed inside the image, not to this machine", () => {
  using host = imageWith("/usr/bin/dash", "arm64");
  host.link("/bin", "/usr/bin");
  host.link("/usr/bin/sh", "/usr/bin/dash");
  expect(hostArchitecture(testWorld(host.root))).toBe("arm64");
});

test("what is no program tells nothing, and the next one is asked", () => {
  using host = imageWith("/usr/bin/env", "arm64");
  host.write("/bin/sh", "#!/bin/true\n");
  expect(hostArchitecture(testWorld(host.root))).toBe("arm64");
  placeProgram(host, "/bin/sh", elfFile({}).subarray(0, 20));
  expect(hostArchitecture(testWorld(host.root))).toBe("arm64");
});

test("an image of another processor than the stated one is refused, with both names", () => {
  using host = imageWith("/bin/sh", "arm64");
  expect(() => hostArchitecture(testWorld(host.root), { stated: "amd64" })).toThrow(
    expect.objectContaining({ code: "E_PROGRAM", message: expect.stringMatching(/arm64.*`\/bin\/sh`.*--arch amd64/) }),
  );
});

test("an image for a processor without releases is refused", () => {
  using host = imageWith("/bin/sh", "riscv64");
  expect(() => hostArchitecture(testWorld(host.root))).toThrow(expect.objectContaining({ code: "E_PROGRAM" }));
});

test("a tree without programs is for what is stated, else for this machine, which is said", () => {
  using host = temporaryHost();
  const world = testWorld(host.root);
  expect(hostArchitecture(world, { stated: "arm64" })).toBe("arm64");
  expect(world.log.lines).toEqual([]);
  expect(hostArchitecture(world)).toBe(goArchitecture(process.arch));
  expect(world.log.lines).toEqual([expect.stringContaining(`architecture:${goArchitecture(process.arch)}`)]);
});

describe("a tree without programs of a system, into which something was installed", () => {
  const RELEASE = "/opt/teleport/default/versions/18.0.0/bin/teleport";
  const UPDATER = "/usr/local/bin/teleport-update";
  const installed = [RELEASE, UPDATER];

  test.each(installed)("is for what its %s is for, and nothing is said", (path) => {
    for (const architecture of ["amd64", "arm64"] as const) {
      using host = imageWith(path, architecture);
      const world = testWorld(host.root);
      expect(hostArchitecture(world, { installed })).toBe(architecture);
      expect(world.log.lines).toEqual([]);
    }
  });

  test("is for what is stated, by which a layer of the wrong processor is mended", () => {
    using host = imageWith(RELEASE, "amd64");
    expect(hostArchitecture(testWorld(host.root), { installed, stated: "arm64" })).toBe("arm64");
  });

  test("tells less than the system does, once there is one", () => {
    using host = imageWith(RELEASE, "amd64");
    placeProgram(host, "/bin/sh", elfFile({ machine: MACHINES.arm64 }));
    expect(hostArchitecture(testWorld(host.root), { installed })).toBe("arm64");
  });
});

test("a host that runs is of this machine, whatever its files say", () => {
  using host = imageWith("/bin/sh", "riscv64");
  const files = { ...host.files, root: "/" };
  expect(hostArchitecture(testWorld(host.root, { files }))).toBe(goArchitecture(process.arch));
});
