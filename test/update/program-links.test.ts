import { expect, test } from "bun:test";
import { hostFiles } from "../../src/platform/host-files.ts";
import { folderSource } from "../../src/release/folder-source.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { emptyConfig } from "../../src/settings/update-config.ts";
import type { Activation } from "../../src/update/activate.ts";
import { planProgramLinks, warnOfOtherNamespace } from "../../src/update/program-links.ts";
import { HOST_ARCHITECTURE } from "../support/elf-patch.ts";
import { type TemporaryHost, temporaryHost } from "../support/temporary-host.ts";
import { testWorld } from "../support/test-world.ts";

const NAMESPACE = namespaceFor("");
const LINKS = "/usr/local/bin";
const program = (version: string, name: string) => `${NAMESPACE.versions}/${version}/bin/${name}`;

function jobFor(version: string): Activation {
  const config = emptyConfig();
  return {
    namespace: NAMESPACE,
    config: { ...config, spec: { ...config.spec, path: LINKS } },
    target: revision(version),
    release: {
      name: "",
      source: folderSource(hostFiles(), "/", ""),
      demands: { pinned: [], keys: [], skipSignature: false },
    },
    architecture: HOST_ARCHITECTURE,
    updater: "",
    dataDirectory: "/var/lib/teleport",
    isRepair: false,
    givenProxies: undefined,
    attempt: undefined,
    overwrite: false,
    options: {},
    selfSetup: true,
    handOver: false,
    debug: false,
    onMoved: () => {},
    logFormat: "text",
  };
}

function hostWith(names: readonly string[]): TemporaryHost {
  const host = temporaryHost();
  for (const name of names) host.link(`${LINKS}/${name}`, program("1.0.0", name));
  return host;
}

test.each(["teleport", "tbot"])("a release that lacks %s, which is linked, is refused", (name) => {
  using host = hostWith([name]);
  const plan = () => planProgramLinks(testWorld(host.root), jobFor("2.0.0"), ["tsh"], undefined);
  expect(plan).toThrow(
    expect.objectContaining({ code: "E_NO_PROGRAMS", message: expect.stringContaining(`\`${name}\``) }),
  );
});

test("the link of any other program that the release lacks goes", () => {
  using host = hostWith(["teleport", "old-tool"]);
  expect(planProgramLinks(testWorld(host.root), jobFor("2.0.0"), ["teleport"], undefined)).toEqual([
    { kind: "link", path: `${LINKS}/old-tool`, before: program("1.0.0", "old-tool"), after: null },
    {
      kind: "link",
      path: `${LINKS}/teleport`,
      before: program("1.0.0", "teleport"),
      after: program("2.0.0", "teleport"),
    },
  ]);
});

test("links of another installation are taken over with a warning, those of the package in silence", () => {
  using host = temporaryHost();
  host.link(`${LINKS}/tctl`, "/opt/teleport/system/bin/tctl");
  host.link(`${LINKS}/tsh`, "/opt/teleport/blue/versions/1.0.0/bin/tsh");
  const world = testWorld(host.root);
  warnOfOtherNamespace(world, NAMESPACE, planProgramLinks(world, jobFor("2.0.0"), ["tctl", "tsh"], undefined));
  expect(world.log.lines).toEqual([expect.stringContaining(`path:${LINKS}/tsh was:/opt/teleport/blue/`)]);
});
