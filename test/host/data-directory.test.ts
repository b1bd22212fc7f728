import { describe, expect, test } from "bun:test";
import { chmodSync, lchownSync } from "node:fs";
import { join } from "node:path";
import { botDirectoryNotices, whyLeftAlone } from "../../src/host/data-directory.ts";
import { planModule } from "../../src/host/selinux/plan-module.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { type TemporaryHost, temporaryHost } from "../support/temporary-host.ts";

const DATA = "/srv/agent/data";
const AGENT = 65_534;
const asRoot = process.geteuid?.() === 0;

type Arrange = (host: TemporaryHost) => void;
const open: Arrange = ({ root, files }) => {
  files.makeDirectory("/srv/agent");
  chmodSync(join(root, "/srv/agent"), 0o777);
};

const MADE: Record<string, Arrange> = {
  "is missing": () => {},
  "is a folder": ({ files }) => files.makeDirectory(DATA),
  "is a folder that others may write": ({ root, files }) => {
    files.makeDirectory(DATA);
    chmodSync(join(root, DATA), 0o777);
  },
  "is root's link to a folder": ({ link, files }) => {
    files.makeDirectory("/data");
    link(DATA, "/data");
  },
  "may be moved by root's group only": ({ root, files }) => {
    files.makeDirectory("/srv/agent");
    chmodSync(join(root, "/srv/agent"), 0o775);
  },
  ...(asRoot && {
    "belongs to an agent without root": ({ root, files }: TemporaryHost) => {
      files.makeDirectory(DATA);
      lchownSync(join(root, DATA), AGENT, AGENT);
    },
  }),
};

const LEFT_ALONE: Record<string, [Arrange, string]> = {
  "lies in a folder of others": [open, "others than root may change `"],
  "is a link to such a folder": [
    (host) => {
      host.files.makeDirectory("/home/agent/data");
      chmodSync(join(host.root, "/home/agent"), 0o777);
      host.link(DATA, "/home/agent/data");
    },
    "others than root may change `",
  ],
  "is a link in a circle": [({ link }) => link(DATA, "data"), "too many links"],
  ...(asRoot && {
    "is a link of others": [
      ({ root, link, files }: TemporaryHost) => {
        files.makeDirectory("/root");
        link(DATA, "/root");
        lchownSync(join(root, DATA), AGENT, AGENT);
      },
      "it belongs to the user",
    ] as [Arrange, string],
  }),
};

const labelled = ({ files }: TemporaryHost) => {
  const plan = planModule({ ...files, root: "/" }, namespaceFor(""), DATA, true);
  const makes = plan.changes.flatMap((change) => (change.kind === "selinux-module" ? change.makes.directories : []));
  return { paths: makes.map(({ path }) => path), notices: plan.notices.map(({ message }) => message) };
};

describe("[threat plantable-files] of a data directory", () => {
  test.each(Object.entries(MADE))("root makes what is missing where it %s", (_, arrange) => {
    using host = temporaryHost();
    arrange(host);
    expect(whyLeftAlone(host.files, DATA)).toBeUndefined();
    expect(botDirectoryNotices(host.files, DATA)).toEqual([]);
    expect(labelled(host).paths.includes(DATA)).toBe(host.files.statFollowed(DATA) === undefined);
  });

  test.each(Object.entries(LEFT_ALONE))("root makes nothing where it %s, and says why", (_, [arrange, reason]) => {
    using host = temporaryHost();
    arrange(host);
    expect(whyLeftAlone(host.files, DATA)).toContain(reason);
    expect(botDirectoryNotices(host.files, DATA)).toMatchObject([
      { level: "warn", attributes: { path: `${DATA}/bot`, reason: expect.stringContaining(reason) } },
    ]);
    const { paths, notices } = labelled(host);
    expect(paths.filter((path) => path.startsWith("/srv"))).toEqual([]);
    expect(notices).toContainEqual(expect.stringContaining("is not made"));
  });

  test("nothing is said of a bot's folder that is there", () => {
    using host = temporaryHost();
    open(host);
    host.files.makeDirectory(`${DATA}/bot`);
    expect(botDirectoryNotices(host.files, DATA)).toEqual([]);
  });
});
